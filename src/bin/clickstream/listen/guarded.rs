//! A stream that is cut before anything reaches the decoder that would cost it its stack.

use super::nesting::{Unreadable, Walk};
use fe2o3_amqp_types::performatives::{Performative, Transfer};
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Frames longer than this are the decoder's to refuse.
const LONGEST_FRAME: usize = 64 << 10;
const PROTOCOL: &[u8] = b"AMQP";
const HEADER_BYTES: usize = 8;
/// Messages of one connection that may be half here.
const MOST_UNFINISHED: usize = 1_024;

/// The other type of frame is for signing in.
const AMQP_FRAME: u8 = 0;

#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    watch: Watch,
}

impl<S> Guarded<S> {
    pub fn new(stream: S) -> Self {
        Guarded { stream, watch: Watch::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read
            && let Err(unreadable) = self.watch.see(&buffer.filled()[before..])
        {
            // What makes the frame whole is among these bytes, so the decoder never sees it.
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, unreadable)));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The frame that is being received, and the messages that are half here, by channel and handle.
#[derive(Debug, Default)]
struct Watch {
    frame: Vec<u8>,
    unfinished: HashMap<(u16, u32), Walk>,
}

impl Watch {
    fn see(&mut self, mut bytes: &[u8]) -> Result<(), Unreadable> {
        while !bytes.is_empty() {
            let missing = self.length()?.saturating_sub(self.frame.len()).min(bytes.len());
            self.frame.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.frame.len() >= HEADER_BYTES && self.frame.len() == self.length()? {
                let frame = std::mem::take(&mut self.frame);
                self.check(&frame)?;
                self.frame = frame;
                self.frame.clear();
            }
        }
        Ok(())
    }

    /// Of the frame, as far as it is known.
    fn length(&self) -> Result<usize, Unreadable> {
        match self.frame.first_chunk::<4>() {
            Some(start) if start == PROTOCOL => Ok(HEADER_BYTES),
            Some(start) if self.frame.len() >= HEADER_BYTES => match u32::from_be_bytes(*start) as usize {
                length @ HEADER_BYTES..=LONGEST_FRAME => Ok(length),
                _ => Err(Unreadable::Malformed),
            },
            _ => Ok(HEADER_BYTES),
        }
    }

    fn check(&mut self, frame: &[u8]) -> Result<(), Unreadable> {
        let body = usize::from(frame[4]) * 4;
        if frame.starts_with(PROTOCOL) || frame.len() <= body {
            return Ok(());
        }
        let channel = u16::from_be_bytes([frame[6], frame[7]]);
        let body = &frame[body..];
        let length = Walk::first_value(body)?.ok_or(Unreadable::Malformed)?;
        if frame[5] != AMQP_FRAME {
            return Ok(());
        }
        let performative = serde_amqp::from_slice(&body[..length]).map_err(|_| Unreadable::Malformed)?;
        match performative {
            Performative::Transfer(transfer) => self.check_transfer(channel, &transfer, &body[length..]),
            // Handles and channels are used again.
            Performative::Detach(detach) => {
                self.unfinished.remove(&(channel, detach.handle.0));
                Ok(())
            }
            Performative::End(_) => {
                self.unfinished.retain(|(of, _), _| *of != channel);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_transfer(&mut self, channel: u16, transfer: &Transfer, payload: &[u8]) -> Result<(), Unreadable> {
        let key = (channel, transfer.handle.0);
        let mut walk = self.unfinished.remove(&key).unwrap_or_default();
        if transfer.aborted {
            return Ok(());
        }
        walk.feed(payload)?;
        if transfer.more {
            self.unfinished.insert(key, walk);
        }
        if self.unfinished.len() > MOST_UNFINISHED { Err(Unreadable::Malformed) } else { Ok(()) }
    }
}
