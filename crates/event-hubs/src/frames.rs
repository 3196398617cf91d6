//! Frames of AMQP, and the check of every frame that a client sends before the decoder reads it.
//!
//! Promises that the decoder gets nothing that nests deeper than [`nesting`](crate::nesting) allows, so that a client cannot
//! end the process by a stack overflow. Knows of a frame only its header and its first value.

use crate::nesting::{Unreadable, Walk};
use fe2o3_amqp_types::performatives::{Performative, Transfer};
use std::collections::HashMap;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame that the endpoint sends and accepts; it says so when a connection opens.
pub const MAX_FRAME_BYTES: usize = 64 << 10;
/// Messages of one connection of which only a part has arrived.
const MAX_UNFINISHED: usize = 1_024;
const HEADER_BYTES: usize = 8;
/// A stream begins with the name of the protocol, once for the sign-in and once after it. It is as long as a header.
const PROTOCOL: &[u8] = b"AMQP";
/// The type of all frames except those of the sign-in.
const AMQP_FRAME: u8 = 0;

/// A frame, or the name of the protocol.
#[derive(Debug)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// Reads the next frame of `stream`; `None` at its end.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEADER_BYTES];
        if let Err(error) = stream.read_exact(&mut bytes).await {
            return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
        }
        if !bytes.starts_with(PROTOCOL) {
            let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
            if !(HEADER_BYTES..=MAX_FRAME_BYTES).contains(&length) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
            }
            bytes.resize(length, 0);
            stream.read_exact(&mut bytes[HEADER_BYTES..]).await?;
        }
        Ok(Some(Frame(bytes)))
    }

    pub fn channel(&self) -> u16 {
        u16::from_be_bytes([self.0[6], self.0[7]])
    }

    fn is_protocol(&self) -> bool {
        self.0.starts_with(PROTOCOL)
    }

    /// Whether it belongs to the connection and not to the sign-in.
    pub fn is_amqp(&self) -> bool {
        !self.is_protocol() && self.0[5] == AMQP_FRAME
    }

    /// Where the body begins. A heartbeat has an empty one.
    pub fn body_start(&self) -> usize {
        if self.is_protocol() { self.0.len() } else { (usize::from(self.0[4]) * 4).min(self.0.len()) }
    }

    pub fn body(&self) -> &[u8] {
        &self.0[self.body_start()..]
    }
}

/// Forwards the frames of `client` to `decoder`, until the client closes the stream or sends what must not be decoded.
pub async fn forward_to_decoder(
    mut client: impl AsyncRead + Unpin,
    mut decoder: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut unfinished = Unfinished::default();
    let forward = async {
        while let Some(frame) = Frame::read(&mut client).await? {
            unfinished.check(&frame).map_err(|unreadable| io::Error::new(io::ErrorKind::InvalidData, unreadable))?;
            decoder.write_all(&frame.0).await?;
        }
        Ok(())
    };
    let outcome = forward.await;
    decoder.shutdown().await?;
    outcome
}

/// The messages of which a part has arrived, by channel and handle.
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
            // A client may use the handle or the channel for another link.
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
        if self.0.len() > MAX_UNFINISHED { Err(Unreadable::Malformed) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nesting::MAX_DEPTH;
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
        frame(1, &serde_amqp::to_vec(&transfer).expect("it can be encoded"), payload)
    }

    fn detach(handle: u32) -> Frame {
        let detach = Detach { handle: Handle(handle), closed: true, error: None };
        frame(1, &serde_amqp::to_vec(&detach).expect("it can be encoded"), &[])
    }

    #[test]
    fn nesting_is_counted_across_the_frames_of_a_message_and_link_by_link() {
        let half = [0x00, 0x44].repeat(MAX_DEPTH / 2 + 1);
        let mut unfinished = Unfinished::default();
        for frame in [transfer(1, true, &half), transfer(2, true, &half), detach(1), transfer(1, true, &half)] {
            assert_eq!(unfinished.check(&frame), Ok(()));
        }
        assert_eq!(unfinished.check(&transfer(1, false, &half)), Err(Unreadable::TooDeep));
    }

    #[test]
    fn a_performative_that_nests_too_deep_is_not_decoded() {
        let nested = [[0x00, 0x44].repeat(MAX_DEPTH + 1), vec![0x40]].concat();
        assert_eq!(Unfinished::default().check(&frame(0, &nested, &[])), Err(Unreadable::TooDeep));
        assert_eq!(Unfinished::default().check(&frame(0, &[0xa1], &[])), Err(Unreadable::Malformed));
        assert_eq!(Unfinished::default().check(&frame(0, &[], &[])), Ok(()));
    }
}
