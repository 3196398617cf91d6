//! Parquet data files: from rows to bytes, with the statistics that the log keeps. Knows no table and no log.

use super::arrow::array::{Array, AsArray, RecordBatch};
use super::arrow::compute;
use super::arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use super::error::LakeError;
use crate::columns::TableSpec;
use bytes::Bytes;
use chrono::DateTime;
use deltalake::kernel::Add;
use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::errors::ParquetError;
use deltalake::parquet::file::properties::{EnabledStatistics, WriterProperties};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Row groups are no longer and no larger, so that one fits in memory wherever it is written or read.
const MAX_ROW_GROUP_ROWS: usize = 20_000;
const MAX_ROW_GROUP_BYTES: usize = 32 << 20;

/// Rows, encoded as a data file that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewFile {
    bytes: Bytes,
    partition: Option<String>,
    /// JSON, as the log keeps it.
    statistics: String,
    /// What the writer wants to read of the file later without opening it.
    pub tags: HashMap<String, Option<String>>,
}

impl NewFile {
    /// Encodes `batches` (of the table's file schema) as one file of partition `partition`. CPU-bound.
    pub fn encode(spec: &TableSpec, partition: Option<&str>, batches: &[RecordBatch]) -> Result<Self, LakeError> {
        let mut writer = FileWriter::new(spec, partition)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()
    }

    /// Stores the bytes as `name` in the folder of their partition. Returns what a commit says of them.
    pub(super) async fn put(
        self,
        store: &dyn ObjectStore,
        spec: &TableSpec,
        name: &str,
        now_ms: i64,
    ) -> Result<Add, LakeError> {
        let path = match (spec.partition_column, &self.partition) {
            (Some(column), Some(value)) => Path::from(format!("{column}={value}/{name}")),
            _ => Path::from(name),
        };
        let size = self.bytes.len() as i64;
        let stored = store.put(&path, PutPayload::from(self.bytes)).await;
        stored.map_err(|source| LakeError::store("write", spec.name, &path, source))?;
        let partition_values =
            spec.partition_column.iter().map(|&column| (column.to_owned(), self.partition.clone())).collect();
        Ok(Add {
            path: path.to_string(),
            partition_values,
            size,
            modification_time: now_ms,
            data_change: true,
            stats: Some(self.statistics),
            tags: (!self.tags.is_empty()).then_some(self.tags),
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        })
    }
}

/// Encodes a data file batch by batch. Keeps encoded rows only. CPU-bound.
pub struct FileWriter {
    table: &'static str,
    partition: Option<String>,
    writer: ArrowWriter<Vec<u8>>,
    statistics: RunningStatistics,
}

impl FileWriter {
    /// A file of partition `partition`, without rows so far.
    pub fn new(spec: &TableSpec, partition: Option<&str>) -> Result<Self, LakeError> {
        let writer =
            properties().and_then(|properties| ArrowWriter::try_new(Vec::new(), spec.file_schema(), Some(properties)));
        Ok(FileWriter {
            table: spec.name,
            partition: partition.map(str::to_owned),
            writer: writer.map_err(|error| internal(spec.name, &error))?,
            statistics: RunningStatistics::of(spec),
        })
    }

    /// Appends the rows of `batch`, which is of the table's file schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.writer.write(batch).map_err(|error| internal(self.table, &error))?;
        self.statistics.add(batch);
        Ok(())
    }

    /// About how large the file would be if it ended here.
    pub fn bytes_written(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    pub fn rows(&self) -> usize {
        self.statistics.rows
    }

    pub fn finish(self) -> Result<NewFile, LakeError> {
        let bytes = self.writer.into_inner().map_err(|error| internal(self.table, &error))?;
        Ok(NewFile {
            bytes: bytes.into(),
            partition: self.partition,
            statistics: self.statistics.to_json().to_string(),
            tags: HashMap::new(),
        })
    }
}

fn internal(table: &'static str, error: &ParquetError) -> LakeError {
    LakeError::Internal { attempt: "encode rows", table: table.into(), detail: error.to_string() }
}

/// Readers prune by chunk statistics; in files of this size, page statistics cost more than they save. Dictionaries slow
/// small files down more than they shrink them. The row group in progress is kept in memory until it is complete, here
/// and by readers.
fn properties() -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(MAX_ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(MAX_ROW_GROUP_BYTES))
        .build())
}

/// Number of rows, and minimum, maximum and number of nulls of some columns.
struct RunningStatistics {
    rows: usize,
    columns: Vec<ColumnStatistics>,
}

struct ColumnStatistics {
    name: &'static str,
    data_type: DataType,
    nulls: usize,
    range: Option<(i64, i64)>,
}

impl RunningStatistics {
    fn of(spec: &TableSpec) -> Self {
        let of = |&name: &&'static str| {
            let field = spec.columns.field_with_name(name).ok()?;
            Some(ColumnStatistics { name, data_type: field.data_type().clone(), nulls: 0, range: None })
        };
        RunningStatistics { rows: 0, columns: spec.statistics_columns.iter().filter_map(of).collect() }
    }

    fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for column in &mut self.columns {
            let Some(array) = batch.column_by_name(column.name) else { continue };
            column.nulls += array.null_count();
            let both = column.range.into_iter().chain(range(array.as_ref()));
            column.range = both.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        }
    }

    /// As the log keeps them.
    fn to_json(&self) -> Value {
        let (mut min, mut max, mut nulls) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            nulls.insert(column.name.into(), json!(column.nulls));
            if let Some((smallest, largest)) = column.range {
                min.insert(column.name.into(), statistic(&column.data_type, smallest));
                max.insert(column.name.into(), statistic(&column.data_type, largest));
            }
        }
        json!({"numRecords": self.rows, "minValues": min, "maxValues": max, "nullCount": nulls})
    }
}

/// Smallest and largest value, of the types that columns with statistics have.
fn range(array: &dyn Array) -> Option<(i64, i64)> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let array = array.as_primitive::<TimestampMicrosecondType>();
            Some((compute::min(array)?, compute::max(array)?))
        }
        DataType::Int64 => {
            let array = array.as_primitive::<Int64Type>();
            Some((compute::min(array)?, compute::max(array)?))
        }
        DataType::Int32 => {
            let array = array.as_primitive::<Int32Type>();
            Some((compute::min(array)?.into(), compute::max(array)?.into()))
        }
        _ => None,
    }
}

fn statistic(kind: &DataType, value: i64) -> Value {
    match kind {
        DataType::Timestamp(..) => match DateTime::from_timestamp_micros(value) {
            Some(at) => json!(at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
            None => Value::Null,
        },
        _ => json!(value),
    }
}

/// What the log knows of a file without opening it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Statistics {
    pub num_records: Option<i64>,
    pub min_values: Map<String, Value>,
    pub max_values: Map<String, Value>,
}

impl Statistics {
    /// Empty where the log has no statistics of the file, or unreadable ones.
    pub fn of(add: &Add) -> Self {
        add.stats.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Smallest and largest value of a timestamp column, in microseconds. The largest is rounded up to the end of its
    /// millisecond, because other writers cut off what is finer.
    pub fn instants(&self, column: &str) -> Option<(i64, i64)> {
        let micros =
            |value: Option<&Value>| DateTime::parse_from_rfc3339(value?.as_str()?).ok().map(|at| at.timestamp_micros());
        Some((micros(self.min_values.get(column))?, micros(self.max_values.get(column))?.saturating_add(999)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Column;
    use crate::event::time::Timestamp;
    use deltalake::parquet::file::metadata::ParquetMetaDataReader;

    /// Rows are numbers; every third has no value.
    fn columns() -> Vec<Column<i64>> {
        vec![
            Column::long("number", "", |row| Some(*row)).required().with_statistics(),
            Column::timestamp("at", "", |row| (row % 3 != 0).then_some(Timestamp(row * 1_000_000))).with_statistics(),
            Column::integer("nothing", "", |_| None).with_statistics(),
        ]
    }

    fn spec() -> TableSpec {
        TableSpec::of("numbers", &columns())
    }

    fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
        spec().record_batch(&columns(), &Vec::from_iter(rows)).expect("rows")
    }

    #[test]
    fn statistics_cover_all_batches() {
        let file = NewFile::encode(&spec(), None, &[batch(5..9), batch(0..0), batch(-1..2)]).expect("a file");
        let statistics: Value = serde_json::from_str(&file.statistics).expect("JSON");
        let wanted = json!({
            "numRecords": 7,
            "minValues": {"number": -1, "at": "1969-12-31T23:59:59.000000Z"},
            "maxValues": {"number": 8, "at": "1970-01-01T00:00:08.000000Z"},
            "nullCount": {"number": 0, "at": 2, "nothing": 7},
        });
        assert_eq!(statistics, wanted);
    }

    #[test]
    fn row_groups_are_cut_however_large_the_batches_are() {
        let mut writer = FileWriter::new(&spec(), None).expect("a writer");
        let empty = writer.bytes_written();
        writer.write(&batch(0..45_000)).expect("written");
        writer.write(&batch(0..1)).expect("written");
        assert_eq!(writer.rows(), 45_001);
        assert!(writer.bytes_written() > empty);
        let file = writer.finish().expect("a file");
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file.bytes).expect("a footer");
        let rows: Vec<i64> = footer.row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(rows, [20_000, 20_000, 5_001]);
    }
}
