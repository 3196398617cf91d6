//! The lines of a file as the events of a partitioned event hub: their sequence numbers, and where they are in the file.
//!
//! Promises: the sequence number of a line depends only on the lines before it. Memory is 16 bytes for each line, whatever its
//! length. Does not know what an event says beyond its session.

use super::{NAMESPACE, Shape, StateFolder};
use crate::command::cannot;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use functions_host::{EventSource, PartitionId, Read, SequenceNumber, SourceEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// How often the clock is read while a rate holds events back.
const PACE: Duration = Duration::from_millis(20);

/// Where a line is in its file, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    offset: u64,
    length: u32,
}

/// Where the lines of a file are, by partition: 16 bytes for each line.
#[derive(Debug, Default)]
pub struct Index {
    /// In the order of the file. The index in the list is the sequence number.
    partitions: Vec<Vec<Line>>,
    pub content_hash: u64,
}

impl Index {
    fn empty(partitions: usize) -> Self {
        Index { partitions: vec![Vec::new(); partitions], content_hash: 0 }
    }

    pub fn read(file: &File, partitions: usize) -> io::Result<Self> {
        let mut index = Index::empty(partitions);
        let mut hasher = Xxh3Default::new();
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

    /// Adds the line at `offset`, with or without its end. A blank line is not an event and is left out.
    fn add(&mut self, offset: u64, line: &[u8]) -> io::Result<()> {
        let body = without_end(line);
        if body.trim_ascii().is_empty() {
            return Ok(());
        }
        let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a line is longer than 4 GiB"))?;
        let partition = (xxh3_64(partition_key(body)) % self.partitions.len() as u64) as usize;
        self.partitions[partition].push(Line { offset, length });
        Ok(())
    }

    fn events(&self) -> usize {
        self.partitions.iter().map(Vec::len).sum()
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The session id, so that a session stays in one partition. The whole line if it has none.
fn partition_key(body: &[u8]) -> &[u8] {
    session_id(body).map_or(body, str::as_bytes)
}

/// The member `session_id` of an event, if the event is a JSON object and the member is a string without escapes.
pub fn session_id(body: &[u8]) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Keyed<'a> {
        #[serde(borrow)]
        session_id: Option<&'a str>,
    }
    serde_json::from_slice::<Keyed>(body).ok()?.session_id
}

/// The lines of a file as the events of an event hub. A line is read from the file when the host asks for it.
pub struct Lines {
    hub: String,
    file: File,
    shared: Arc<Shared>,
    shape: Shape,
    /// The first event that was read of each partition, and when. A rate counts from there.
    starts: Mutex<Vec<Option<(usize, Instant)>>>,
    /// The same for every event and in every process, so that a redelivery is recognised.
    enqueued_at: DateTime<Utc>,
}

/// What the writer of a growing file shares with the reader.
struct Shared {
    index: Mutex<Index>,
    /// Whether the last line is written. Every line sends this again, which wakes the readers.
    ended: watch::Sender<bool>,
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// The lines of a file that does not grow. `index` is that of `file`.
    pub fn new(hub: String, file: File, index: Index, shape: Shape, state: &StateFolder) -> io::Result<Self> {
        let shared = Shared { index: Mutex::new(index), ended: watch::Sender::new(true) };
        Self::with_shared(hub, file, Arc::new(shared), shape, state)
    }

    /// The lines that arrive on standard input until its end. Each is written to a file first and is an event from then on, so
    /// that it can be delivered again however often the handler is killed.
    pub fn of_standard_input(shape: Shape, state: &StateFolder) -> io::Result<Self> {
        let hub = format!("stdin-{}-{}p", uuid::Uuid::new_v4().simple(), shape.partitions);
        let path = state.file(&format!("{hub}.ndjson"));
        let file = OpenOptions::new().create_new(true).read(true).append(true).open(&path);
        let file = file.map_err(cannot("create", &path))?;
        let writer = file.try_clone()?;
        let index = Mutex::new(Index::empty(shape.partitions));
        let shared = Arc::new(Shared { index, ended: watch::Sender::new(false) });
        let lines = Self::with_shared(hub, file, shared.clone(), shape, state)?;
        std::thread::Builder::new().name("standard input".into()).spawn(move || {
            if let Err(error) = copy_standard_input(writer, &shared) {
                eprintln!("cannot read standard input: {error}; the events before are delivered");
            }
            shared.ended.send_replace(true);
        })?;
        Ok(lines)
    }

    fn with_shared(
        hub: String,
        file: File,
        shared: Arc<Shared>,
        shape: Shape,
        state: &StateFolder,
    ) -> io::Result<Self> {
        let enqueued_at = state.first_opened(&hub)?;
        let starts = Mutex::new(vec![None; shape.partitions]);
        Ok(Lines { hub, file, shared, shape, starts, enqueued_at })
    }

    /// The number of events so far.
    pub fn events(&self) -> usize {
        self.shared.index().events()
    }

    /// How many events of `partition` the rate allows by now. `from` is the event that is asked for.
    fn released(&self, partition: usize, from: usize) -> usize {
        let Some(rate) = self.shape.rate else { return usize::MAX };
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, since) = *starts[partition].get_or_insert_with(|| (from, Instant::now()));
        first + 1 + (since.elapsed().as_secs_f64() * rate / self.shape.partitions as f64) as usize
    }

    async fn wait_and_read(&self, partition: usize, from: usize, max: usize) -> io::Result<Read> {
        let mut ended = self.shared.ended.subscribe();
        loop {
            let is_last = *ended.borrow_and_update();
            let lines: Vec<Line> = {
                let index = self.shared.index();
                let to = self.released(partition, from).min(from.saturating_add(max));
                index.partitions[partition].iter().take(to).skip(from).copied().collect()
            };
            if !lines.is_empty() {
                return self.read_lines(from, &lines).map(Read::Events);
            }
            if is_last && from >= self.shared.index().partitions[partition].len() {
                return Ok(Read::Ended);
            }
            tokio::select! {
                changed = ended.changed() => changed.map_err(io::Error::other)?,
                () = tokio::time::sleep(PACE), if self.shape.rate.is_some() => {}
            }
        }
    }

    fn read_lines(&self, from: usize, lines: &[Line]) -> io::Result<Vec<SourceEvent>> {
        let read = |(at, line): (usize, &Line)| {
            let mut body = vec![0; line.length as usize];
            self.file.read_exact_at(&mut body, line.offset)?;
            Ok(SourceEvent {
                sequence_number: SequenceNumber((from + at) as i64),
                offset: line.offset.to_string(),
                enqueued_at: self.enqueued_at,
                partition_key: None,
                accompanying: Default::default(),
                body: Bytes::from(body),
            })
        };
        lines.iter().enumerate().map(read).collect()
    }
}

impl EventSource for Lines {
    fn namespace(&self) -> &str {
        NAMESPACE
    }

    fn event_hub(&self) -> &str {
        &self.hub
    }

    fn partition_count(&self) -> usize {
        self.shape.partitions
    }

    fn read(
        &self,
        partition: PartitionId,
        after: Option<SequenceNumber>,
        max: usize,
    ) -> BoxFuture<'_, io::Result<Read>> {
        let from = after.map_or(0, |after| usize::try_from(after.0 + 1).unwrap_or(0));
        self.wait_and_read(partition.0, from, max).boxed()
    }
}

fn copy_standard_input(mut file: File, shared: &Shared) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut offset = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        file.write_all(&line)?;
        shared.index().add(offset, &line)?;
        offset += line.len() as u64;
        shared.ended.send_replace(false);
    }
}
