//! Lineage: the columns by which every ingested row says where it came from and when it passed.
//!
//! Bronze, silver and quarantine carry the same ones, so that any row can be followed back to its event.

use crate::columns::{Append, Column, ColumnError, SourcePosition, TableSpec, declare};
use crate::event::ids::SourcePartition;
use crate::event::received::ReceivedEvent;
use crate::event::time::Timestamp;

/// What one invocation writes on all its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub ingested_at: Timestamp,
    pub source_epoch: u32,
}

/// Where a row came from and when it passed.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub source: &'a SourcePartition,
    pub event: &'a ReceivedEvent,
    pub stamp: Stamp,
}

/// A row that was made from one received event.
pub trait Ingested {
    fn origin(&self) -> Origin<'_>;
}

declare! {
    [R: Ingested] R;

    /// Fully qualified name of the Event Hubs namespace.
    NAMESPACE = "namespace", string(|row| Some(row.origin().source.namespace())).required();
    /// Name of the event hub.
    EVENT_HUB = "event_hub", string(|row| Some(row.origin().source.event_hub())).required();
    /// Name of the consumer group that read the event.
    CONSUMER_GROUP = "consumer_group", string(|row| Some(row.origin().source.consumer_group())).required();
    /// Id of the partition of the event hub.
    PARTITION_ID = "partition_id", string(|row| Some(row.origin().source.partition_id())).required();
    /// Grows by one each time the hub was recreated under its old name and restarted its sequence numbers.
    SOURCE_EPOCH = "source_epoch", integer(|row| Some(row.origin().stamp.source_epoch as i32)).required();
    /// Number of the event within its partition; grows, need not be gapless.
    SEQUENCE_NUMBER = "sequence_number",
        long(|row| Some(row.origin().event.sequence_number.0)).required().with_statistics();
    /// Offset of the event within its partition, as the host sends it. Nothing depends on it.
    OFFSET = "offset", string(|row| Some(row.origin().event.offset.as_str())).required();
    /// When the event hub accepted the event.
    ENQUEUED_AT = "enqueued_at", timestamp(|row| Some(row.origin().event.enqueued_at)).required().with_statistics();
    /// When the invocation that wrote the row ran.
    INGESTED_AT = "ingested_at", timestamp(|row| Some(row.origin().stamp.ingested_at)).required();
}

/// UTC date of [`INGESTED_AT`].
pub const INGEST_DATE: &str = "ingest_date";

/// The columns of an ingested table: lineage, those of the layer, and the date that groups its files. It is the date of
/// ingestion, so that a commit is one file however wild the event times are.
pub fn around<R: Ingested>(own: Vec<Column<R>>) -> Vec<Column<R>> {
    let date = Column::partition_date(INGEST_DATE, "UTC date of `ingested_at`; the partition column.");
    declared().into_iter().chain(own).chain([date]).collect()
}

/// `rows`, all of one invocation, as `layer` appends them to the table `spec` with these `columns`.
pub fn append<R: Ingested>(
    layer: &str,
    source: &SourcePartition,
    stamp: Stamp,
    spec: &TableSpec,
    columns: &[Column<R>],
    rows: &[R],
) -> Result<Append, ColumnError> {
    Ok(Append {
        app_id: format!("{layer}:{}", source_name(source, stamp.source_epoch)),
        partition: Some(stamp.ingested_at.date().to_string()),
        rows: spec.record_batch(columns, rows)?,
        positions: rows.iter().map(|row| position(row.origin().event)).collect(),
        now_ms: stamp.ingested_at.millis(),
        note: None,
        details: None,
    })
}

fn position(event: &ReceivedEvent) -> SourcePosition {
    SourcePosition { sequence: event.sequence_number.0, enqueued_ms: event.enqueued_at.millis() }
}

/// A source as one sequence of numbers: `<namespace>/<hub>/<group>/<partition>`, followed by `@<epoch>` where the hub was
/// recreated and restarted its sequence numbers.
pub fn source_name(source: &SourcePartition, source_epoch: u32) -> String {
    match source_epoch {
        0 => source.to_string(),
        epoch => format!("{source}@{epoch}"),
    }
}
