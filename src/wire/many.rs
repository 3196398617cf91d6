//! Positions of a batch (`cardinality` many): parallel arrays in the metadata, each a string that holds an array.
//! `PropertiesArray` and `SystemPropertiesArray`, most of the metadata's bytes, are never opened.

use super::error::EnvelopeError;
use super::position::{EventPosition, PARTITION_KEYS, source_partition};
use super::value::{Elements, Members, content, instant, integer, plain_text};
use crate::event::ids::{SequenceNumber, SourcePartition};
use serde_json::value::RawValue;

const SEQUENCE_NUMBERS: &str = "SequenceNumberArray";
const ENQUEUED_TIMES: &str = "EnqueuedTimeUtcArray";
/// Best first: the numeric form is "-1" where offsets are not numbers (geo-replication), and the text form is
/// missing before extension 6.5.
const OFFSETS: [&str; 2] = ["OffsetStringArray", "OffsetArray"];

/// The host copies nothing of the bodies into the metadata here, so either context key may be believed.
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

/// The array under `key`, or `None` when the metadata has no such key. Its length must be that of the batch.
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

/// Enough of a value to recognise it in a log line.
pub(super) fn start_of(text: &str) -> String {
    text.chars().take(32).collect()
}
