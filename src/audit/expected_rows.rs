//! The rows of one partition, and what the events in bronze should have become, by the code that ingests them.
//!
//! The bytes of an event decide, and the settings that it was read with. Where nothing says what these were, they are
//! those with which the event becomes what bronze says; and if no recorded settings do that, bronze's own word is
//! accepted where a setting can be the reason of the rejection.

use super::event_settings::{EventSettings, SourceSettings};
use super::tables::Layer;
use crate::bronze;
use crate::columns::{ColumnError, Rows};
use crate::event::Parsed;
use crate::event::ids::{SequenceNumber, SourcePartition};
use crate::event::parse::{Limits, ParseSettings, ProductViewsWithoutProduct, parse};
use crate::event::received::{ReceivedBatch, ReceivedEvent};
use crate::event::reject::{Reject, RejectReason};
use crate::event::time::{Span, Timestamp};
use crate::lake::arrow::array::{
    BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use crate::lake::arrow::compute;
use crate::lake::arrow::error::ArrowError;
use crate::lineage::{self, Stamp};
use crate::silver::{self, quarantine};
use bytes::Bytes;
use std::collections::HashMap;

/// Rows that a layer has of one partition and source epoch.
#[derive(Debug, Clone)]
pub(super) struct PartitionRows {
    layer: Layer,
    partition: SourcePartition,
    epoch: u32,
    /// Name of partition and epoch.
    pub source: String,
    pub rows: RecordBatch,
}

impl PartitionRows {
    pub fn sequence_numbers(&self) -> Result<Vec<SequenceNumber>, ColumnError> {
        sequence_numbers(self.layer, &self.rows)
    }

    /// Only the rows whose sequence numbers are wanted.
    pub fn filter(self, is_wanted: impl Fn(SequenceNumber) -> bool) -> Result<Self, ArrowError> {
        let keep: BooleanArray = self.sequence_numbers()?.into_iter().map(|number| Some(is_wanted(number))).collect();
        Ok(PartitionRows { rows: compute::filter_record_batch(&self.rows, &keep)?, ..self })
    }
}

/// The rows of `batch`, rows of `layer`, by partition, in the order in which the partitions first occur.
pub(super) fn rows_by_partition(layer: Layer, batch: &RecordBatch) -> Result<Vec<PartitionRows>, ArrowError> {
    let rows = Rows::of(layer.table(), batch);
    let texts = [lineage::NAMESPACE, lineage::EVENT_HUB, lineage::CONSUMER_GROUP, lineage::PARTITION_ID];
    let mut columns = Vec::with_capacity(texts.len());
    for name in texts {
        columns.push(rows.column::<StringArray>(name)?);
    }
    let epochs: &Int32Array = rows.column(lineage::SOURCE_EPOCH)?;
    let of_row = |row: usize| ([0, 1, 2, 3].map(|index: usize| columns[index].value(row)), epochs.value(row));
    let mut known: HashMap<([&str; 4], i32), usize> = HashMap::new();
    let mut rows_of: Vec<Vec<u64>> = Vec::new();
    let mut previous = None;
    for row in 0..batch.num_rows() {
        let index = match previous {
            Some((index, before)) if of_row(before) == of_row(row) => index,
            _ => *known.entry(of_row(row)).or_insert_with(|| {
                rows_of.push(Vec::new());
                rows_of.len() - 1
            }),
        };
        rows_of[index].push(row as u64);
        previous = Some((index, row));
    }
    rows_of.into_iter().map(|rows| partition_rows(layer, batch, of_row(rows[0] as usize), rows)).collect()
}

/// The rows `indices` of `batch`, which are of the same partition.
fn partition_rows(
    layer: Layer,
    batch: &RecordBatch,
    (names, epoch): ([&str; 4], i32),
    indices: Vec<u64>,
) -> Result<PartitionRows, ArrowError> {
    let [namespace, event_hub, consumer_group, partition_id] = names.map(str::to_owned);
    let partition = SourcePartition::new(namespace, event_hub, consumer_group, partition_id)
        .ok_or_else(|| ArrowError::SchemaError("part of the name of a source partition is empty".to_owned()))?;
    let source = lineage::source_name(&partition, epoch as u32);
    let rows = match indices.len() == batch.num_rows() {
        true => batch.clone(),
        false => compute::take_record_batch(batch, &UInt64Array::from(indices))?,
    };
    Ok(PartitionRows { layer, partition, epoch: epoch as u32, source, rows })
}

/// The rows that events of bronze make in each table.
#[derive(Debug, Clone)]
pub(super) struct ExpectedRows {
    pub bronze: RecordBatch,
    pub silver: RecordBatch,
    pub quarantine: RecordBatch,
}

/// What `bronze`, rows of bronze, should be and should have become.
pub(super) fn expected_rows(bronze: &PartitionRows, settings: &EventSettings) -> Result<ExpectedRows, ColumnError> {
    let batch = ReceivedBatch { source: bronze.partition.clone(), events: events(bronze)? };
    let errors: &StringArray = Rows::of(bronze::schema::TABLE, &bronze.rows).column(bronze::schema::PARSE_ERROR)?;
    let settings = settings.of_source(&bronze.source);
    let read = |(event, recorded): (&ReceivedEvent, Option<&str>)| match settings.of(event.sequence_number) {
        Some(settings) => parse(&event.body, event.enqueued_at, settings),
        None => read_as_recorded(event, recorded, settings),
    };
    let parsed: Vec<Parsed> = batch.events.iter().zip(errors.iter()).map(read).collect();
    let stamp = Stamp { ingested_at: Timestamp(0), source_epoch: bronze.epoch };
    Ok(ExpectedRows {
        bronze: bronze::rows(&batch, &parsed, stamp)?.rows,
        silver: silver::rows(&batch, &parsed, stamp)?.rows,
        quarantine: quarantine::rows(&batch, &parsed, stamp)?.rows,
    })
}

/// `rows`, rows of silver, without what only the settings say where these are unknown.
pub(super) fn comparable(
    source: &str,
    rows: &RecordBatch,
    settings: &EventSettings,
) -> Result<RecordBatch, ArrowError> {
    let settings = settings.of_source(source);
    let numbers = sequence_numbers(Layer::Silver, rows)?.into_iter();
    let is_unknown: BooleanArray = numbers.map(|number| Some(settings.of(number).is_none())).collect();
    let schema = rows.schema();
    let Some((index, _)) = schema.column_with_name(silver::schema::PAGE_DOMAIN).filter(|_| is_unknown.true_count() > 0)
    else {
        return Ok(rows.clone());
    };
    let mut columns = rows.columns().to_vec();
    columns[index] = compute::nullif(&columns[index], &is_unknown)?;
    RecordBatch::try_new(schema, columns)
}

/// Reads an event whose settings are unknown. `recorded` is why bronze says it was rejected.
fn read_as_recorded(event: &ReceivedEvent, recorded: Option<&str>, settings: SourceSettings<'_>) -> Parsed {
    let widest = widest_settings();
    let read = |settings| parse(&event.body, event.enqueued_at, settings);
    let is_as_recorded = |parsed: &Parsed| parsed.as_ref().err().map(ToString::to_string).as_deref() == recorded;
    let found = settings.candidates().chain([&widest]).map(read).find(is_as_recorded);
    found.unwrap_or_else(|| recorded.and_then(rejected_by_setting).map_or_else(|| read(&widest), Err))
}

/// Settings that reject only what every setting rejects.
fn widest_settings() -> ParseSettings {
    let defaults = ParseSettings::default();
    ParseSettings {
        limits: Limits { max_body_bytes: usize::MAX, ..defaults.limits },
        future_tolerance: Span::MAX,
        max_event_age: None,
        product_views_without_product: ProductViewsWithoutProduct::Keep,
        ..defaults
    }
}

fn events(bronze: &PartitionRows) -> Result<Vec<ReceivedEvent>, ColumnError> {
    let numbers = bronze.sequence_numbers()?;
    let rows = Rows::of(bronze::schema::TABLE, &bronze.rows);
    let offset: &StringArray = rows.column(lineage::OFFSET)?;
    let enqueued: &TimestampMicrosecondArray = rows.column(lineage::ENQUEUED_AT)?;
    let body: &BinaryArray = rows.column(bronze::schema::BODY)?;
    let event = |(row, sequence_number)| ReceivedEvent {
        sequence_number,
        offset: offset.value(row).to_owned(),
        enqueued_at: Timestamp(enqueued.value(row)),
        body: Bytes::copy_from_slice(body.value(row)),
    };
    Ok(numbers.into_iter().enumerate().map(event).collect())
}

/// The reject that bronze recorded, if a setting was its reason.
fn rejected_by_setting(recorded: &str) -> Option<Reject> {
    let (reason, detail) = recorded.split_once(": ")?;
    let reason: RejectReason = reason.parse().ok()?;
    let depends_on_setting = matches!(
        reason,
        RejectReason::BodyTooLarge
            | RejectReason::TimestampInFuture
            | RejectReason::TimestampTooOld
            | RejectReason::MissingUser
            | RejectReason::ProductDetailWithoutProduct
    );
    depends_on_setting.then(|| Reject::new(reason, detail))
}

/// The sequence numbers of `rows`, which are rows of `layer`.
pub(super) fn sequence_numbers(layer: Layer, rows: &RecordBatch) -> Result<Vec<SequenceNumber>, ColumnError> {
    let numbers: &Int64Array = Rows::of(layer.table(), rows).column(lineage::SEQUENCE_NUMBER)?;
    Ok(numbers.values().iter().copied().map(SequenceNumber).collect())
}
