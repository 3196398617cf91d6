//! Rows become a batch: each declared column reads its values from them. CPU-bound and pure.

use super::ColumnError;
use super::declaration::{Column, TableSpec, Value, list_element};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, Int64Builder,
    ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use std::sync::Arc;

impl TableSpec {
    /// `rows` as they stand in a data file. An error where a required column has no value.
    pub fn record_batch<R>(&self, columns: &[Column<R>], rows: &[R]) -> Result<RecordBatch, ColumnError> {
        let arrays = columns.iter().filter_map(|column| column.array(rows)).collect();
        RecordBatch::try_new(self.file_schema(), arrays).map_err(|error| ColumnError {
            attempt: "lay out rows",
            table: self.name,
            detail: error.to_string(),
        })
    }
}

impl<R> Column<R> {
    /// `None` for the partition column, which is not in the files.
    fn array(&self, rows: &[R]) -> Option<ArrayRef> {
        let rows = rows.iter();
        Some(match self.value {
            Value::String(of) => Arc::new(StringArray::from_iter(rows.map(of))),
            Value::Sentence(of) => Arc::new(StringArray::from_iter(rows.map(of))),
            Value::Binary(of) => Arc::new(BinaryArray::from_iter(rows.map(of))),
            Value::Strings(of) => strings(rows.map(of)),
            Value::Long(of) => Arc::new(Int64Array::from_iter(rows.map(of))),
            Value::Longs(of) => longs(rows.map(of)),
            Value::Integer(of) => Arc::new(Int32Array::from_iter(rows.map(of))),
            Value::Double(of) => Arc::new(Float64Array::from_iter(rows.map(of))),
            Value::Boolean(of) => Arc::new(BooleanArray::from_iter(rows.map(of))),
            Value::Timestamp(of) => {
                let micros = TimestampMicrosecondArray::from_iter(rows.map(|row| of(row).map(|at| at.0)));
                Arc::new(micros.with_timezone("UTC"))
            }
            Value::Money(of) => {
                let units = Decimal128Array::from_iter(rows.map(|row| of(row).map(|amount| i128::from(amount.0))));
                Arc::new(units.with_data_type(DataType::Decimal128(18, 4)))
            }
            Value::PartitionDate => return None,
        })
    }
}

fn strings<'r>(lists: impl Iterator<Item = Option<Vec<Option<&'r str>>>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(list_element(DataType::Utf8));
    for list in lists {
        let is_list = list.is_some();
        list.into_iter().flatten().for_each(|value| builder.values().append_option(value));
        builder.append(is_list);
    }
    Arc::new(builder.finish())
}

fn longs(lists: impl Iterator<Item = Vec<i64>>) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new()).with_field(list_element(DataType::Int64));
    for list in lists {
        builder.values().append_slice(&list);
        builder.append(true);
    }
    Arc::new(builder.finish())
}
