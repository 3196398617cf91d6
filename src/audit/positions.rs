//! Which sequence numbers a table holds, by source.

use super::{SILVER_COLUMNS, SOURCE_COLUMNS};
use crate::lake::LakeError;
use crate::lake::arrow::array::{Array, Int32Array, Int64Array, RecordBatch, StringArray};
use crate::lake::table::{Snapshot, Table};
use crate::lineage;
use std::collections::BTreeMap;

/// Place of an event, and its key where the table has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub sequence: i64,
    pub key: i64,
}

/// Sorted by sequence number. 16 bytes an event.
#[derive(Debug, Default)]
pub struct Positions {
    pub by_source: BTreeMap<String, Vec<Position>>,
}

impl Positions {
    /// With `by_product`, an event is the row with product index 0, and rows carry event keys.
    pub async fn read(table: &Table, snapshot: &Snapshot, by_product: bool) -> Result<Self, LakeError> {
        let mut columns = vec![lineage::SEQUENCE_NUMBER];
        columns.extend(SOURCE_COLUMNS);
        if by_product {
            columns.extend(SILVER_COLUMNS);
        }
        let mut positions = Positions::default();
        for add in snapshot.files.values() {
            for batch in table.read(add, &columns).await? {
                positions.add(&batch).ok_or_else(|| LakeError::Damaged {
                    table: table.spec.name.into(),
                    object: add.path.clone(),
                    detail: format!("columns {columns:?} are missing or of another type"),
                })?;
            }
        }
        positions.by_source.values_mut().for_each(|positions| positions.sort_unstable());
        Ok(positions)
    }

    pub fn of(&self, source: &str) -> &[Position] {
        self.by_source.get(source).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, batch: &RecordBatch) -> Option<()> {
        let text = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<StringArray>();
        let long = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<Int64Array>();
        let int = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<Int32Array>();
        let [namespace, hub, group, partition, epoch] = SOURCE_COLUMNS;
        let (namespace, hub, group, partition) = (text(namespace)?, text(hub)?, text(group)?, text(partition)?);
        let (epoch, sequence) = (int(epoch)?, long(lineage::SEQUENCE_NUMBER)?);
        let (key, index) = (long(SILVER_COLUMNS[0]), int(SILVER_COLUMNS[1]));
        for row in 0..batch.num_rows() {
            if index.is_some_and(|index| index.value(row) != 0) {
                continue;
            }
            let source = crate::event::ids::SourcePartition {
                namespace: namespace.value(row).to_owned(),
                event_hub: hub.value(row).to_owned(),
                consumer_group: group.value(row).to_owned(),
                partition_id: partition.value(row).to_owned(),
            };
            let source = lineage::source_name(&source, epoch.value(row) as u32);
            let position = Position { sequence: sequence.value(row), key: key.map_or(0, |key| key.value(row)) };
            self.by_source.entry(source).or_default().push(position);
        }
        Some(())
    }
}
