//! Where each event is in the journal's file, by partition: the place in the list is the sequence number.

use super::record::{self, FRAME_BYTES};
use std::fs::File;
use std::io::{self, BufReader, Read};

/// Place of a record, its frame included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    pub length: u32,
}

/// One partition.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    pub places: Vec<Place>,
    pub last_enqueued_at_ms: i64,
}

#[derive(Debug, Default)]
pub struct Index {
    pub partitions: Vec<Partition>,
}

/// What a file holds.
pub struct Scanned {
    pub index: Index,
    /// Up to here it holds whole records; what follows was not written to its end.
    pub whole_bytes: u64,
}

impl Index {
    pub fn events(&self) -> usize {
        self.partitions.iter().map(|partition| partition.places.len()).sum()
    }

    pub fn add(&mut self, partition: usize, place: Place, enqueued_at_ms: i64) {
        if self.partitions.len() <= partition {
            self.partitions.resize_with(partition + 1, Partition::default);
        }
        let partition = &mut self.partitions[partition];
        partition.places.push(place);
        partition.last_enqueued_at_ms = enqueued_at_ms;
    }

    /// Reads `file` from its beginning to the first record that is not whole.
    pub fn scan(file: &File, most_partitions: usize) -> io::Result<Scanned> {
        let mut scanned = Scanned { index: Index::default(), whole_bytes: 0 };
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut frame = [0; FRAME_BYTES];
        let mut rest = Vec::new();
        while read_fully(&mut reader, &mut frame)? {
            let Some(length) = record::length(&frame) else { break };
            rest.resize(length, 0);
            if !read_fully(&mut reader, &mut rest)? {
                break;
            }
            let Some((partition, enqueued_at_ms)) = record::verify(&frame, &rest) else { break };
            if partition as usize >= most_partitions {
                break;
            }
            let length = (FRAME_BYTES + length) as u32;
            scanned.index.add(partition as usize, Place { offset: scanned.whole_bytes, length }, enqueued_at_ms);
            scanned.whole_bytes += u64::from(length);
        }
        Ok(scanned)
    }
}

/// Whether there was enough to fill `buffer`.
fn read_fully(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
