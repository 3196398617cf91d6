//! The one thread that writes: everything that waits goes to disk at once, with one sync, and only then is it an event.

use super::Shared;
use super::index::Place;
use super::record::Encoded;
use chrono::Utc;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// How many bytes are written before the next sync, unless a single append has more.
const GROUP_BYTES: usize = 8 << 20;

/// Events for one partition, and who waits for them.
pub struct Append {
    pub partition: usize,
    pub records: Vec<Encoded>,
    pub done: oneshot::Sender<Result<(), String>>,
    /// Room in memory, given back once they are on disk.
    pub room: OwnedSemaphorePermit,
}

pub struct Writer {
    pub file: File,
    pub shared: Arc<Shared>,
    /// Where the next record goes.
    pub end: u64,
    /// By partition; a clock that is set back must not take the events with it.
    pub last_enqueued_at_ms: Vec<i64>,
}

impl Writer {
    /// Until nobody can append any more.
    pub fn run(mut self, mut appends: mpsc::UnboundedReceiver<Append>) {
        let mut broken: Option<String> = None;
        while let Some(first) = appends.blocking_recv() {
            let group = gather(first, &mut appends);
            if broken.is_none() {
                broken = self.write(&group).err();
            }
            let outcome = broken.clone().map_or(Ok(()), Err);
            for Append { done, room, .. } in group {
                drop(room);
                // Who has gone away meanwhile does not get its answer; the events stay.
                let _ = done.send(outcome.clone());
            }
        }
        // Who has seen the end may open the file.
        drop(self.file);
        self.shared.changed.send_modify(|state| state.ended = true);
    }

    /// Writes and publishes `group`. After an error nothing may follow: what is on disk then is known only to the next
    /// process, which reads it.
    fn write(&mut self, group: &[Append]) -> Result<(), String> {
        let now = Utc::now().timestamp_millis();
        let mut bytes = Vec::new();
        let mut placed = Vec::new();
        for append in group {
            let last = &mut self.last_enqueued_at_ms[append.partition];
            *last = now.max(*last);
            for record in &append.records {
                let place = Place { offset: self.end + bytes.len() as u64, length: record.len() as u32 };
                record.write(*last, &mut bytes);
                placed.push((append.partition, place, *last));
            }
        }
        self.make_durable(&bytes).map_err(|error| format!("cannot write the journal: {error}; start again"))?;
        self.end += bytes.len() as u64;
        let mut index = self.shared.index();
        placed.into_iter().for_each(|(partition, place, at)| index.add(partition, place, at));
        drop(index);
        self.shared.changed.send_modify(|state| state.groups += 1);
        Ok(())
    }

    fn make_durable(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}

/// `first` and what waits behind it.
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
