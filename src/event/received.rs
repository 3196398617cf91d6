//! An event as it was received, before anybody looked into its bytes.
//!
//! Promises the body untouched and the position it came at. Does not know whether the body means anything.

use super::ids::{SequenceNumber, SourcePartition};
use super::time::Timestamp;
use bytes::Bytes;

/// One event of a partition: bytes and position.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedEvent {
    pub sequence_number: SequenceNumber,
    /// As text: since geo-replication an offset need not be a number.
    pub offset: String,
    /// When the event hub took it.
    pub enqueued_at: Timestamp,
    /// Untouched.
    pub body: Bytes,
}

/// What one invocation delivers: consecutive events of one partition, by growing sequence number.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedBatch {
    pub source: SourcePartition,
    pub events: Vec<ReceivedEvent>,
}
