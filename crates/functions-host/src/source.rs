//! What the host reads its events from: a partitioned, ordered log with the identity of one event hub.
//!
//! Promises the shape of an event hub (partitions, sequence numbers, offsets) and nothing about where the
//! events come from. Knows neither functions nor checkpoints: the host remembers how far it got and says so
//! in `after`.

use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::property::Accompanying;

/// One event as an event hub would hand it over.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEvent {
    /// Strictly increasing within a partition; gaps are allowed.
    pub sequence_number: i64,
    /// Opaque to the host. Numeric on ordinary namespaces, anything on geo-replicated ones.
    pub offset: String,
    pub enqueued_at: DateTime<Utc>,
    pub partition_key: Option<String>,
    pub accompanying: Accompanying,
    pub body: Bytes,
}

/// What one read of a partition found.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// At least one event, in sequence order.
    Events(Vec<SourceEvent>),
    /// Every event above `after` has been handed over and no more will ever come.
    Ended,
}

/// A readable event hub. Reads must be repeatable: the same `after` gives the same events again, also to a
/// later process, because that is how events whose batch was not checkpointed come back.
pub trait EventSource: Send + Sync + 'static {
    /// The fully qualified namespace, such as `local.servicebus.windows.net`.
    fn namespace(&self) -> &str;

    /// The name of the event hub. Checkpoints of another hub never apply to this one.
    fn event_hub(&self) -> &str;

    /// Partition ids are the decimal numbers `0..partition_count()`.
    fn partition_count(&self) -> usize;

    /// Up to `max` events of `partition` with a sequence number above `after` (`None`: from the first one), in
    /// order. Waits until there is at least one. Must be cancel safe: the host drops the future when it stops.
    ///
    /// # Errors
    /// When the events cannot be read. The host reports the error and reads again after a pause.
    fn read(&self, partition: usize, after: Option<i64>, max: usize) -> BoxFuture<'_, io::Result<Read>>;
}
