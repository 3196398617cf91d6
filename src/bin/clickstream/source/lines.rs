//! The events of a text as those of a partitioned event hub, read from the file when the host asks for them.
//!
//! Promises that an event which was handed out can be handed out again until the process ends, however it arrived. Does not know
//! how a text is cut into events.

use super::index::{Copy, EventReader, Index, Layout, Place, Span};
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

/// How often the clock is read while a rate holds events back.
const PACE: Duration = Duration::from_millis(20);

/// The events of a text, which may still be arriving.
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
    /// Whether the last event is written. Every event sends this again, which wakes the readers.
    ended: watch::Sender<bool>,
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// The events of a file that does not grow. `index` is that of `file`.
    pub fn new(hub: String, file: File, index: Index, shape: Shape, state: &StateFolder) -> io::Result<Self> {
        let shared = Shared { index: Mutex::new(index), ended: watch::Sender::new(true) };
        Self::with_shared(hub, file, Arc::new(shared), shape, state)
    }

    /// The events that arrive in `text` until its end. Each is written to a file first and is an event from then on, so that it
    /// can be delivered again however often the handler is killed.
    pub fn arriving(
        text: impl io::Read + Send + 'static,
        layout: Layout,
        shape: Shape,
        state: &StateFolder,
    ) -> io::Result<Self> {
        let hub = format!("stdin-{}-{}p", uuid::Uuid::new_v4().simple(), shape.partitions);
        let (file, path) = state.unnamed_file(&hub)?;
        let writer = file.try_clone()?;
        let index = Mutex::new(Index::empty(layout, shape.partitions));
        let shared = Arc::new(Shared { index, ended: watch::Sender::new(false) });
        let lines = Self::with_shared(hub, file, shared.clone(), shape, state)?;
        std::thread::Builder::new().name("input".into()).spawn(move || {
            let mut events = EventReader::copying(text, layout, Copy { file: &writer, path: &path });
            let mut advance = || {
                let more = events.advance(|span, key| shared.index().add(span, key))?;
                shared.ended.send_replace(false);
                io::Result::Ok(more)
            };
            loop {
                match advance() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        eprintln!("cannot read the input: {error}; the events before are delivered");
                        break;
                    }
                }
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

    /// Where a person finds an event.
    pub fn place(&self, partition: usize, sequence: i64) -> Option<Place> {
        self.shared.index().place(partition, usize::try_from(sequence).ok()?)
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
            let spans: Vec<Span> = {
                let index = self.shared.index();
                let to = self.released(partition, from).min(from.saturating_add(max));
                index.partition(partition).iter().take(to).skip(from).copied().collect()
            };
            if !spans.is_empty() {
                return self.read_spans(from, &spans).map(Read::Events);
            }
            if is_last && from >= self.shared.index().partition(partition).len() {
                return Ok(Read::Ended);
            }
            tokio::select! {
                changed = ended.changed() => changed.map_err(io::Error::other)?,
                () = tokio::time::sleep(PACE), if self.shape.rate.is_some() => {}
            }
        }
    }

    fn read_spans(&self, from: usize, spans: &[Span]) -> io::Result<Vec<SourceEvent>> {
        let read = |(at, span): (usize, &Span)| {
            let mut body = vec![0; span.length as usize];
            self.file.read_exact_at(&mut body, span.offset).map_err(|error| {
                let Span { offset, length, .. } = span;
                io::Error::new(error.kind(), format!("cannot read {length} bytes at byte {offset}: {error}"))
            })?;
            Ok(SourceEvent {
                sequence_number: SequenceNumber((from + at) as i64),
                offset: span.offset.to_string(),
                enqueued_at: self.enqueued_at,
                partition_key: None,
                accompanying: Default::default(),
                body: Bytes::from(body),
            })
        };
        spans.iter().enumerate().map(read).collect()
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
