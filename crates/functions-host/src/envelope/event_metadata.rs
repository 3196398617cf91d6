//! What the host tells about events besides their bodies.

use serde::Serialize;

use super::{dotnet_time, json, properties};
use crate::source::SourceEvent;

/// Where a batch comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PartitionContext<'a> {
    pub is_checkpointing_after_invocation: bool,
    pub fully_qualified_namespace: &'a str,
    pub event_hub_name: &'a str,
    pub consumer_group: &'a str,
    pub partition_id: &'a str,
}

/// The message annotations, and again under the names of the .NET properties.
#[derive(Serialize)]
struct SystemProperties<'a> {
    #[serde(rename = "x-opt-sequence-number")]
    annotated_sequence_number: i64,
    #[serde(rename = "x-opt-offset")]
    annotated_offset: &'a str,
    #[serde(rename = "x-opt-enqueued-time")]
    annotated_enqueued_time: String,
    #[serde(rename = "x-opt-partition-key", skip_serializing_if = "Option::is_none")]
    annotated_partition_key: Option<&'a str>,
    #[serde(rename = "SequenceNumber")]
    sequence_number: i64,
    #[serde(rename = "Offset")]
    offset: i64,
    #[serde(rename = "OffsetString")]
    offset_string: &'a str,
    #[serde(rename = "PartitionKey")]
    partition_key: Option<&'a str>,
    #[serde(rename = "EnqueuedTimeUtc")]
    enqueued_time_utc: String,
}

impl<'a> SystemProperties<'a> {
    fn of(event: &'a SourceEvent) -> Self {
        let partition_key = event.partition_key.as_deref();
        Self {
            annotated_sequence_number: event.sequence_number,
            annotated_offset: &event.offset,
            annotated_enqueued_time: dotnet_time::with_offset(event.enqueued_at),
            annotated_partition_key: partition_key,
            sequence_number: event.sequence_number,
            offset: numeric_offset(event),
            offset_string: &event.offset,
            partition_key,
            enqueued_time_utc: dotnet_time::without_zone(event.enqueued_at),
        }
    }
}

/// What the message says of itself, and behind it what the event hub adds.
pub(super) fn system_properties(event: &SourceEvent) -> String {
    let own = properties::members(&event.accompanying.system_properties);
    let added = json(&SystemProperties::of(event));
    if own.0.is_empty() { added } else { format!("{{{},{}", own.0, &added[1..]) }
}

/// The offset as a number, -1 where (as on geo-replicated namespaces) it is none.
pub(super) fn numeric_offset(event: &SourceEvent) -> i64 {
    event.offset.parse().unwrap_or(-1)
}
