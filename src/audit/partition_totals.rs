//! What the files of bronze, silver and quarantine add up to, for each partition.
//!
//! Each file is read once. What is kept of it are ranges, checksums and counts, never rows. Nothing here judges: only a
//! row of bronze that contradicts its own body is reported at once, because only here its bytes are at hand.

use super::checksums::RangeChecksums;
use super::event_settings::EventSettings;
use super::expected_rows::{PartitionRows, comparable, expected_rows, rows_by_partition};
use super::finding::{Audit, Kind, Object};
use super::sequence_ranges::{SequenceRange, SequenceRanges};
use super::tables::Layer;
use crate::bronze::schema as bronze;
use crate::columns::Rows;
use crate::event::ids::{EventKey, SequenceNumber};
use crate::lake::arrow::array::{Int32Array, Int64Array, RecordBatch};
use crate::lake::arrow::error::ArrowError;
use crate::lake::log::Add;
use crate::lineage;
use crate::silver::schema as silver;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What one table has of one partition.
#[derive(Debug, Clone, Default)]
pub(super) struct TableTotals {
    /// Events, not rows.
    pub events: i64,
    pub last: Option<SequenceNumber>,
}

/// What one file has of one partition.
#[derive(Debug, Clone, Default)]
struct PartOfFile {
    totals: TableTotals,
    /// Of bronze only.
    sequence_numbers: SequenceRanges,
    checksums: RangeChecksums,
    /// Of silver only.
    keys: Vec<EventKey>,
}

/// What one file has.
#[derive(Debug, Clone, Default)]
pub(super) struct FileTotals {
    partitions: BTreeMap<String, PartOfFile>,
    /// Rows of bronze whose columns are not what their body says.
    misread: Vec<MisreadRow>,
}

#[derive(Debug, Clone)]
struct MisreadRow {
    source: String,
    number: SequenceNumber,
    columns: String,
}

/// What all files of the three tables have of one partition.
#[derive(Debug, Clone, Default)]
pub(super) struct PartitionTotals {
    pub bronze: TableTotals,
    pub silver: TableTotals,
    pub quarantine: TableTotals,
    /// The sequence numbers in bronze.
    pub sequence_numbers: SequenceRanges,
    /// Those of rows of bronze that are not what their body says.
    pub misread: SequenceRanges,
    /// Silver and quarantine compared with bronze.
    pub checksums: RangeChecksums,
    /// Events in silver that a producer had sent before.
    pub duplicates: DuplicateEstimate,
}

/// By name of the partition and its epoch.
pub(super) type Partitions = BTreeMap<String, PartitionTotals>;

/// How far the rows of a commit reach, to be compared with its `txn`s.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitRows {
    pub files: usize,
    /// The highest sequence number, by source.
    pub last: BTreeMap<String, SequenceNumber>,
}

impl PartitionTotals {
    pub fn layer(&self, layer: Layer) -> &TableTotals {
        match layer {
            Layer::Bronze => &self.bronze,
            Layer::Silver => &self.silver,
            Layer::Quarantine => &self.quarantine,
        }
    }

    fn add(&mut self, layer: Layer, part: &PartOfFile) {
        let totals = match layer {
            Layer::Bronze => &mut self.bronze,
            Layer::Silver => &mut self.silver,
            Layer::Quarantine => &mut self.quarantine,
        };
        totals.events += part.totals.events;
        totals.last = totals.last.max(part.totals.last);
        self.sequence_numbers.combine(&part.sequence_numbers);
        self.checksums.combine(&part.checksums);
        part.keys.iter().for_each(|&key| self.duplicates.add(key));
    }
}

/// Reads batches of a file of `layer`.
pub(super) fn file_reader(
    layer: Layer,
    settings: &Arc<EventSettings>,
) -> impl FnMut(&mut FileTotals, &RecordBatch) -> Result<(), ArrowError> + Clone + Send + use<> {
    let settings = settings.clone();
    move |totals, batch| {
        for partition in rows_by_partition(layer, batch)? {
            match layer {
                Layer::Bronze => totals.add_bronze(&partition, &settings)?,
                Layer::Silver => totals.add_silver(&partition, &settings)?,
                Layer::Quarantine => totals.add_quarantine(&partition)?,
            }
        }
        Ok(())
    }
}

impl FileTotals {
    fn part(&mut self, source: &str, numbers: &[SequenceNumber]) -> &mut PartOfFile {
        let part = self.partitions.entry(source.to_owned()).or_default();
        part.totals.last = part.totals.last.max(numbers.iter().copied().max());
        part
    }

    fn add_bronze(&mut self, stored: &PartitionRows, settings: &EventSettings) -> Result<(), ArrowError> {
        let expected = expected_rows(stored, settings)?;
        let numbers = stored.sequence_numbers()?;
        if !differing_columns(&stored.rows, &expected.bronze).is_empty() {
            self.misread.extend(misread_rows(stored, &expected.bronze, &numbers));
        }
        let part = self.part(&stored.source, &numbers);
        part.totals.events += numbers.len() as i64;
        let silver = comparable(&stored.source, &expected.silver, settings)?;
        part.checksums.update(Layer::Silver, &silver, |diff, hash| diff.silver = diff.silver.wrapping_sub(hash))?;
        part.checksums.update(Layer::Quarantine, &expected.quarantine, |diff, hash| {
            diff.quarantine = diff.quarantine.wrapping_sub(hash)
        })?;
        part.sequence_numbers.combine(&SequenceRanges::of(numbers));
        Ok(())
    }

    fn add_silver(&mut self, stored: &PartitionRows, settings: &EventSettings) -> Result<(), ArrowError> {
        let part = self.part(&stored.source, &stored.sequence_numbers()?);
        let compared = comparable(&stored.source, &stored.rows, settings)?;
        part.checksums.update(Layer::Silver, &compared, |diff, hash| diff.silver = diff.silver.wrapping_add(hash))?;
        let rows = Rows::of(silver::TABLE, &stored.rows);
        let index: &Int32Array = rows.column(silver::PRODUCT_INDEX)?;
        let key: &Int64Array = rows.column(silver::EVENT_KEY)?;
        for (&index, &key) in index.values().iter().zip(key.values()) {
            // An event has one row for each product; every event has the first.
            if index == 0 {
                part.totals.events += 1;
                part.keys.push(EventKey(key));
            }
        }
        Ok(())
    }

    fn add_quarantine(&mut self, stored: &PartitionRows) -> Result<(), ArrowError> {
        let numbers = stored.sequence_numbers()?;
        let part = self.part(&stored.source, &numbers);
        part.totals.events += numbers.len() as i64;
        part.checksums
            .update(Layer::Quarantine, &stored.rows, |diff, hash| diff.quarantine = diff.quarantine.wrapping_add(hash))
    }
}

fn misread_rows(stored: &PartitionRows, expected: &RecordBatch, numbers: &[SequenceNumber]) -> Vec<MisreadRow> {
    let mut misread = Vec::new();
    for (row, &number) in numbers.iter().enumerate() {
        let columns = differing_columns(&stored.rows.slice(row, 1), &expected.slice(row, 1));
        if !columns.is_empty() {
            misread.push(MisreadRow { source: stored.source.clone(), number, columns: columns.join(", ") });
        }
    }
    misread
}

/// Not compared is when the rows were ingested, since the body does not say it.
fn differing_columns(stored: &RecordBatch, expected: &RecordBatch) -> Vec<String> {
    let schema = expected.schema();
    let names = schema.fields().iter().map(|field| field.name()).filter(|name| *name != lineage::INGESTED_AT);
    let differs = names.filter(|name| stored.column_by_name(name) != expected.column_by_name(name));
    differs.map(|name| format!("`{name}`")).collect()
}

impl Audit<'_> {
    /// Adds the totals of `file`, a file of `layer`. `commit` is about the commit that added the file's rows; `None` if a
    /// compaction has moved them since.
    pub fn add_file(
        &mut self,
        partitions: &mut Partitions,
        layer: Layer,
        (file, totals): (&Add, FileTotals),
        mut commit: Option<&mut CommitRows>,
    ) {
        for MisreadRow { source, number, columns } in totals.misread {
            partitions.entry(source.clone()).or_default().misread.add(SequenceRange::only(number));
            let object = Object { file: Some(file.path.clone()), ..Object::events(&source, number, number) };
            let detail = format!("the row is not what its `body` says, in columns {columns}");
            self.report(Kind::RowDiffers, bronze::TABLE, object, detail);
        }
        if let Some(commit) = &mut commit {
            commit.files += 1;
        }
        for (source, part) in totals.partitions {
            if let (Some(commit), Some(last)) = (&mut commit, part.totals.last) {
                let reached = commit.last.entry(source.clone()).or_insert(last);
                *reached = last.max(*reached);
            }
            partitions.entry(source).or_default().add(layer, &part);
        }
    }
}

/// How many events of a partition a producer sent again, in bounded memory.
///
/// The number is exact while a partition has few distinct keys. With more keys it is counted in a sample of them. Either
/// all copies of a key are in the sample or none is, so that the estimate is not biased.
#[derive(Debug, Clone, Default)]
pub(super) struct DuplicateEstimate {
    times: HashMap<EventKey, u32>,
    /// Only keys that end in this many zero bits are in the sample.
    zero_bits: u32,
}

impl DuplicateEstimate {
    /// Distinct keys that are remembered.
    const MAX_KEYS: usize = 1 << 16;

    /// Event keys are hashes, so that their last bits are a fair sample.
    fn add(&mut self, key: EventKey) {
        if key.0.trailing_zeros() < self.zero_bits {
            return;
        }
        *self.times.entry(key).or_default() += 1;
        while self.times.len() > Self::MAX_KEYS && self.zero_bits < 63 {
            self.zero_bits += 1;
            let zero_bits = self.zero_bits;
            self.times.retain(|key, _| key.0.trailing_zeros() >= zero_bits);
        }
    }

    pub fn is_exact(&self) -> bool {
        self.zero_bits == 0
    }

    pub fn count(&self) -> i64 {
        self.times.values().map(|&times| i64::from(times) - 1).sum::<i64>() << self.zero_bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn few_keys_are_counted_and_many_estimated() {
        let key = |number: u64| EventKey(xxh3_64(&number.to_le_bytes()) as i64);
        let mut few = DuplicateEstimate::default();
        (0..1_000).chain(0..10).chain(0..10).for_each(|number| few.add(key(number)));
        assert_eq!((few.count(), few.is_exact()), (20, true));
        let mut many = DuplicateEstimate::default();
        (0..400_000).chain(0..40_000).for_each(|number| many.add(key(number)));
        assert!(!many.is_exact() && many.times.len() <= DuplicateEstimate::MAX_KEYS);
        assert!((36_000..44_000).contains(&many.count()), "{}", many.count());
    }
}
