//! What comes from a client, frame by frame, cut off before anything reaches the decoder that would cost it its stack.

use super::frames::Frame;
use super::nesting::{Unreadable, Walk};
use fe2o3_amqp_types::performatives::{Performative, Transfer};
use std::collections::HashMap;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// Messages of one connection that may be half here.
const MOST_UNFINISHED: usize = 1_024;

/// Hands the frames of `client` on to `decoder`, until the client has ended or sends what must not be decoded.
pub async fn pump(mut client: impl AsyncRead + Unpin, mut decoder: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut unfinished = Unfinished::default();
    let ended = async {
        while let Some(frame) = Frame::read(&mut client).await? {
            unfinished.check(&frame).map_err(|unreadable| io::Error::new(io::ErrorKind::InvalidData, unreadable))?;
            decoder.write_all(&frame.0).await?;
        }
        Ok(())
    };
    let outcome = ended.await;
    decoder.shutdown().await?;
    outcome
}

/// The messages that are half here, by channel and handle.
#[derive(Debug, Default)]
struct Unfinished(HashMap<(u16, u32), Walk>);

impl Unfinished {
    fn check(&mut self, frame: &Frame) -> Result<(), Unreadable> {
        let body = frame.body();
        if body.is_empty() {
            return Ok(());
        }
        let length = Walk::first_value(body)?.ok_or(Unreadable::Malformed)?;
        if !frame.is_amqp() {
            return Ok(());
        }
        let channel = frame.channel();
        match serde_amqp::from_slice(&body[..length]).map_err(|_| Unreadable::Malformed)? {
            Performative::Transfer(transfer) => self.check_transfer(channel, &transfer, &body[length..]),
            // Handles and channels are used again.
            Performative::Detach(detach) => {
                self.0.remove(&(channel, detach.handle.0));
                Ok(())
            }
            Performative::End(_) => {
                self.0.retain(|(of, _), _| *of != channel);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_transfer(&mut self, channel: u16, transfer: &Transfer, payload: &[u8]) -> Result<(), Unreadable> {
        let key = (channel, transfer.handle.0);
        let mut walk = self.0.remove(&key).unwrap_or_default();
        if transfer.aborted {
            return Ok(());
        }
        walk.feed(payload)?;
        if transfer.more {
            self.0.insert(key, walk);
        }
        if self.0.len() > MOST_UNFINISHED { Err(Unreadable::Malformed) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::nesting::DEEPEST;
    use fe2o3_amqp_types::definitions::Handle;
    use fe2o3_amqp_types::performatives::Detach;

    fn frame(channel: u16, performative: &[u8], payload: &[u8]) -> Frame {
        let length = 8 + performative.len() + payload.len();
        let header = [&(length as u32).to_be_bytes()[..], &[2, 0], &channel.to_be_bytes()].concat();
        Frame([&header[..], performative, payload].concat())
    }

    fn transfer(handle: u32, more: bool, payload: &[u8]) -> Frame {
        let transfer = Transfer {
            handle: Handle(handle),
            delivery_id: None,
            delivery_tag: None,
            message_format: None,
            settled: None,
            more,
            rcv_settle_mode: None,
            state: None,
            resume: false,
            aborted: false,
            batchable: false,
        };
        frame(1, &serde_amqp::to_vec(&transfer).expect("encoded"), payload)
    }

    fn detach(handle: u32) -> Frame {
        let detach = Detach { handle: Handle(handle), closed: true, error: None };
        frame(1, &serde_amqp::to_vec(&detach).expect("encoded"), &[])
    }

    #[test]
    fn nesting_is_counted_across_the_frames_of_a_message_and_link_by_link() {
        let half = [0x00, 0x44].repeat(DEEPEST / 2 + 1);
        let mut unfinished = Unfinished::default();
        for frame in [transfer(1, true, &half), transfer(2, true, &half), detach(1), transfer(1, true, &half)] {
            assert_eq!(unfinished.check(&frame), Ok(()));
        }
        assert_eq!(unfinished.check(&transfer(1, false, &half)), Err(Unreadable::TooDeep));
    }

    #[test]
    fn a_performative_that_nests_too_deep_is_not_decoded() {
        let nested = [[0x00, 0x44].repeat(DEEPEST + 1), vec![0x40]].concat();
        assert_eq!(Unfinished::default().check(&frame(0, &nested, &[])), Err(Unreadable::TooDeep));
        assert_eq!(Unfinished::default().check(&frame(0, &[0xa1], &[])), Err(Unreadable::Malformed));
        assert_eq!(Unfinished::default().check(&frame(0, &[], &[])), Ok(()));
    }
}
