//! Rows become a batch: each declared column reads its values from them. CPU-bound and pure.

use super::ColumnError;
use super::declaration::{Column, Lists, TableSpec, Value, list_element};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, Int64Builder,
    ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;
use std::sync::Arc;

impl TableSpec {
    /// `rows` as they stand in a data file. An error where a required column has no value.
    pub fn record_batch<R>(&self, columns: &[Column<R>], rows: &[R]) -> Result<RecordBatch, ColumnError> {
        let arrays = columns.iter().filter_map(|column| column.array(rows)).collect::<Result<_, _>>();
        arrays.and_then(|arrays| RecordBatch::try_new(self.file_schema(), arrays)).map_err(|error| ColumnError {
            attempt: "lay out rows",
            table: self.name,
            detail: error.to_string(),
        })
    }
}

impl<R> Column<R> {
    /// `None` for the partition column, which is not in the files.
    fn array(&self, rows: &[R]) -> Option<Result<ArrayRef, ArrowError>> {
        let all = rows;
        let rows = all.iter();
        Some(Ok(match self.value {
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
            Value::Structs(of) => return Some(of(all).array.map(|lists| Arc::new(lists) as ArrayRef)),
            Value::PartitionDate => return None,
        }))
    }
}

impl Lists {
    pub fn of<E>(members: &[Column<E>], lists: impl Iterator<Item = Vec<E>>) -> Self {
        let mut elements = Vec::new();
        let mut lengths = Vec::new();
        for list in lists {
            lengths.push(list.len());
            elements.extend(list);
        }
        let fields: Fields = members.iter().map(Column::field).collect();
        let array = || {
            let arrays = members.iter().filter_map(|member| member.array(&elements)).collect::<Result<_, _>>()?;
            let structs = StructArray::try_new_with_length(fields.clone(), arrays, None, elements.len())?;
            let element = list_element(structs.data_type().clone());
            ListArray::try_new(element, OffsetBuffer::from_lengths(lengths), Arc::new(structs), None)
        };
        Lists { array: array(), members: fields }
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
