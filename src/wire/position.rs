//! Where an event is in its partition, and which partition that is.
//!
//! The positions of a batch (`cardinality` many) are parallel arrays in the metadata, each a string that holds an
//! array. The metadata's largest members, `PropertiesArray` and `SystemPropertiesArray`, are never parsed. A single
//! event has its position elsewhere, see `one`.

use super::error::EnvelopeError;
use super::json::{Elements, Members, content, instant, integer, members, plain_text, start_of};
use crate::event::ids::{SequenceNumber, SourcePartition};
use crate::event::time::Timestamp;
use serde_json::value::RawValue;

/// Position of one event.
pub(super) struct EventPosition {
    pub sequence_number: SequenceNumber,
    /// Empty when the host sent none. It is only information: nothing depends on it.
    pub offset: String,
    pub enqueued_at: Timestamp,
}

/// Metadata keys of the partition context; extension 5.x sends only the second.
pub(super) const PARTITION_KEYS: [&str; 2] = ["TriggerPartitionContext", "PartitionContext"];

/// Reads a partition context, which must have all four parts.
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

const SEQUENCE_NUMBERS: &str = "SequenceNumberArray";
const ENQUEUED_TIMES: &str = "EnqueuedTimeUtcArray";
/// Best first: the numeric form is "-1" where offsets are not numbers (geo-replication), and extensions before 6.5 do
/// not send the text form.
const OFFSETS: [&str; 2] = ["OffsetStringArray", "OffsetArray"];

/// The partition of a batch. The host copies nothing from the bodies of a batch into its metadata, so either key can be
/// trusted.
pub(super) fn partition(metadata: &Members) -> Result<SourcePartition, EnvelopeError> {
    let context = PARTITION_KEYS.iter().find_map(|key| metadata.get(*key)).ok_or(EnvelopeError::NoPartition)?;
    source_partition(context)
}

/// One position per event, in the order of the events.
pub(super) fn positions(metadata: &Members, events: usize) -> Result<Vec<EventPosition>, EnvelopeError> {
    let sequence_numbers = column(metadata, SEQUENCE_NUMBERS, events, "a whole number", integer)?
        .ok_or(EnvelopeError::NoMetadata { key: SEQUENCE_NUMBERS });
    let enqueued_times = column(metadata, ENQUEUED_TIMES, events, "a UTC time", instant)?
        .ok_or(EnvelopeError::NoMetadata { key: ENQUEUED_TIMES });
    if events == 0 {
        return Ok(Vec::new());
    }
    let offsets = offsets(metadata, events)?;
    let positions = sequence_numbers?.into_iter().zip(offsets).zip(enqueued_times?);
    Ok(positions
        .map(|((number, offset), enqueued_at)| EventPosition {
            sequence_number: SequenceNumber(number),
            offset,
            enqueued_at,
        })
        .collect())
}

fn offsets(metadata: &Members, events: usize) -> Result<Vec<String>, EnvelopeError> {
    for key in OFFSETS {
        if let Some(offsets) = column(metadata, key, events, "text", |raw| Some(plain_text(raw).unwrap_or_default()))? {
            return Ok(offsets);
        }
    }
    Ok(vec![String::new(); events])
}

/// The array under `key`, one element for each event, or `None` if the metadata has no such key.
fn column<T>(
    metadata: &Members,
    key: &'static str,
    events: usize,
    expected: &'static str,
    read: impl Fn(&RawValue) -> Option<T>,
) -> Result<Option<Vec<T>>, EnvelopeError> {
    let Some(raw) = metadata.get(key) else { return Ok(None) };
    let not_json = |source| EnvelopeError::NotJson { object: format!("Metadata.{key}"), source };
    let text = content(raw).map_err(not_json)?;
    let elements: Elements<&RawValue> = serde_json::from_str(&text).map_err(not_json)?;
    if elements.count != events {
        return Err(EnvelopeError::LengthsDiffer { key, found: elements.count, events });
    }
    let read_one = |(index, raw): (usize, &&RawValue)| {
        read(raw).ok_or_else(|| EnvelopeError::BadElement { key, index, expected, found: start_of(raw.get()) })
    };
    elements.kept.iter().enumerate().map(read_one).collect::<Result<_, _>>().map(Some)
}
