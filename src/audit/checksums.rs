//! Checksums of rows that add up in any order, so that two sets of rows can be compared without remembering either.
//!
//! Bronze says which rows silver and quarantine should have; the two say which rows they have. Each row is hashed to one
//! number. For each range of [`RangeIndex::EVENTS`] sequence numbers of a partition, the hashes of the stored rows are
//! added and those of the expected rows are subtracted. A range that does not come to 0 is wrong somewhere. No event is
//! remembered, and no tables are joined.

use super::expected_rows::sequence_numbers;
use super::tables::Layer;
use crate::event::ids::SequenceNumber;
use crate::lake::arrow::array::RecordBatch;
use crate::lake::arrow::error::ArrowError;
use crate::lake::arrow::row::{RowConverter, SortField};
use crate::lineage;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Columns in which two correct rows of one event may differ: an event that was redelivered after a kill is stamped
/// again.
const NOT_COMPARED: [&str; 2] = [lineage::INGESTED_AT, lineage::INGEST_DATE];

/// Number of a range of consecutive sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RangeIndex(i64);

impl RangeIndex {
    /// Sequence numbers of one range.
    pub const EVENTS: i64 = 1_024;

    pub fn of(number: SequenceNumber) -> Self {
        RangeIndex(number.0.div_euclid(Self::EVENTS))
    }

    pub fn first(self) -> SequenceNumber {
        SequenceNumber(self.0 * Self::EVENTS)
    }

    pub fn last(self) -> SequenceNumber {
        SequenceNumber(self.first().0 + (Self::EVENTS - 1))
    }

    /// This range and those that follow, up to `last`, at most `max` of them.
    pub fn up_to(self, last: RangeIndex, max: usize) -> impl Iterator<Item = RangeIndex> {
        (self.0..=last.0).take(max).map(RangeIndex)
    }
}

pub(super) fn is_compared(column: &str) -> bool {
    !NOT_COMPARED.contains(&column)
}

/// One number for each row, which does not depend on where the row is stored.
pub(super) fn row_hashes(batch: &RecordBatch) -> Result<Vec<u64>, ArrowError> {
    let schema = batch.schema();
    let compared = schema.fields().iter().enumerate().filter(|(_, field)| is_compared(field.name()));
    let batch = batch.project(&compared.map(|(index, _)| index).collect::<Vec<_>>())?;
    let fields = batch.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(batch.columns())?;
    Ok(rows.iter().map(|row| xxh3_64(row.as_ref())).collect())
}

/// The sum of the stored rows less that of the expected rows: 0 and 0 when silver and quarantine are what bronze says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ChecksumDiff {
    pub silver: u64,
    pub quarantine: u64,
}

/// The differences of one partition, by range.
#[derive(Debug, Clone, Default)]
pub(super) struct RangeChecksums {
    ranges: HashMap<RangeIndex, ChecksumDiff>,
}

impl RangeChecksums {
    /// Calls `update` for each of `rows`, which are rows of `layer`, with the difference of its range and the hash of the
    /// row.
    pub fn update(
        &mut self,
        layer: Layer,
        rows: &RecordBatch,
        update: impl Fn(&mut ChecksumDiff, u64),
    ) -> Result<(), ArrowError> {
        for (number, hash) in sequence_numbers(layer, rows)?.into_iter().zip(row_hashes(rows)?) {
            update(self.ranges.entry(RangeIndex::of(number)).or_default(), hash);
        }
        Ok(())
    }

    pub fn combine(&mut self, other: &RangeChecksums) {
        for (&range, diff) in &other.ranges {
            let mine = self.ranges.entry(range).or_default();
            mine.silver = mine.silver.wrapping_add(diff.silver);
            mine.quarantine = mine.quarantine.wrapping_add(diff.quarantine);
        }
    }

    /// The ranges in which something is wrong.
    pub fn differing(&self) -> impl Iterator<Item = RangeIndex> {
        self.ranges.iter().filter(|(_, diff)| **diff != ChecksumDiff::default()).map(|(&range, _)| range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::arrow::array::{ArrayRef, Int64Array};
    use std::sync::Arc;

    fn rows(numbers: &[i64]) -> RecordBatch {
        let column = Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
        RecordBatch::try_from_iter([(lineage::SEQUENCE_NUMBER, column)]).expect("one column")
    }

    #[test]
    fn sums_are_zero_exactly_where_the_same_rows_were_added_and_subtracted() {
        let mut checksums = RangeChecksums::default();
        let expect = |diff: &mut ChecksumDiff, hash: u64| diff.silver = diff.silver.wrapping_sub(hash);
        let store = |diff: &mut ChecksumDiff, hash: u64| diff.silver = diff.silver.wrapping_add(hash);
        checksums.update(Layer::Silver, &rows(&[-1, 0, 1, 1_024, 2_048]), expect).expect("rows");
        checksums.update(Layer::Silver, &rows(&[1, 0, 2_048, 2_048, -1]), store).expect("rows");
        let mut differing: Vec<RangeIndex> = checksums.differing().collect();
        differing.sort_unstable();
        // 1,024 is not stored, and 2,048 is stored twice.
        assert_eq!(differing, [RangeIndex(1), RangeIndex(2)]);
        assert_eq!((RangeIndex(-1).first(), RangeIndex(-1).last()), (SequenceNumber(-1_024), SequenceNumber(-1)));
    }
}
