//! Lineage: the columns by which every ingested row says where it came from and when it passed.
//!
//! Bronze, silver and quarantine carry the same ones, so that any row can be followed back to its event.

use crate::event::ids::SourcePartition;
use crate::event::received::ReceivedEvent;
use crate::event::time::Timestamp;
use crate::lake::append::{Append, SourcePosition};
use crate::lake::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use crate::lake::arrow::datatypes::{DataType, Field};
use crate::lake::columns::instants;
use crate::lake::schema::{required, timestamp};
use std::sync::Arc;

pub const NAMESPACE: &str = "namespace";
pub const EVENT_HUB: &str = "event_hub";
pub const CONSUMER_GROUP: &str = "consumer_group";
pub const PARTITION_ID: &str = "partition_id";
/// Grows by one when a hub was recreated under its old name and numbers its events anew.
pub const SOURCE_EPOCH: &str = "source_epoch";
pub const SEQUENCE_NUMBER: &str = "sequence_number";
pub const OFFSET: &str = "offset";
pub const ENQUEUED_AT: &str = "enqueued_at";
pub const INGESTED_AT: &str = "ingested_at";
/// UTC date of [`INGESTED_AT`]; the partition column, so that a commit is one file however wild the event times are.
pub const INGEST_DATE: &str = "ingest_date";

/// What one invocation writes on all its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub ingested_at: Timestamp,
    pub source_epoch: u32,
}

/// The lineage columns of a table, [`INGEST_DATE`] not among them.
pub fn fields() -> Vec<Field> {
    vec![
        required(NAMESPACE, DataType::Utf8),
        required(EVENT_HUB, DataType::Utf8),
        required(CONSUMER_GROUP, DataType::Utf8),
        required(PARTITION_ID, DataType::Utf8),
        required(SOURCE_EPOCH, DataType::Int32),
        required(SEQUENCE_NUMBER, DataType::Int64),
        required(OFFSET, DataType::Utf8),
        required(ENQUEUED_AT, timestamp()),
        required(INGESTED_AT, timestamp()),
    ]
}

/// The values for [`fields`], one row for each of `events`, which are of `source`.
pub fn arrays<'a>(
    source: &SourcePartition,
    stamp: Stamp,
    events: impl Iterator<Item = &'a ReceivedEvent> + Clone,
) -> Vec<ArrayRef> {
    let rows = events.clone().count();
    let constant = |value: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))) as ArrayRef;
    vec![
        constant(source.namespace()),
        constant(source.event_hub()),
        constant(source.consumer_group()),
        constant(source.partition_id()),
        Arc::new(Int32Array::from_iter_values(std::iter::repeat_n(stamp.source_epoch as i32, rows))),
        Arc::new(Int64Array::from_iter_values(events.clone().map(|event| event.sequence_number.0))),
        Arc::new(StringArray::from_iter_values(events.clone().map(|event| event.offset.as_str()))),
        instants(events.map(|event| Some(event.enqueued_at.0))),
        instants(std::iter::repeat_n(Some(stamp.ingested_at.0), rows)),
    ]
}

/// Where a row of `event` stands in its source.
pub fn position(event: &ReceivedEvent) -> SourcePosition {
    SourcePosition { sequence: event.sequence_number.0, enqueued_ms: event.enqueued_at.millis() }
}

/// A source as one sequence of numbers: `<namespace>/<hub>/<group>/<partition>`, and `@<epoch>` behind it where the hub
/// was recreated and numbers its events anew.
pub fn source_name(source: &SourcePartition, source_epoch: u32) -> String {
    match source_epoch {
        0 => source.to_string(),
        epoch => format!("{source}@{epoch}"),
    }
}

/// The rows of one invocation for one layer, as they are appended; `positions` has one for each row.
pub fn append(
    layer: &str,
    source: &SourcePartition,
    stamp: Stamp,
    rows: RecordBatch,
    positions: Vec<SourcePosition>,
) -> Append {
    Append {
        app_id: app_id(layer, source, stamp.source_epoch),
        partition: Some(stamp.ingested_at.date().to_string()),
        rows,
        positions,
        now_ms: stamp.ingested_at.millis(),
    }
}

/// The name under which a layer records how far it got with a source.
fn app_id(layer: &str, source: &SourcePartition, source_epoch: u32) -> String {
    format!("{layer}:{}", source_name(source, source_epoch))
}
