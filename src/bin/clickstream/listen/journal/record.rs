//! One event on disk: a length, a checksum, and what they are of.
//!
//! ```text
//! length u32 | checksum u64 of what follows | partition u32 | enqueued at, ms i64 | head length u32 | head, JSON | body
//! ```
//! All numbers are little endian; the length counts from `partition` on. A record that was not written to its end does
//! not have its checksum.

use bytes::Bytes;
use functions_host::Accompanying;
use serde::{Deserialize, Serialize};
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// Length and checksum.
pub const FRAME_BYTES: usize = 12;
/// Partition, time and length of the head.
const FIXED_BYTES: usize = 16;
/// No event is longer: what a link takes at most, and its head written out as JSON, where a byte may take six.
pub const LONGEST_RECORD: usize = 8 << 20;

/// An event as a producer sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub partition_key: Option<String>,
    pub accompanying: Accompanying,
    pub body: Bytes,
}

/// Everything but the body.
#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(default, rename = "k", skip_serializing_if = "Option::is_none")]
    partition_key: Option<String>,
    #[serde(flatten)]
    accompanying: Accompanying,
}

/// A record read back.
#[derive(Debug, PartialEq)]
pub struct Stored {
    pub partition: u32,
    pub enqueued_at_ms: i64,
    pub event: NewEvent,
}

/// An event ready to be written, but for the time.
#[derive(Debug)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// # Errors
    /// When the event is longer than [`LONGEST_RECORD`].
    pub fn new(partition: u32, event: &NewEvent) -> io::Result<Self> {
        let head = Head { partition_key: event.partition_key.clone(), accompanying: event.accompanying.clone() };
        let head = serde_json::to_vec(&head)?;
        let length = FIXED_BYTES + head.len() + event.body.len();
        if length > LONGEST_RECORD {
            return Err(io::Error::other(format!("an event of {length} bytes does not fit into a record")));
        }
        let mut record = Vec::with_capacity(FRAME_BYTES + length);
        record.extend_from_slice(&(length as u32).to_le_bytes());
        record.extend_from_slice(&[0; 8]);
        record.extend_from_slice(&partition.to_le_bytes());
        record.extend_from_slice(&[0; 8]);
        record.extend_from_slice(&(head.len() as u32).to_le_bytes());
        record.extend_from_slice(&head);
        record.extend_from_slice(&event.body);
        Ok(Encoded(record))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends the record to `out`, as of `enqueued_at_ms`.
    pub fn write(&self, enqueued_at_ms: i64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.0);
        let record = &mut out[start..];
        record[FRAME_BYTES + 4..FRAME_BYTES + 12].copy_from_slice(&enqueued_at_ms.to_le_bytes());
        let checksum = xxh3_64(&record[FRAME_BYTES..]);
        record[4..FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// How long the record is that begins with `frame`, without its frame; `None` when no record can begin so.
pub fn length(frame: &[u8; FRAME_BYTES]) -> Option<usize> {
    let length = u32_at(frame, 0)? as usize;
    (FIXED_BYTES..=LONGEST_RECORD).contains(&length).then_some(length)
}

/// Partition and time of the record `rest` behind `frame`; `None` when it is not what was written.
pub fn verify(frame: &[u8; FRAME_BYTES], rest: &[u8]) -> Option<(u32, i64)> {
    (u64_at(frame, 4)? == xxh3_64(rest)).then_some(())?;
    Some((u32_at(rest, 0)?, u64_at(rest, 4)?.cast_signed()))
}

/// The record in `bytes`, frame included.
pub fn read(bytes: Bytes) -> io::Result<Stored> {
    let damaged = || io::Error::other("a record of the journal is damaged");
    let frame: &[u8; FRAME_BYTES] = bytes.first_chunk().ok_or_else(damaged)?;
    let (partition, enqueued_at_ms) = verify(frame, &bytes[FRAME_BYTES..]).ok_or_else(damaged)?;
    let rest = bytes.slice(FRAME_BYTES..);
    let head_end = FIXED_BYTES + u32_at(&rest, 12).ok_or_else(damaged)? as usize;
    let head: Head = serde_json::from_slice(rest.get(FIXED_BYTES..head_end).ok_or_else(damaged)?)?;
    let event =
        NewEvent { partition_key: head.partition_key, accompanying: head.accompanying, body: rest.slice(head_end..) };
    Ok(Stored { partition, enqueued_at_ms, event })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
