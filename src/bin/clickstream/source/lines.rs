//! A file of lines as an event hub: sequence number and offset from the place in the file, read when asked for.

use super::index::{Index, Line};
use super::{NAMESPACE, Shape, StateFolder};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use functions_host::{EventSource, PartitionId, Read, SequenceNumber, SourceEvent};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Pause between looks at the clock when a rate holds events back.
const PACE: Duration = Duration::from_millis(20);

pub struct Lines {
    hub: String,
    file: File,
    shared: Arc<Shared>,
    shape: Shape,
    /// Where each partition was, and when, as it was first read: a rate counts from there.
    starts: Mutex<Vec<Option<(usize, Instant)>>>,
    /// The same for each event and in each process, so that a repetition is recognised as one.
    enqueued_at: DateTime<Utc>,
}

/// What a writer that is still adding lines shares with the reader.
pub(super) struct Shared {
    pub index: Mutex<Index>,
    /// Whether the last line is in. Changes with every line.
    pub ended: watch::Sender<bool>,
}

impl Shared {
    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    pub(super) fn new(hub: String, file: File, index: Index, shape: Shape, state: &StateFolder) -> io::Result<Self> {
        let shared = Shared { index: Mutex::new(index), ended: watch::Sender::new(true) };
        Self::growing(hub, file, Arc::new(shared), shape, state)
    }

    pub(super) fn growing(
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

    /// Events known so far.
    pub fn events(&self) -> usize {
        self.shared.index().events()
    }

    /// How many events of `partition` may be handed out by now; `from` is the one that is asked for.
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
