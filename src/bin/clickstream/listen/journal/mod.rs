//! The events of an event hub on disk, and the [`EventSource`] that reads them.
//!
//! Promises that an event is read only once it is on disk, so that a sequence number means the same event for ever; that
//! an append is answered only then; and that after a kill at any moment everything that was answered is still there. One
//! file holds all partitions, so that one sync covers whatever came in meanwhile. It knows nothing of AMQP.

mod index;
mod record;
mod writer;

#[cfg(test)]
mod tests;

use crate::source::NAMESPACE;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use functions_host::{EventSource, PartitionId, Read, SequenceNumber, SourceEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use index::{Index, Place};
pub use record::NewEvent;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use writer::{Append, Writer};

/// Bytes of events that wait for the disk; beyond them producers wait for their credit.
const WAITING_BYTES: usize = 32 << 20;
/// What one read hands out at most, unless a single event has more.
const READ_BYTES: u64 = 16 << 20;
/// Partitions of a hub at most, as everywhere in `clickstream local`.
const MOST_PARTITIONS: usize = 1024;
/// A process that is killed leaves less than this behind its last whole record.
const LONGEST_TAIL: u64 = (WAITING_BYTES + 2 * record::LONGEST_RECORD) as u64;

/// What readers wait for.
#[derive(Debug, Default)]
struct State {
    groups: u64,
    /// Nothing will be added any more.
    ended: bool,
}

struct Shared {
    index: Mutex<Index>,
    changed: watch::Sender<State>,
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionState {
    pub events: usize,
    /// Of the last event; 0 where there is none.
    pub last_offset: u64,
    pub last_enqueued_at_ms: i64,
}

pub struct Journal {
    hub: String,
    partitions: usize,
    file: File,
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    /// `None` once it has been closed.
    appends: Mutex<Option<mpsc::UnboundedSender<Append>>>,
}

/// Resolves when the events are on disk, or cannot be brought there.
pub struct Ticket(oneshot::Receiver<Result<(), String>>);

impl Ticket {
    /// # Errors
    /// A sentence for the producer; whether the events are there is not known.
    pub async fn durable(self) -> Result<(), String> {
        self.0.await.unwrap_or_else(|_| Err("the journal was closed".to_owned()))
    }
}

impl Journal {
    /// The journal of `hub` in the file at `path`, made if it is not there, cut where a kill has left half a record.
    ///
    /// # Errors
    /// When it is another process's, is damaged in its middle, or has events in partitions beyond `partitions`.
    pub fn open(path: &Path, hub: &str, partitions: usize) -> io::Result<Self> {
        let fail = |text: String| io::Error::other(format!("cannot use the journal `{}`: {text}", path.display()));
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.try_lock().map_err(|error| fail(format!("{error}; does another `clickstream local` use it?")))?;
        let mut scanned = Index::scan(&file, MOST_PARTITIONS)?;
        let tail = file.metadata()?.len() - scanned.whole_bytes;
        if tail > LONGEST_TAIL {
            return Err(fail(format!("it is damaged at byte {}, with {tail} bytes behind", scanned.whole_bytes)));
        }
        let held = scanned.index.partitions.len();
        if held > partitions {
            return Err(fail(format!("it has events in {held} partitions; start with `--partitions {held}` or more")));
        }
        file.set_len(scanned.whole_bytes)?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        scanned.index.partitions.resize_with(partitions, Default::default);
        Self::start(file, hub, scanned.index, scanned.whole_bytes)
    }

    fn start(file: File, hub: &str, index: Index, end: u64) -> io::Result<Self> {
        let last_enqueued_at_ms = index.partitions.iter().map(|partition| partition.last_enqueued_at_ms).collect();
        let partitions = index.partitions.len();
        let shared = Arc::new(Shared { index: Mutex::new(index), changed: watch::Sender::new(State::default()) });
        let writer = Writer { file: file.try_clone()?, shared: shared.clone(), end, last_enqueued_at_ms };
        let (sender, appends) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(appends))?;
        let room = Arc::new(Semaphore::new(WAITING_BYTES));
        Ok(Journal { hub: hub.to_owned(), partitions, file, shared, room, appends: Mutex::new(Some(sender)) })
    }

    /// Puts `events` behind those of `partition`, together and in order. Waits while too much waits for the disk; the
    /// order of appends is that of the returns from here.
    ///
    /// # Errors
    /// When the journal is closed, or an event is too long for a record.
    pub async fn append(&self, partition: usize, events: &[NewEvent]) -> io::Result<Ticket> {
        let encode = |event| record::Encoded::new(partition as u32, event);
        let records: Vec<_> = events.iter().map(encode).collect::<io::Result<_>>()?;
        let bytes = records.iter().map(record::Encoded::len).sum::<usize>().min(WAITING_BYTES);
        let room = self.room.clone().acquire_many_owned(bytes as u32).await.map_err(io::Error::other)?;
        let (done, durable) = oneshot::channel();
        let closed = || io::Error::other("the journal is closed");
        let appends = self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        let append = Append { partition, records, done, room };
        appends.as_ref().ok_or_else(closed)?.send(append).map_err(|_| closed())?;
        Ok(Ticket(durable))
    }

    /// Takes nothing more; readers come to an end behind the last event.
    pub fn close(&self) {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Events on disk.
    pub fn events(&self) -> usize {
        self.shared.index().events()
    }

    /// `None` for a partition that the hub does not have.
    pub fn partition(&self, partition: usize) -> Option<PartitionState> {
        let index = self.shared.index();
        let partition = index.partitions.get(partition)?;
        Some(PartitionState {
            events: partition.places.len(),
            last_offset: partition.places.last().map_or(0, |place| place.offset),
            last_enqueued_at_ms: partition.last_enqueued_at_ms,
        })
    }

    async fn wait_and_read(&self, partition: usize, from: usize, max: usize) -> io::Result<Read> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            let ended = changed.borrow_and_update().ended;
            let places = self.places(partition, from, max);
            if !places.is_empty() {
                return self.read_places(from, &places).map(Read::Events);
            }
            if ended {
                return Ok(Read::Ended);
            }
            changed.changed().await.map_err(io::Error::other)?;
        }
    }

    fn places(&self, partition: usize, from: usize, max: usize) -> Vec<Place> {
        let index = self.shared.index();
        let Some(partition) = index.partitions.get(partition) else { return Vec::new() };
        let mut bytes = 0;
        let within = |place: &&Place| {
            let is_first = bytes == 0;
            bytes += u64::from(place.length);
            is_first || bytes <= READ_BYTES
        };
        partition.places.iter().skip(from).take(max).take_while(within).copied().collect()
    }

    fn read_places(&self, from: usize, places: &[Place]) -> io::Result<Vec<SourceEvent>> {
        let read = |(at, place): (usize, &Place)| {
            let mut bytes = vec![0; place.length as usize];
            self.file.read_exact_at(&mut bytes, place.offset)?;
            let stored = record::read(Bytes::from(bytes))?;
            Ok(SourceEvent {
                sequence_number: SequenceNumber((from + at) as i64),
                offset: place.offset.to_string(),
                enqueued_at: instant(stored.enqueued_at_ms),
                partition_key: stored.event.partition_key,
                accompanying: stored.event.accompanying,
                body: stored.event.body,
            })
        };
        places.iter().enumerate().map(read).collect()
    }
}

/// The journal holds no times that `Utc::now` could not give.
fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

impl EventSource for Journal {
    fn namespace(&self) -> &str {
        NAMESPACE
    }

    fn event_hub(&self) -> &str {
        &self.hub
    }

    fn partition_count(&self) -> usize {
        self.partitions
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
