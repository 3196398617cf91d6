//! Rows of a batch by the partition that they came from.

use crate::event::ids::SourcePartition;
use crate::lake::arrow::array::{Array, Int32Array, RecordBatch, StringArray, UInt64Array};
use crate::lake::arrow::compute;
use crate::lake::arrow::error::ArrowError;
use crate::lineage;
use std::collections::HashMap;

/// The rows of one partition and source epoch.
#[derive(Debug, Clone)]
pub struct Group {
    pub partition: SourcePartition,
    pub epoch: u32,
    /// The two as one name.
    pub source: String,
    pub rows: RecordBatch,
}

/// In the order in which the partitions first occur.
pub fn groups(batch: &RecordBatch) -> Result<Vec<Group>, ArrowError> {
    let texts = [lineage::NAMESPACE, lineage::EVENT_HUB, lineage::CONSUMER_GROUP, lineage::PARTITION_ID];
    let mut columns = Vec::with_capacity(texts.len());
    for name in texts {
        columns.push(column::<StringArray>(batch, name)?);
    }
    let epochs: &Int32Array = column(batch, lineage::SOURCE_EPOCH)?;
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
    rows_of.into_iter().map(|rows| group(batch, &of_row, rows)).collect()
}

fn group<'a>(
    batch: &RecordBatch,
    of_row: &impl Fn(usize) -> ([&'a str; 4], i32),
    rows: Vec<u64>,
) -> Result<Group, ArrowError> {
    let ([namespace, event_hub, consumer_group, partition_id], epoch) = of_row(rows[0] as usize);
    let [namespace, event_hub, consumer_group, partition_id] =
        [namespace, event_hub, consumer_group, partition_id].map(str::to_owned);
    let partition = SourcePartition::new(namespace, event_hub, consumer_group, partition_id)
        .ok_or_else(|| ArrowError::SchemaError("part of the name of a source partition is empty".to_owned()))?;
    let source = lineage::source_name(&partition, epoch as u32);
    let rows = match rows.len() == batch.num_rows() {
        true => batch.clone(),
        false => compute::take_record_batch(batch, &UInt64Array::from(rows))?,
    };
    Ok(Group { partition, epoch: epoch as u32, source, rows })
}

/// A column by name, of the type that the schema gives it.
pub fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T, ArrowError> {
    let found = batch.column_by_name(name).and_then(|values| values.as_any().downcast_ref());
    found.ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing or of another type")))
}
