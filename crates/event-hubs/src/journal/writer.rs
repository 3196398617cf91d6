//! The one thread that writes the journal.
//!
//! Promises that everything that waits goes to disk together, with one sync, and that readers find an event only after that.

use super::records::{Encoded, Index, RecordSpan};
use crate::names::PartitionId;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

/// How many bytes are written before the next sync, unless a single append has more.
const GROUP_BYTES: usize = 8 << 20;

/// What readers wait for.
#[derive(Debug, Default)]
pub struct State {
    /// Groups that have been written.
    pub groups: u64,
    /// No further events will be added.
    pub ended: bool,
}

/// What the writer shares with readers.
pub struct Shared {
    pub index: Mutex<Index>,
    pub changed: watch::Sender<State>,
}

impl Shared {
    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events for one partition, and the producer that waits for them.
pub struct Append {
    pub partition: PartitionId,
    pub records: Vec<Encoded>,
    pub done: oneshot::Sender<Result<(), String>>,
    /// Room in memory, which is free again once the events are on disk.
    pub room: OwnedSemaphorePermit,
}

pub struct Writer {
    pub file: File,
    pub shared: Arc<Shared>,
    /// Where the next record begins.
    pub end: u64,
    /// By partition. Times never decrease within a partition, even when the clock is set back.
    pub last_enqueued_at: Vec<DateTime<Utc>>,
}

impl Writer {
    /// Writes until the journal is closed.
    pub fn run(mut self, mut appends: mpsc::UnboundedReceiver<Append>) {
        let mut failure: Option<String> = None;
        while let Some(first) = appends.blocking_recv() {
            let group = gather(first, &mut appends);
            if failure.is_none() {
                failure = self.write(&group).err();
            }
            let outcome = failure.clone().map_or(Ok(()), Err);
            for Append { done, room, .. } in group {
                drop(room);
                // A producer that has disconnected gets no answer; its events stay.
                let _ = done.send(outcome.clone());
            }
        }
        // A reader that has seen the end may open the file again.
        drop(self.file);
        self.shared.changed.send_modify(|state| state.ended = true);
    }

    /// Writes `group` and shows it to readers. Nothing may be written after an error: only the next process, which reads the
    /// file, knows what is on disk.
    fn write(&mut self, group: &[Append]) -> Result<(), String> {
        let now = now();
        let mut bytes = Vec::new();
        let mut written = Vec::new();
        for append in group {
            let partition = append.partition.index();
            let last = &mut self.last_enqueued_at[partition];
            *last = now.max(*last);
            for record in &append.records {
                let span = RecordSpan { offset: self.end + bytes.len() as u64, length: record.len() as u32 };
                record.write(*last, &mut bytes);
                written.push((partition, span, *last));
            }
        }
        self.make_durable(&bytes).map_err(|error| format!("cannot write the journal: {error}; start again"))?;
        self.end += bytes.len() as u64;
        let mut index = self.shared.index();
        written.into_iter().for_each(|(partition, span, at)| index.add(partition, span, at));
        drop(index);
        self.shared.changed.send_modify(|state| state.groups += 1);
        Ok(())
    }

    fn make_durable(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}

/// As exact as a record stores it.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(now)
}

/// `first` and the appends that wait after it.
fn gather(first: Append, appends: &mut mpsc::UnboundedReceiver<Append>) -> Vec<Append> {
    let size = |append: &Append| append.records.iter().map(Encoded::len).sum::<usize>();
    let mut bytes = size(&first);
    let mut group = vec![first];
    while bytes < GROUP_BYTES {
        let Ok(next) = appends.try_recv() else { break };
        bytes += size(&next);
        group.push(next);
    }
    group
}
