//! Parquet data files: from rows to bytes with the statistics that the log keeps, and back. Knows no table and no log.

use super::arrow::array::{Array, AsArray, RecordBatch};
use super::arrow::compute;
use super::arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use super::decode::Batches;
use super::error::LakeError;
use super::store::fetch;
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
        let bytes = encode(spec.file_schema(), batches).map_err(|error| LakeError::Internal {
            attempt: "encode rows",
            table: spec.name.into(),
            detail: error.to_string(),
        })?;
        Ok(NewFile {
            bytes: bytes.into(),
            partition: partition.map(str::to_owned),
            statistics: statistics(&spec.statistics_columns, batches).to_string(),
            tags: HashMap::new(),
        })
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

fn encode(schema: SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ParquetError> {
    // Readers prune by chunk statistics; in files of this size, page statistics cost more than they save. Dictionaries
    // slow small files down more than they shrink them.
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

/// Row count, and minimum, maximum and null count of `columns`.
fn statistics(columns: &[&str], batches: &[RecordBatch]) -> Value {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let (mut min, mut max, mut nulls) = (Map::new(), Map::new(), Map::new());
    for &name in columns {
        let arrays: Vec<_> = batches.iter().filter_map(|batch| batch.column_by_name(name)).collect();
        nulls.insert(name.into(), json!(arrays.iter().map(|array| array.null_count()).sum::<usize>()));
        let ranges: Vec<(i64, i64)> = arrays.iter().filter_map(|array| range(array.as_ref())).collect();
        let smallest = ranges.iter().map(|range| range.0).min();
        let largest = ranges.iter().map(|range| range.1).max();
        if let (Some(smallest), Some(largest), Some(array)) = (smallest, largest, arrays.first()) {
            min.insert(name.into(), statistic(array.data_type(), smallest));
            max.insert(name.into(), statistic(array.data_type(), largest));
        }
    }
    json!({"numRecords": rows, "minValues": min, "maxValues": max, "nullCount": nulls})
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

/// Reads the columns `columns` (all when empty) of a data file, in the types that `spec` declares.
pub(super) async fn read(
    store: &dyn ObjectStore,
    spec: &TableSpec,
    add: &Add,
    columns: &[&str],
) -> Result<Vec<RecordBatch>, LakeError> {
    let path = Path::from(add.path.as_str());
    let bytes = fetch(store, &path).await.map_err(|source| LakeError::store("read", spec.name, &path, source))?;
    let batches = Batches::of(bytes, spec.projection(columns)).and_then(Iterator::collect);
    batches.map_err(|error| LakeError::damaged(spec.name, add, &error))
}
