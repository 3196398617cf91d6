//! Where an event stands in its partition, and which partition that is.

use super::error::EnvelopeError;
use super::value::{Members, members, plain_text};
use crate::event::ids::{SequenceNumber, SourcePartition};
use crate::event::time::Timestamp;
use serde_json::value::RawValue;

pub(super) struct Position {
    pub sequence_number: SequenceNumber,
    /// Empty when the host sent none: it informs, nothing depends on it.
    pub offset: String,
    pub enqueued_at: Timestamp,
}

/// Metadata keys that hold the partition context; extension 5.x sends only the second.
pub(super) const PARTITION_KEYS: [&str; 2] = ["TriggerPartitionContext", "PartitionContext"];

/// All four parts are required: two hubs that share an incomplete name would skip each other's events as duplicates.
pub(super) fn source_partition(context: &RawValue) -> Result<SourcePartition, EnvelopeError> {
    let context = members(context).ok_or(EnvelopeError::NoPartition)?;
    Ok(SourcePartition {
        namespace: part(&context, "FullyQualifiedNamespace")?,
        event_hub: part(&context, "EventHubName")?,
        consumer_group: part(&context, "ConsumerGroup")?,
        partition_id: part(&context, "PartitionId")?,
    })
}

fn part(context: &Members, member: &'static str) -> Result<String, EnvelopeError> {
    context
        .get(member)
        .and_then(|raw| plain_text(raw))
        .filter(|text| !text.is_empty())
        .ok_or(EnvelopeError::IncompletePartition { member })
}
