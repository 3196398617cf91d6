//! Where an event stands in its partition, and which partition that is.

use super::error::EnvelopeError;
use super::value::{Members, members, plain_text};
use crate::event::ids::{SequenceNumber, SourcePartition};
use crate::event::time::Timestamp;
use serde_json::value::RawValue;

pub(super) struct EventPosition {
    pub sequence_number: SequenceNumber,
    /// Empty when the host sent none: it informs, nothing depends on it.
    pub offset: String,
    pub enqueued_at: Timestamp,
}

/// Metadata keys that hold the partition context; extension 5.x sends only the second.
pub(super) const PARTITION_KEYS: [&str; 2] = ["TriggerPartitionContext", "PartitionContext"];

/// All four parts are required.
pub(super) fn source_partition(context: &RawValue) -> Result<SourcePartition, EnvelopeError> {
    let context = members(context).ok_or(EnvelopeError::NoPartition)?;
    let partition = SourcePartition::new(
        part(&context, "FullyQualifiedNamespace")?,
        part(&context, "EventHubName")?,
        part(&context, "ConsumerGroup")?,
        part(&context, "PartitionId")?,
    );
    partition.ok_or(EnvelopeError::NoPartition)
}

fn part(context: &Members, member: &'static str) -> Result<String, EnvelopeError> {
    context
        .get(member)
        .and_then(|raw| plain_text(raw))
        .filter(|text| !text.is_empty())
        .ok_or(EnvelopeError::IncompletePartition { member })
}
