//! What a table looks like, and how far a stored one may differ from it: not at all.

use super::arrow::array::{ArrayRef, RecordBatch};
use super::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use super::error::LakeError;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use std::sync::Arc;

/// A table as this version writes it.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Path below the lake's root.
    pub name: &'static str,
    pub columns: SchemaRef,
    /// A string or date column that files are grouped by; it is in the path and the log, not in the files.
    pub partition_column: Option<&'static str>,
    /// Columns whose minimum and maximum the log keeps for each file.
    pub statistics_columns: &'static [&'static str],
}

impl TableSpec {
    /// The columns that are in the data files: all but the partition column.
    pub fn file_schema(&self) -> SchemaRef {
        let fields: Vec<_> = self
            .columns
            .fields()
            .iter()
            .filter(|f| Some(f.name().as_str()) != self.partition_column)
            .cloned()
            .collect();
        Arc::new(Schema::new(fields))
    }

    pub(super) fn delta_schema(&self) -> Result<StructType, LakeError> {
        self.columns.as_ref().try_into_kernel().map_err(|error: deltalake::arrow::error::ArrowError| {
            LakeError::Internal { attempt: "describe the columns", table: self.name.into(), detail: error.to_string() }
        })
    }

    /// What a stored schema has more, less or otherwise than this one; `None` when nothing.
    pub(super) fn difference(
        &self,
        stored: &StructType,
        partition_columns: &[String],
    ) -> Result<Option<String>, LakeError> {
        let ours = self.delta_schema()?;
        let mut found = Vec::new();
        for field in ours.fields() {
            match stored.field(field.name()) {
                None => found.push(format!("column `{}` is missing", field.name())),
                Some(other) if other.data_type() != field.data_type() => found.push(format!(
                    "column `{}` is {} instead of {}",
                    field.name(),
                    other.data_type(),
                    field.data_type()
                )),
                Some(_) => {}
            }
        }
        for field in stored.fields().filter(|field| ours.field(field.name()).is_none()) {
            found.push(format!("column `{}` is unknown", field.name()));
        }
        let partitioning: Vec<&str> = self.partition_column.into_iter().collect();
        if partition_columns != partitioning {
            found.push(format!("partitioned by {partition_columns:?} instead of {partitioning:?}"));
        }
        Ok((!found.is_empty()).then(|| found.join(", ")))
    }
}

/// UTC microseconds with zone: without one the table would need reader version 3.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Money, in units of the currency with four digits.
pub fn money() -> DataType {
    DataType::Decimal128(18, 4)
}

/// What Delta calls the elements of a list.
pub const LIST_ELEMENT: &str = "element";

/// A list whose elements may be null.
pub fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(LIST_ELEMENT, element, true)))
}

pub fn required(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

pub fn optional(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

/// Columns in the order of the table, its partition column left out, as one batch.
pub fn record_batch(spec: &TableSpec, columns: Vec<ArrayRef>) -> Result<RecordBatch, LakeError> {
    RecordBatch::try_new(spec.file_schema(), columns).map_err(|error| LakeError::Internal {
        attempt: "lay out rows",
        table: spec.name.into(),
        detail: error.to_string(),
    })
}
