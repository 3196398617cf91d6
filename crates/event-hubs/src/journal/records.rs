//! Events on disk: one record each, and the index of where each record is.
//!
//! ```text
//! length u32 | checksum u64 of what follows | partition u32 | enqueued at, ms i64 | head length u32 | head, JSON | body
//! ```
//! All numbers are little endian; the length counts the bytes after the checksum. The checksum of a record that was not
//! completely written does not match.

use crate::event::{NewEvent, Properties};
use crate::names::{PartitionCount, PartitionId};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read};
use xxhash_rust::xxh3::xxh3_64;

/// Length and checksum.
const FRAME_BYTES: usize = 12;
/// Partition, time and length of the head.
const FIXED_BYTES: usize = 16;
/// The largest event that a link accepts, and its head as JSON, in which one byte may become six.
pub const MAX_RECORD_BYTES: usize = 8 << 20;

/// Everything but the body.
#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(default, rename = "k", skip_serializing_if = "Option::is_none")]
    partition_key: Option<String>,
    #[serde(default, rename = "p", skip_serializing_if = "Vec::is_empty")]
    properties: Properties,
    #[serde(default, rename = "s", skip_serializing_if = "Vec::is_empty")]
    system_properties: Properties,
}

/// An event ready to be written; only the time is missing.
#[derive(Debug)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// # Errors
    /// When the record would be longer than [`MAX_RECORD_BYTES`].
    pub fn new(partition: PartitionId, event: &NewEvent) -> io::Result<Self> {
        let NewEvent { partition_key, properties, system_properties, body } = event.clone();
        let head = serde_json::to_vec(&Head { partition_key, properties, system_properties })?;
        let length = FIXED_BYTES + head.len() + body.len();
        if length > MAX_RECORD_BYTES {
            return Err(io::Error::other(format!("an event of {length} bytes does not fit into a record")));
        }
        let mut record = Vec::with_capacity(FRAME_BYTES + length);
        record.extend_from_slice(&(length as u32).to_le_bytes());
        record.extend_from_slice(&[0; 8]);
        record.extend_from_slice(&(partition.index() as u32).to_le_bytes());
        record.extend_from_slice(&[0; 8]);
        record.extend_from_slice(&(head.len() as u32).to_le_bytes());
        record.extend_from_slice(&head);
        record.extend_from_slice(&body);
        Ok(Encoded(record))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends the record to `out`, with the time at which the event was enqueued.
    pub fn write(&self, enqueued_at: DateTime<Utc>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.0);
        let record = &mut out[start..];
        record[FRAME_BYTES + 4..FRAME_BYTES + 12].copy_from_slice(&enqueued_at.timestamp_millis().to_le_bytes());
        let checksum = xxh3_64(&record[FRAME_BYTES..]);
        record[4..FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// Reads a whole record, frame included: when it was enqueued, and the event.
pub fn read(record: Bytes) -> io::Result<(DateTime<Utc>, NewEvent)> {
    let damaged = || io::Error::other("a record of the journal is damaged");
    let frame: &[u8; FRAME_BYTES] = record.first_chunk().ok_or_else(damaged)?;
    let (_, enqueued_at) = verify(frame, &record[FRAME_BYTES..]).ok_or_else(damaged)?;
    let rest = record.slice(FRAME_BYTES..);
    let head_end = FIXED_BYTES + u32_at(&rest, 12).ok_or_else(damaged)? as usize;
    let head: Head = serde_json::from_slice(rest.get(FIXED_BYTES..head_end).ok_or_else(damaged)?)?;
    let Head { partition_key, properties, system_properties } = head;
    Ok((enqueued_at, NewEvent { partition_key, properties, system_properties, body: rest.slice(head_end..) }))
}

/// The length of the record that begins with `frame`, without the frame; `None` when no record can begin so.
fn length(frame: &[u8; FRAME_BYTES]) -> Option<usize> {
    let length = u32_at(frame, 0)? as usize;
    (FIXED_BYTES..=MAX_RECORD_BYTES).contains(&length).then_some(length)
}

/// Partition and time of the record that is `frame` and `rest`; `None` when the checksum does not match.
fn verify(frame: &[u8; FRAME_BYTES], rest: &[u8]) -> Option<(u32, DateTime<Utc>)> {
    (u64_at(frame, 4)? == xxh3_64(rest)).then_some(())?;
    // The journal writes no instant that `Utc::now` cannot give.
    let enqueued_at = DateTime::from_timestamp_millis(u64_at(rest, 4)?.cast_signed()).unwrap_or_default();
    Some((u32_at(rest, 0)?, enqueued_at))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Where a record is in the file, its frame included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordSpan {
    pub offset: u64,
    pub length: u32,
}

/// The records of one partition, in the order of their sequence numbers: the first one is number 0.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    pub spans: Vec<RecordSpan>,
    pub last_enqueued_at: DateTime<Utc>,
}

/// Where all records are.
#[derive(Debug, Default)]
pub struct Index {
    pub partitions: Vec<Partition>,
}

/// What a file contains.
pub struct Scanned {
    pub index: Index,
    /// The length of all whole records. What follows was not completely written.
    pub whole_bytes: u64,
}

impl Index {
    pub fn events(&self) -> usize {
        self.partitions.iter().map(|partition| partition.spans.len()).sum()
    }

    pub fn add(&mut self, partition: usize, span: RecordSpan, enqueued_at: DateTime<Utc>) {
        if self.partitions.len() <= partition {
            self.partitions.resize_with(partition + 1, Partition::default);
        }
        let partition = &mut self.partitions[partition];
        partition.spans.push(span);
        partition.last_enqueued_at = enqueued_at;
    }

    /// Reads `file` from its beginning to the first record that is not whole.
    pub fn scan(file: &File) -> io::Result<Scanned> {
        let mut scanned = Scanned { index: Index::default(), whole_bytes: 0 };
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut frame = [0; FRAME_BYTES];
        let mut rest = Vec::new();
        while read_fully(&mut reader, &mut frame)? {
            let Some(length) = length(&frame) else { break };
            rest.resize(length, 0);
            if !read_fully(&mut reader, &mut rest)? {
                break;
            }
            let Some((partition, enqueued_at)) = verify(&frame, &rest) else { break };
            if partition as usize >= PartitionCount::MAX.get() {
                break;
            }
            let length = (FRAME_BYTES + length) as u32;
            scanned.index.add(partition as usize, RecordSpan { offset: scanned.whole_bytes, length }, enqueued_at);
            scanned.whole_bytes += u64::from(length);
        }
        Ok(scanned)
    }
}

/// Whether `reader` had enough bytes to fill `buffer`.
fn read_fully(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
