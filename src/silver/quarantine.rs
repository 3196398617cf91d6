//! `silver/quarantine`: rejected events, with a reason for programs, a sentence for people, and the bytes.

use super::Rows;
use crate::event::Parsed;
use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::arrow::array::{BinaryArray, StringArray};
use crate::lake::arrow::datatypes::{DataType, Schema};
use crate::lake::schema::{TableSpec, record_batch, required};
use crate::lineage::{self, Stamp};
use std::sync::Arc;

pub const TABLE: &str = "silver/quarantine";
pub const LAYER: &str = "quarantine";

/// One of `event::reject::RejectReason`.
pub const REASON: &str = "reason";
pub const DETAIL: &str = "detail";
pub const BODY: &str = "body";

pub fn table() -> TableSpec {
    let mut fields = lineage::fields();
    fields.extend([
        required(REASON, DataType::Utf8),
        required(DETAIL, DataType::Utf8),
        required(BODY, DataType::Binary),
        required(lineage::INGEST_DATE, DataType::Date32),
    ]);
    TableSpec {
        name: TABLE,
        columns: Arc::new(Schema::new(fields)),
        partition_column: Some(lineage::INGEST_DATE),
        statistics_columns: &[lineage::SEQUENCE_NUMBER],
    }
}

/// The rejected events of `batch`; `parsed` holds what was read in each of its events, in the same order.
pub fn rows(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp) -> Result<Rows, LakeError> {
    let rejected =
        || batch.events.iter().zip(parsed).filter_map(|(event, parsed)| Some((event, parsed.as_ref().err()?)));
    let mut columns = lineage::arrays(&batch.source, stamp, rejected().map(|(event, _)| event));
    columns.push(Arc::new(StringArray::from_iter_values(rejected().map(|(_, reject)| reject.reason.as_str()))));
    columns.push(Arc::new(StringArray::from_iter_values(rejected().map(|(_, reject)| reject.detail.as_str()))));
    columns.push(Arc::new(BinaryArray::from_iter_values(rejected().map(|(event, _)| &event.body))));
    let positions = rejected().map(|(event, _)| lineage::position(event)).collect();
    Ok(Rows { layer: LAYER, stamp, rows: record_batch(&table(), columns)?, positions })
}
