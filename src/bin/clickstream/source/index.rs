//! Where the lines of a file are, by partition: 16 bytes a line, whatever its length.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use xxhash_rust::xxh3::xxh3_64;

/// Position of a line in its file, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub offset: u64,
    pub length: u32,
}

#[derive(Debug, Default)]
pub struct Index {
    /// In the order of the file; the place in the list is the sequence number.
    pub partitions: Vec<Vec<Line>>,
    pub content_hash: u64,
}

impl Index {
    pub fn empty(partitions: usize) -> Self {
        Index { partitions: vec![Vec::new(); partitions], content_hash: 0 }
    }

    pub fn read(file: &File, partitions: usize) -> io::Result<Self> {
        let mut index = Index::empty(partitions);
        let mut hasher = super::hasher();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut offset = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                index.content_hash = hasher.digest();
                return Ok(index);
            }
            hasher.update(&line);
            index.add(offset, &line)?;
            offset += length as u64;
        }
    }

    /// Takes in the line at `offset`; `line` may have its end. A blank line is no event. Returns the partition.
    pub fn add(&mut self, offset: u64, line: &[u8]) -> io::Result<Option<usize>> {
        let body = without_end(line);
        if body.trim_ascii().is_empty() {
            return Ok(None);
        }
        let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a line is longer than 4 GiB"))?;
        let partition = (xxh3_64(partition_key(body)) % self.partitions.len() as u64) as usize;
        self.partitions[partition].push(Line { offset, length });
        Ok(Some(partition))
    }

    pub fn events(&self) -> usize {
        self.partitions.iter().map(Vec::len).sum()
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The session id, so that a session stays in one partition; the whole line where there is none.
fn partition_key(body: &[u8]) -> &[u8] {
    session_id(body).map_or(body, str::as_bytes)
}

/// The session that an event says it is of, as far as that can be seen at a glance.
pub fn session_id(body: &[u8]) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Keyed<'a> {
        #[serde(borrow)]
        session_id: Option<&'a str>,
    }
    serde_json::from_slice::<Keyed>(body).ok()?.session_id
}
