//! Frames on their way to a client, changed where the clients count on how the service writes them.
//!
//! The encoder differs from the service in three ways:
//! - The service writes every field of a performative, and the client for Python reads fields by number without checking how
//!   many there are. The encoder leaves out null fields at the end; this module adds them.
//! - The service gives no credit to a link that it refuses, and the client for JavaScript understands credit as consent. The
//!   acceptor gives every link credit when it attaches and has no setting for it; this module drops that first credit.
//! - The service answers a message that is larger than the limit it named, while the decoder detaches the link. The decoder
//!   therefore has a higher limit than the one that this module names to the client.

use crate::frames::Frame;
use crate::message::{MAX_DECODED_BYTES, MAX_MESSAGE_BYTES};
use crate::nesting::Walk;
use std::collections::HashSet;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

const ATTACH: u8 = 0x12;
const FLOW: u8 = 0x13;
const DETACH: u8 = 0x16;
const END: u8 = 0x17;
/// The number of fields of each performative, by its descriptor.
const FIELDS: [(u8, u32); 9] =
    [(0x10, 10), (0x11, 8), (ATTACH, 14), (FLOW, 11), (0x14, 11), (0x15, 6), (DETACH, 3), (END, 1), (0x18, 1)];
const NULL: u8 = 0x40;
/// The role of the side that grants credit: true.
const RECEIVER: u8 = 0x41;
const LIST_32: u8 = 0xd0;
/// Where the items begin of a performative that is a list of that kind.
const LIST_32_START: usize = 12;
/// The number of the field in an attach.
const MAX_MESSAGE_SIZE: usize = 10;

/// Forwards the frames of `encoder` to `client`.
pub async fn forward_to_client(
    mut encoder: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut links = Links::default();
    while let Some(frame) = Frame::read(&mut encoder).await? {
        if let Some(bytes) = links.rewrite(frame) {
            client.write_all(&bytes).await?;
        }
    }
    client.shutdown().await
}

/// The links that have attached and got no credit yet, by channel and encoded handle.
#[derive(Debug, Default)]
struct Links(HashSet<(u16, Vec<u8>)>);

impl Links {
    /// What the client gets for `frame`: nothing for a link's first credit. A link that is not refused gets credit again.
    fn rewrite(&mut self, frame: Frame) -> Option<Vec<u8>> {
        let Some(performative) = frame.is_amqp().then(|| List::read(frame.body())).flatten() else {
            return Some(frame.0);
        };
        let channel = frame.channel();
        match performative.code {
            ATTACH => {
                if let (Some(handle), Some([RECEIVER])) = (performative.field(1), performative.field(2)) {
                    self.0.insert((channel, handle.to_vec()));
                }
            }
            FLOW => {
                let handle = performative.field(4).unwrap_or_default();
                if self.0.remove(&(channel, handle.to_vec())) {
                    return None;
                }
            }
            _ => {}
        }
        let limit = (performative.code == ATTACH).then(|| performative.offset(MAX_MESSAGE_SIZE)).flatten();
        let mut bytes = performative.padded(&frame);
        if let Some(limit) = limit.and_then(|at| bytes[frame.body_start() + LIST_32_START + at..].first_chunk_mut())
            && *limit == ulong(MAX_DECODED_BYTES)
        {
            *limit = ulong(MAX_MESSAGE_BYTES);
        }
        Some(bytes)
    }
}

/// A number of 8 bytes as the encoder writes it.
fn ulong(number: u64) -> [u8; 9] {
    let mut bytes = [0x80; 9];
    bytes[1..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// A performative that is encoded as a list.
struct List<'a> {
    code: u8,
    count: u32,
    items: &'a [u8],
    payload: &'a [u8],
}

impl<'a> List<'a> {
    /// Reads the three kinds of lists that the encoder writes.
    fn read(body: &'a [u8]) -> Option<Self> {
        let [0x00, 0x53, code, kind, rest @ ..] = body else { return None };
        let number = |at: usize| Some(u32::from_be_bytes(*rest.get(at..)?.first_chunk()?));
        let (size, count, start) = match kind {
            0x45 => (0, 0, 0),
            0xc0 => (usize::from(*rest.first()?) + 1, u32::from(*rest.get(1)?), 2),
            &LIST_32 => (number(0)? as usize + 4, number(4)?, 8),
            _ => return None,
        };
        let end = size.max(start);
        Some(List { code: *code, count, items: rest.get(start..end)?, payload: rest.get(end..)? })
    }

    /// Where the field at `index` begins in the items.
    fn offset(&self, index: usize) -> Option<usize> {
        let mut offset = 0;
        for _ in 0..index {
            offset += Walk::first_value(&self.items[offset..]).ok()??;
        }
        Some(offset)
    }

    /// The encoded field at `index`.
    fn field(&self, index: usize) -> Option<&'a [u8]> {
        let rest = &self.items[self.offset(index)?..];
        Some(&rest[..Walk::first_value(rest).ok()??])
    }

    /// The frame with all the fields that the performative has.
    fn padded(&self, frame: &Frame) -> Vec<u8> {
        let fields = FIELDS.iter().find(|(code, _)| *code == self.code).map_or(self.count, |(_, fields)| *fields);
        let missing = fields.saturating_sub(self.count);
        let size = 4 + self.items.len() as u32 + missing;
        let mut bytes = Vec::with_capacity(frame.0.len() + 16 + missing as usize);
        bytes.extend_from_slice(&frame.0[..frame.body_start()]);
        bytes.extend_from_slice(&[0x00, 0x53, self.code, LIST_32]);
        bytes.extend_from_slice(&size.to_be_bytes());
        bytes.extend_from_slice(&(self.count + missing).to_be_bytes());
        bytes.extend_from_slice(self.items);
        bytes.resize(bytes.len() + missing as usize, NULL);
        bytes.extend_from_slice(self.payload);
        let length = (bytes.len() as u32).to_be_bytes();
        bytes[..4].copy_from_slice(&length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(channel: u8, body: &[u8]) -> Frame {
        let length = (8 + body.len()) as u32;
        Frame([&length.to_be_bytes()[..], &[2, 0, 0, channel], body].concat())
    }

    /// An attach or a flow of the link with that handle. The handle is field 1 of an attach and field 4 of a flow.
    fn of_link(code: u8, handle: u8) -> Frame {
        let items: &[u8] = if code == ATTACH {
            &[0xa1, 0x00, 0x52, handle, RECEIVER]
        } else {
            &[NULL, NULL, NULL, NULL, 0x52, handle]
        };
        let count = if code == ATTACH { 3 } else { 5 };
        frame(1, &[&[0x00, 0x53, code, 0xc0, items.len() as u8 + 1, count], items].concat())
    }

    #[test]
    fn every_field_is_written_and_the_payload_follows() {
        let bytes = Links::default()
            .rewrite(frame(3, &[0x00, 0x53, DETACH, 0xc0, 3, 1, 0x52, 7, b'p']))
            .expect("the frame is forwarded");
        let body = [0x00, 0x53, DETACH, 0xd0, 0, 0, 0, 8, 0, 0, 0, 3, 0x52, 7, NULL, NULL, b'p'];
        assert_eq!(bytes, frame(3, &body).0);
        let bytes = Links::default().rewrite(frame(0, &[0x00, 0x53, END, 0x45])).expect("the frame is forwarded");
        assert_eq!(bytes, frame(0, &[0x00, 0x53, END, 0xd0, 0, 0, 0, 5, 0, 0, 0, 1, NULL]).0);
    }

    #[test]
    fn a_link_gets_its_second_credit_and_not_its_first() {
        let mut links = Links::default();
        let mut is_forwarded = |frame| links.rewrite(frame).is_some();
        assert!(is_forwarded(of_link(ATTACH, 1)) && is_forwarded(of_link(ATTACH, 2)));
        assert!(!is_forwarded(of_link(FLOW, 1)) && is_forwarded(of_link(FLOW, 1)));
        assert!(!is_forwarded(of_link(FLOW, 2)) && is_forwarded(of_link(FLOW, 2)));
    }

    #[test]
    fn the_limit_that_the_client_is_told_is_not_that_of_the_decoder() {
        let attach = |limit: u64| {
            let items = [&[0xa1, 0x00, 0x52, 1, RECEIVER][..], &[NULL; 7], &ulong(limit)].concat();
            frame(1, &[&[0x00, 0x53, ATTACH, 0xc0, items.len() as u8 + 1, 11], &items[..]].concat())
        };
        let told = Links::default().rewrite(attach(MAX_DECODED_BYTES)).expect("the frame is forwarded");
        assert_eq!(told, Links::default().rewrite(attach(MAX_MESSAGE_BYTES)).expect("the frame is forwarded"));
    }

    #[test]
    fn heartbeats_and_the_name_of_the_protocol_are_not_changed() {
        for bytes in [&b"AMQP\x00\x01\x00\x00"[..], &[0, 0, 0, 8, 2, 0, 0, 0]] {
            assert_eq!(Links::default().rewrite(Frame(bytes.to_vec())).as_deref(), Some(bytes));
        }
    }
}
