//! An event as it was received, before it is parsed.
//!
//! Promises the body exactly as the sender wrote it, and its position. Does not know whether the body is an event.

use super::ids::{SequenceNumber, SourcePartition};
use super::time::Timestamp;
use bytes::Bytes;

/// One event of a partition: bytes and position.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedEvent {
    pub sequence_number: SequenceNumber,
    /// Text, because with geo-replication an offset need not be a number.
    pub offset: String,
    /// When the event hub received it.
    pub enqueued_at: Timestamp,
    pub body: Bytes,
}

/// What one invocation delivers: events of one partition in the order of their sequence numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedBatch {
    pub source: SourcePartition,
    pub events: Vec<ReceivedEvent>,
}
