//! Columns from values: the types that Delta wants, made in one place.

use super::arrow::array::{
    ArrayRef, Decimal128Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use super::arrow::datatypes::{DataType, Field};
use super::schema::{LIST_ELEMENT, money};
use std::sync::Arc;

/// Instants, in microseconds since the epoch.
pub fn instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

/// Money, in ten-thousandths.
pub fn amounts(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Decimal128Array::from_iter(values.map(|value| value.map(i128::from))).with_data_type(money()))
}

pub fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

/// Lists of text; `None` is no list, which is not an empty one.
pub fn text_lists<T, L>(lists: impl Iterator<Item = Option<L>>) -> ArrayRef
where
    T: AsRef<str>,
    L: IntoIterator<Item = Option<T>>,
{
    let element = Field::new(LIST_ELEMENT, DataType::Utf8, true);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(element);
    for list in lists {
        let is_there = list.is_some();
        list.into_iter().flatten().for_each(|value| builder.values().append_option(value));
        builder.append(is_there);
    }
    Arc::new(builder.finish())
}
