//! Rows as numbers that add up, whatever order they come in.
//!
//! Bronze says which rows silver and quarantine should have, the two say which they have. Both are summed by partition
//! and range of [`RANGE`] sequence numbers; where the books do not balance, something is wrong in that range. No event
//! is remembered, and nothing needs to be joined.

use crate::lake::arrow::array::RecordBatch;
use crate::lake::arrow::error::ArrowError;
use crate::lake::arrow::row::{RowConverter, SortField};
use crate::lineage;
use crate::silver::schema as silver;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Sequence numbers of one entry in the books.
pub const RANGE: i64 = 1_024;

/// Columns that may differ between two rows of the same event although both are right: an event that was redelivered
/// after a kill is stamped again, and the domain of a relative page address is a setting (`SITE_DOMAIN`).
const NOT_COMPARED: [&str; 3] = [lineage::INGESTED_AT, lineage::INGEST_DATE, silver::PAGE_DOMAIN];

pub fn range_of(sequence: i64) -> i64 {
    sequence.div_euclid(RANGE)
}

/// The columns of `batch` that are compared.
pub fn compared(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let kept = schema.fields().iter().enumerate().filter(|(_, field)| !NOT_COMPARED.contains(&field.name().as_str()));
    batch.project(&kept.map(|(index, _)| index).collect::<Vec<_>>())
}

/// One number a row, the same wherever the row stands.
pub fn digests(batch: &RecordBatch) -> Result<Vec<u64>, ArrowError> {
    let batch = compared(batch)?;
    let fields = batch.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(batch.columns())?;
    Ok(rows.iter().map(|row| xxh3_64(row.as_ref())).collect())
}

/// What silver and quarantine have too much, by range of one partition: 0 and 0 when they are what bronze says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    pub silver: u64,
    pub quarantine: u64,
}

/// By range of sequence numbers.
#[derive(Debug, Clone, Default)]
pub struct Books {
    ranges: HashMap<i64, Balance>,
}

impl Books {
    pub fn entry(&mut self, sequence: i64) -> &mut Balance {
        self.ranges.entry(range_of(sequence)).or_default()
    }

    pub fn combine(&mut self, other: &Books) {
        for (&range, balance) in &other.ranges {
            let mine = self.ranges.entry(range).or_default();
            mine.silver = mine.silver.wrapping_add(balance.silver);
            mine.quarantine = mine.quarantine.wrapping_add(balance.quarantine);
        }
    }

    pub fn unbalanced(&self) -> impl Iterator<Item = i64> {
        self.ranges.iter().filter(|(_, balance)| **balance != Balance::default()).map(|(&range, _)| range)
    }
}
