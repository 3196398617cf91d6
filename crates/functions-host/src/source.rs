//! What the host reads its events from: a partitioned, ordered log with the identity of one event hub.
//!
//! Promises the shape of an event hub (partitions, sequence numbers, offsets, named properties). Does not know where
//! the events come from, nor functions and checkpoints: the host remembers how far it has read, and says so in `after`.

use std::fmt;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// A partition of an event hub, counted from 0. Its id on the wire is the decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub usize);

impl fmt::Display for PartitionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The place of an event in its partition. Later events have higher numbers; gaps are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SequenceNumber(pub i64);

impl fmt::Display for SequenceNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One event, as an event hub would hand it over.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEvent {
    /// Higher than that of every earlier event of the partition.
    pub sequence_number: SequenceNumber,
    /// The host does not interpret it. It is a number on ordinary namespaces, and any text on geo-replicated ones.
    pub offset: String,
    /// When the event hub accepted the event.
    pub enqueued_at: DateTime<Utc>,
    /// What the producer chose to keep events together; the source has applied it already.
    pub partition_key: Option<String>,
    /// What the producer says about the event besides its body.
    pub accompanying: Accompanying,
    /// The bytes that the producer sent.
    pub body: Bytes,
}

/// What one read of a partition found.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// At least one event, in the order of their sequence numbers.
    Events(Vec<SourceEvent>),
    /// Every event after `after` has been handed over, and there will be no more.
    Ended,
}

/// An event hub that can be read.
///
/// Reads must be repeatable: the same `after` gives the same events again, also in a later process. This is how the
/// events of a batch without a checkpoint are redelivered.
pub trait EventSource: Send + Sync + 'static {
    /// The fully qualified namespace, such as `local.servicebus.windows.net`.
    fn namespace(&self) -> &str;

    /// The name of the event hub. It has checkpoints of its own.
    fn event_hub(&self) -> &str;

    /// The partitions are [`PartitionId`] 0 up to this number, exclusive.
    fn partition_count(&self) -> usize;

    /// Reads up to `max` events of `partition` with sequence numbers above `after`, in order. `None` starts at the
    /// first event. Waits until there is at least one event. Must be cancel safe: the host drops the future when it
    /// stops.
    ///
    /// # Errors
    /// When the events cannot be read. The host reports the error and reads again after a second.
    fn read(
        &self,
        partition: PartitionId,
        after: Option<SequenceNumber>,
        max: usize,
    ) -> BoxFuture<'_, io::Result<Read>>;
}

/// A value that a producer attached to an event, in the types that a function can tell apart.
///
/// A number that is not finite is [`PropertyValue::Text`], as in the metadata of the real host.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyValue {
    /// No value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above the largest [`PropertyValue::Integer`].
    Large(u64),
    /// A finite number.
    Float(f64),
    /// Text.
    Text(String),
    /// A point in time.
    Instant(DateTime<Utc>),
    /// Bytes, which the metadata shows in base64.
    Binary(Vec<u8>),
}

/// Names and values in the order in which the producer wrote them. Each name occurs once.
pub type Properties = Vec<(String, PropertyValue)>;

/// What accompanies the body of an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accompanying {
    /// What the producer's program added.
    pub properties: Properties,
    /// Properties and annotations of the message itself, such as `content-type`, without those that the event hub adds.
    pub system_properties: Properties,
}
