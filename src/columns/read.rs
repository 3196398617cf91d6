//! A batch becomes values again: columns by name, rows as JSON, and in which columns two rows differ.
//!
//! Every error names the table, and where one column is wrong, the column.

use super::ColumnError;
use crate::event::money::Money;
use crate::event::time::Timestamp;
use arrow::array::{Array, AsArray, Decimal128Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use serde_json::{Map, Value};

/// Rows that were read from `table`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    table: &'static str,
    batch: &'a RecordBatch,
}

impl<'a> Rows<'a> {
    pub fn of(table: &'static str, batch: &'a RecordBatch) -> Self {
        Rows { table, batch }
    }

    /// A column by name, of the type that the table declares for it.
    pub fn column<T: Array + 'static>(&self, name: &str) -> Result<&'a T, ColumnError> {
        let column =
            self.batch.column_by_name(name).ok_or_else(|| self.error(format!("column `{name}` is missing")))?;
        column
            .as_any()
            .downcast_ref()
            .ok_or_else(|| self.error(format!("column `{name}` is of type {}", column.data_type())))
    }

    /// Each row as one JSON object, in order; nulls and the columns that `is_compared` refuses are left out.
    pub fn as_json(&self, is_compared: impl Fn(&str) -> bool) -> Result<Vec<Vec<u8>>, ColumnError> {
        let schema = self.batch.schema();
        let compared = schema.fields().iter().enumerate().filter(|(_, field)| is_compared(field.name()));
        let compared: Vec<usize> = compared.map(|(index, _)| index).collect();
        let text = || {
            let mut writer = LineDelimitedWriter::new(Vec::new());
            writer.write(&self.batch.project(&compared)?)?;
            writer.finish()?;
            Ok(writer.into_inner())
        };
        let text = text().map_err(|error: ArrowError| self.error(error.to_string()))?;
        Ok(text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
    }

    fn error(&self, detail: String) -> ColumnError {
        ColumnError { attempt: "read rows", table: self.table, detail }
    }
}

/// Names of the columns in which two rows differ, each as [`Rows::as_json`] gives it; sorted.
pub fn differing(one: &[u8], other: &[u8]) -> Vec<String> {
    let object = |row| serde_json::from_slice::<Map<String, Value>>(row).unwrap_or_default();
    let (one, other) = (object(one), object(other));
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

pub fn text(values: &StringArray, row: usize) -> Option<String> {
    values.is_valid(row).then(|| values.value(row).to_owned())
}

/// The elements of a list that are not null; of no list, none.
pub fn texts(lists: &ListArray, row: usize) -> Vec<String> {
    if lists.is_null(row) {
        return Vec::new();
    }
    lists.value(row).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

pub fn timestamp(values: &TimestampMicrosecondArray, row: usize) -> Option<Timestamp> {
    values.is_valid(row).then(|| Timestamp(values.value(row)))
}

pub fn money(values: &Decimal128Array, row: usize) -> Option<Money> {
    values.is_valid(row).then(|| Money(values.value(row) as i64))
}
