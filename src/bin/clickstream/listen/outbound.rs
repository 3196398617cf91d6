//! What goes to a client, frame by frame, as the service writes it where the clients count on that.
//!
//! Three things differ. The service writes every field of a performative, and the client for Python reads them by number
//! without looking how many there are; the encoder leaves out those at the end that are null. And the service gives a
//! link that it refuses no credit before it says why, which the client for JavaScript takes for a yes; the acceptor gives
//! every link the same credit with its attach, and has no setting for it. And the service answers a message that is larger
//! than it said it takes, while the decoder detaches the link; so the decoder is given room, and the client told less.

use super::frames::Frame;
use super::message::{ABSORBED_BYTES, MOST_BYTES};
use super::nesting::Walk;
use std::collections::HashSet;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

const ATTACH: u8 = 0x12;
const FLOW: u8 = 0x13;
const DETACH: u8 = 0x16;
const END: u8 = 0x17;
/// By descriptor, from `open` on.
const FIELDS: [(u8, u32); 9] =
    [(0x10, 10), (0x11, 8), (ATTACH, 14), (FLOW, 11), (0x14, 11), (0x15, 6), (DETACH, 3), (END, 1), (0x18, 1)];
const NULL: u8 = 0x40;
/// The role of who grants credit: true.
const RECEIVER: u8 = 0x41;
const LIST_32: u8 = 0xd0;
/// Where the items of a performative begin that is a list of that kind.
const LIST_32_START: usize = 12;
/// The number of the field in an attach.
const MAX_MESSAGE_SIZE: usize = 10;

/// Hands the frames of `encoder` on to `client`.
pub async fn pump(mut encoder: impl AsyncRead + Unpin, mut client: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut links = Links::default();
    while let Some(frame) = Frame::read(&mut encoder).await? {
        if let Some(bytes) = links.pass(frame) {
            client.write_all(&bytes).await?;
        }
    }
    client.shutdown().await
}

/// The links that have been attached and given nothing yet, by channel and encoded handle.
#[derive(Debug, Default)]
struct Links(HashSet<(u16, Vec<u8>)>);

impl Links {
    /// What the client gets of `frame`; nothing of a link's first credit. Who accepts a link sets its credit once more.
    fn pass(&mut self, frame: Frame) -> Option<Vec<u8>> {
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
            && *limit == ulong(ABSORBED_BYTES)
        {
            *limit = ulong(MOST_BYTES);
        }
        Some(bytes)
    }
}

/// As the encoder writes a number of that size.
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
    /// As the encoder writes it.
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

    /// Where the field at `index` is among the items.
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

    /// The frame with every field there is.
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

    /// An attach or a flow of the link with that handle; a flow has its handle at another place.
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
    fn every_field_is_written_and_the_payload_stays_behind_them() {
        let bytes = Links::default().pass(frame(3, &[0x00, 0x53, DETACH, 0xc0, 3, 1, 0x52, 7, b'p'])).expect("passed");
        let body = [0x00, 0x53, DETACH, 0xd0, 0, 0, 0, 8, 0, 0, 0, 3, 0x52, 7, NULL, NULL, b'p'];
        assert_eq!(bytes, frame(3, &body).0);
        let bytes = Links::default().pass(frame(0, &[0x00, 0x53, END, 0x45])).expect("passed");
        assert_eq!(bytes, frame(0, &[0x00, 0x53, END, 0xd0, 0, 0, 0, 5, 0, 0, 0, 1, NULL]).0);
    }

    #[test]
    fn a_link_has_its_second_credit_and_not_its_first() {
        let mut links = Links::default();
        let mut passes = |frame| links.pass(frame).is_some();
        assert!(passes(of_link(ATTACH, 1)) && passes(of_link(ATTACH, 2)));
        assert!(!passes(of_link(FLOW, 1)) && passes(of_link(FLOW, 1)));
        assert!(!passes(of_link(FLOW, 2)) && passes(of_link(FLOW, 2)));
    }

    #[test]
    fn the_room_that_the_decoder_has_is_not_what_the_client_is_told() {
        let attach = |limit: u64| {
            let items = [&[0xa1, 0x00, 0x52, 1, RECEIVER][..], &[NULL; 7], &ulong(limit)].concat();
            frame(1, &[&[0x00, 0x53, ATTACH, 0xc0, items.len() as u8 + 1, 11], &items[..]].concat())
        };
        let told = Links::default().pass(attach(ABSORBED_BYTES)).expect("passed");
        assert_eq!(told, Links::default().pass(attach(MOST_BYTES)).expect("passed"));
    }

    #[test]
    fn signs_of_life_and_the_name_of_the_protocol_pass_as_they_are() {
        for bytes in [&b"AMQP\x00\x01\x00\x00"[..], &[0, 0, 0, 8, 2, 0, 0, 0]] {
            assert_eq!(Links::default().pass(Frame(bytes.to_vec())).as_deref(), Some(bytes));
        }
    }
}
