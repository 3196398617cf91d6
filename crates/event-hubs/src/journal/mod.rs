//! The events of an event hub on disk.
//!
//! Promises three things. An event can be read only once it is on disk, so that a sequence number means the same event for
//! ever. An append is answered only then. After a kill at any moment, everything that was answered is still there. All
//! partitions share one file, so that one sync covers everything that waits. Knows nothing of AMQP.
//!
//! Reading order: [`records`] (the file), [`writer`] (the thread that appends to it), and here the way in and out.

mod records;
mod writer;

#[cfg(test)]
mod tests;

use crate::event::{NewEvent, SequenceNumber, StoredEvent};
use crate::names::{EventHub, PartitionId};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use records::{Encoded, Index, MAX_RECORD_BYTES, RecordSpan};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use writer::{Append, Shared, State, Writer};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of events that wait for the disk. When there are more, producers wait for credit.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Bytes that one read returns, unless a single event has more.
const MAX_READ_BYTES: u64 = 16 << 20;
/// A process that is killed leaves less than this after its last whole record.
const MAX_TAIL_BYTES: u64 = (MAX_WAITING_BYTES + 2 * MAX_RECORD_BYTES) as u64;

/// How much a partition contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionState {
    pub events: usize,
    /// `None` in an empty partition.
    pub last_offset: Option<u64>,
    pub last_enqueued_at: DateTime<Utc>,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// At least one event, in the order of sequence numbers.
    Events(Vec<StoredEvent>),
    /// The reader has all events of the partition, and the journal is closed.
    Ended,
}

/// The journal of one event hub. Only one process can have it open.
pub struct Journal {
    hub: EventHub,
    file: File,
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    /// `None` once it has been closed.
    appends: Mutex<Option<mpsc::UnboundedSender<Append>>>,
    /// Deliveries without a partition key so far.
    keyless: AtomicU64,
}

/// Events that have been handed over and may not be on disk yet.
pub(crate) struct Ticket(oneshot::Receiver<Result<(), String>>);

impl Ticket {
    /// Waits until the events are on disk.
    ///
    /// # Errors
    /// A sentence for the producer. The events may be on disk all the same.
    pub(crate) async fn durable(self) -> Result<(), String> {
        self.0.await.unwrap_or_else(|_| Err("the journal was closed".to_owned()))
    }
}

impl Journal {
    /// Opens the file at `path`, or creates it. Cuts off what a killed process did not write completely.
    ///
    /// # Errors
    /// When another process has the file open, when the file is damaged in its middle, or when it has events in partitions
    /// that `hub` does not have.
    pub fn open(path: &Path, hub: EventHub) -> io::Result<Self> {
        let fail = |text: String| io::Error::other(format!("cannot use the journal `{}`: {text}", path.display()));
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.try_lock().map_err(|error| fail(format!("{error}; does another process use it?")))?;
        let mut scanned = Index::scan(&file)?;
        let tail = file.metadata()?.len() - scanned.whole_bytes;
        if tail > MAX_TAIL_BYTES {
            return Err(fail(format!("it is damaged at byte {}, and {tail} bytes follow", scanned.whole_bytes)));
        }
        let (stored, partitions) = (scanned.index.partitions.len(), hub.partitions.get());
        if stored > partitions {
            return Err(fail(format!("it has events in {stored} partitions; start with {stored} partitions or more")));
        }
        file.set_len(scanned.whole_bytes)?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        scanned.index.partitions.resize_with(partitions, Default::default);
        Self::start(file, hub, scanned.index, scanned.whole_bytes)
    }

    fn start(file: File, hub: EventHub, index: Index, end: u64) -> io::Result<Self> {
        let last_enqueued_at = index.partitions.iter().map(|partition| partition.last_enqueued_at).collect();
        let shared = Arc::new(Shared { index: Mutex::new(index), changed: watch::Sender::new(State::default()) });
        let writer = Writer { file: file.try_clone()?, shared: shared.clone(), end, last_enqueued_at };
        let (sender, appends) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(appends))?;
        let room = Arc::new(Semaphore::new(MAX_WAITING_BYTES));
        let appends = Mutex::new(Some(sender));
        Ok(Journal { hub, file, shared, room, appends, keyless: AtomicU64::new(0) })
    }

    pub fn hub(&self) -> &EventHub {
        &self.hub
    }

    /// The number of events on disk.
    pub fn events(&self) -> usize {
        self.shared.index().events()
    }

    /// `None` for a partition that the hub does not have.
    pub(crate) fn partition(&self, partition: PartitionId) -> Option<PartitionState> {
        let index = self.shared.index();
        let partition = index.partitions.get(partition.index())?;
        Some(PartitionState {
            events: partition.spans.len(),
            last_offset: partition.spans.last().map(|span| span.offset),
            last_enqueued_at: partition.last_enqueued_at,
        })
    }

    /// The partition of `key`, which changes only with the number of partitions. Without a key, each partition in turn.
    pub(crate) fn partition_for(&self, key: Option<&str>) -> PartitionId {
        let number = match key {
            Some(key) => xxh3_64(key.as_bytes()),
            None => self.keyless.fetch_add(1, Ordering::Relaxed),
        };
        self.hub.partitions.wrap(number)
    }

    /// Appends `events` to `partition`, together and in order. Waits while too many bytes wait for the disk. Appends are
    /// written in the order in which this function returns.
    ///
    /// # Errors
    /// When the journal is closed, or an event is too long for a record.
    pub(crate) async fn append(&self, partition: PartitionId, events: &[NewEvent]) -> io::Result<Ticket> {
        let records: Vec<_> = events.iter().map(|event| Encoded::new(partition, event)).collect::<io::Result<_>>()?;
        let bytes = records.iter().map(Encoded::len).sum::<usize>().min(MAX_WAITING_BYTES);
        let room = self.room.clone().acquire_many_owned(bytes as u32).await.map_err(io::Error::other)?;
        let (done, durable) = oneshot::channel();
        let closed = || io::Error::other("the journal is closed");
        let appends = self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        let append = Append { partition, records, done, room };
        appends.as_ref().ok_or_else(closed)?.send(append).map_err(|_| closed())?;
        Ok(Ticket(durable))
    }

    /// Accepts no further events. Readers come to [`Read::Ended`] after the last event.
    pub fn close(&self) {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Reads up to `max` events of `partition` that are newer than `after` (`None`: from the first one). Waits until there is
    /// at least one. The same arguments always give the same events. The future may be dropped at any time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn read(&self, partition: PartitionId, after: Option<SequenceNumber>, max: usize) -> io::Result<Read> {
        let from = after.map_or(0, |after| usize::try_from(after.0 + 1).unwrap_or(0));
        let mut changed = self.shared.changed.subscribe();
        loop {
            let ended = changed.borrow_and_update().ended;
            let spans = self.spans(partition, from, max);
            if !spans.is_empty() {
                return self.read_spans(from, &spans).map(Read::Events);
            }
            if ended {
                return Ok(Read::Ended);
            }
            changed.changed().await.map_err(io::Error::other)?;
        }
    }

    fn spans(&self, partition: PartitionId, from: usize, max: usize) -> Vec<RecordSpan> {
        let index = self.shared.index();
        let Some(partition) = index.partitions.get(partition.index()) else { return Vec::new() };
        let mut bytes = 0;
        let fits = |span: &&RecordSpan| {
            let is_first = bytes == 0;
            bytes += u64::from(span.length);
            is_first || bytes <= MAX_READ_BYTES
        };
        partition.spans.iter().skip(from).take(max).take_while(fits).copied().collect()
    }

    fn read_spans(&self, from: usize, spans: &[RecordSpan]) -> io::Result<Vec<StoredEvent>> {
        let read = |(at, span): (usize, &RecordSpan)| {
            let mut bytes = vec![0; span.length as usize];
            self.file.read_exact_at(&mut bytes, span.offset)?;
            let (enqueued_at, event) = records::read(Bytes::from(bytes))?;
            let sequence_number = SequenceNumber((from + at) as i64);
            Ok(StoredEvent { sequence_number, offset: span.offset, enqueued_at, event })
        };
        spans.iter().enumerate().map(read).collect()
    }
}
