//! What a column is, and what a table is: a name and its columns.
//!
//! The type of a column follows from the function that gives its values, so the two cannot disagree.

use crate::event::money::Money;
use crate::event::time::Timestamp;
use arrow::array::ListArray;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use std::sync::Arc;

/// One column of a table whose rows are made from values of type `R`.
pub struct Column<R> {
    pub name: &'static str,
    /// What a value means, in one or two sentences.
    pub about: &'static str,
    is_nullable: bool,
    has_statistics: bool,
    pub(super) value: Value<R>,
}

/// How a row gives the value of a column; `None` is null.
pub(super) enum Value<R> {
    String(for<'r> fn(&'r R) -> Option<&'r str>),
    Sentence(fn(&R) -> Option<String>),
    Binary(for<'r> fn(&'r R) -> Option<&'r [u8]>),
    Strings(for<'r> fn(&'r R) -> Option<Vec<Option<&'r str>>>),
    Long(fn(&R) -> Option<i64>),
    Longs(fn(&R) -> Vec<i64>),
    /// Of all rows at once: so the type of an element need not be a part of the type of the column.
    Structs(fn(&[R]) -> Lists),
    Integer(fn(&R) -> Option<i32>),
    Double(fn(&R) -> Option<f64>),
    Boolean(fn(&R) -> Option<bool>),
    Timestamp(fn(&R) -> Option<Timestamp>),
    Money(fn(&R) -> Option<Money>),
    /// The date that groups the files of the table. It is in their path and in the log, not in the files.
    PartitionDate,
}

/// One list for each row, of elements that have declared columns themselves: the members.
pub struct Lists {
    pub(super) members: Fields,
    /// An error where a required member has no value.
    pub(super) array: Result<ListArray, ArrowError>,
}

/// Constructors, one for each type. A column may be null unless [`Column::required`] says otherwise.
impl<R> Column<R> {
    pub fn string(name: &'static str, about: &'static str, of: for<'r> fn(&'r R) -> Option<&'r str>) -> Self {
        Self::new(name, about, Value::String(of))
    }

    /// Text that is composed for the row rather than read from it.
    pub fn sentence(name: &'static str, about: &'static str, of: fn(&R) -> Option<String>) -> Self {
        Self::new(name, about, Value::Sentence(of))
    }

    pub fn binary(name: &'static str, about: &'static str, of: for<'r> fn(&'r R) -> Option<&'r [u8]>) -> Self {
        Self::new(name, about, Value::Binary(of))
    }

    /// A list of text. `None` is no list, which is not an empty one.
    pub fn strings(
        name: &'static str,
        about: &'static str,
        of: for<'r> fn(&'r R) -> Option<Vec<Option<&'r str>>>,
    ) -> Self {
        Self::new(name, about, Value::Strings(of))
    }

    pub fn long(name: &'static str, about: &'static str, of: fn(&R) -> Option<i64>) -> Self {
        Self::new(name, about, Value::Long(of))
    }

    pub fn longs(name: &'static str, about: &'static str, of: fn(&R) -> Vec<i64>) -> Self {
        Self::new(name, about, Value::Longs(of))
    }

    /// A list of structs, whose members are columns of an element. Called without rows, `of` gives the type.
    ///
    /// ```ignore
    /// structs(|rows| Lists::of(&product::members(), rows.iter().map(|row| row.products())))
    /// ```
    pub fn structs(name: &'static str, about: &'static str, of: fn(&[R]) -> Lists) -> Self {
        Self::new(name, about, Value::Structs(of))
    }

    pub fn integer(name: &'static str, about: &'static str, of: fn(&R) -> Option<i32>) -> Self {
        Self::new(name, about, Value::Integer(of))
    }

    pub fn double(name: &'static str, about: &'static str, of: fn(&R) -> Option<f64>) -> Self {
        Self::new(name, about, Value::Double(of))
    }

    pub fn boolean(name: &'static str, about: &'static str, of: fn(&R) -> Option<bool>) -> Self {
        Self::new(name, about, Value::Boolean(of))
    }

    pub fn timestamp(name: &'static str, about: &'static str, of: fn(&R) -> Option<Timestamp>) -> Self {
        Self::new(name, about, Value::Timestamp(of))
    }

    pub fn money(name: &'static str, about: &'static str, of: fn(&R) -> Option<Money>) -> Self {
        Self::new(name, about, Value::Money(of))
    }

    /// The partition column of the table; it has one at most.
    pub fn partition_date(name: &'static str, about: &'static str) -> Self {
        Self::new(name, about, Value::PartitionDate).required()
    }

    fn new(name: &'static str, about: &'static str, value: Value<R>) -> Self {
        Column { name, about: about.trim_ascii(), is_nullable: true, has_statistics: false, value }
    }

    /// Never null. A row without a value is an error when it is written.
    pub fn required(self) -> Self {
        Column { is_nullable: false, ..self }
    }

    /// The log keeps minimum and maximum for each file, so that readers skip files. For numbers and instants only.
    pub fn with_statistics(self) -> Self {
        Column { has_statistics: true, ..self }
    }

    fn data_type(&self) -> DataType {
        match self.value {
            Value::String(_) | Value::Sentence(_) => DataType::Utf8,
            Value::Binary(_) => DataType::Binary,
            Value::Strings(_) => list(DataType::Utf8),
            Value::Long(_) => DataType::Int64,
            Value::Longs(_) => list(DataType::Int64),
            Value::Structs(of) => list(DataType::Struct(of(&[]).members)),
            Value::Integer(_) => DataType::Int32,
            Value::Double(_) => DataType::Float64,
            Value::Boolean(_) => DataType::Boolean,
            // UTC microseconds with zone: without one the table would need reader version 3.
            Value::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Value::Money(_) => DataType::Decimal128(18, 4),
            Value::PartitionDate => DataType::Date32,
        }
    }

    /// The type as SQL engines name it.
    pub fn type_name(&self) -> String {
        type_name(&self.data_type())
    }

    pub fn is_nullable(&self) -> bool {
        self.is_nullable
    }

    pub(super) fn field(&self) -> Field {
        Field::new(self.name, self.data_type(), self.is_nullable)
    }

    fn is_partition(&self) -> bool {
        matches!(self.value, Value::PartitionDate)
    }
}

fn type_name(of: &DataType) -> String {
    match of {
        DataType::Utf8 => "string".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Int32 => "int".into(),
        DataType::Float64 => "double".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Date32 => "date".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(element) => format!("array<{}>", type_name(element.data_type())),
        DataType::Struct(members) => {
            let member = |member: &Arc<Field>| format!("{}:{}", member.name(), type_name(member.data_type()));
            format!("struct<{}>", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        // `Binary` and `Boolean`, which SQL engines write in lower case.
        other => other.to_string().to_lowercase(),
    }
}

/// A list whose elements may be null, as Delta names it.
fn list(element: DataType) -> DataType {
    DataType::List(list_element(element))
}

pub(super) fn list_element(element: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", element, true))
}

/// A table as this version writes it.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Path below the root of the lake.
    pub name: &'static str,
    pub columns: SchemaRef,
    file_schema: SchemaRef,
    /// The column whose values group the files: a date, in the path and the log instead of in the files.
    pub partition_column: Option<&'static str>,
    /// Columns whose minimum and maximum the log keeps for each file.
    pub statistics_columns: Vec<&'static str>,
    /// Whether files may be removed from it, not only added.
    pub is_rewritten: bool,
}

impl TableSpec {
    /// The columns that are in the data files: all but the partition column.
    pub fn file_schema(&self) -> SchemaRef {
        self.file_schema.clone()
    }

    /// Those of them that `columns` names; all when it is empty.
    pub fn projection(&self, columns: &[&str]) -> SchemaRef {
        if columns.is_empty() {
            return self.file_schema();
        }
        let named = self.file_schema.fields().iter().filter(|field| columns.contains(&field.name().as_str()));
        Arc::new(Schema::new(named.cloned().collect::<Vec<_>>()))
    }

    pub fn of<R>(name: &'static str, columns: &[Column<R>]) -> Self {
        let in_files = columns.iter().filter(|column| !column.is_partition());
        TableSpec {
            name,
            columns: Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>())),
            file_schema: Arc::new(Schema::new(in_files.map(Column::field).collect::<Vec<_>>())),
            partition_column: columns.iter().find(|column| column.is_partition()).map(|column| column.name),
            statistics_columns: columns.iter().filter(|column| column.has_statistics).map(|c| c.name).collect(),
            is_rewritten: false,
        }
    }

    /// Files may be removed from the table, not only added.
    pub fn rewritten(self) -> Self {
        TableSpec { is_rewritten: true, ..self }
    }
}

/// Declares the columns of a table: for each a doc comment (which is also its description for readers of the table), a
/// constant that holds its name, and its constructor on [`Column`] with the function that reads its value from a row.
///
/// Makes the constants and a function `declared()` that returns the columns in this order. In brackets stand the generic
/// parameters of the type of a row.
///
/// ```ignore
/// declare! {
///     ['a] Row<'a>;
///
///     /// Address of the page.
///     PAGE_URL = "page_url", string(|row| row.click.page_url.as_deref());
///     /// When the event happened, as its producer says.
///     EVENT_TIME = "event_time", timestamp(|row| Some(row.click.event_time)).required().with_statistics();
/// }
/// ```
macro_rules! declare {
    (
        [$($generics:tt)*] $row:ty;
        $( $(#[doc = $about:literal])+ $name:ident = $text:literal, $kind:ident($($value:expr)?) $(.$mark:ident())*; )+
    ) => {
        $( $(#[doc = $about])+ pub const $name: &str = $text; )+

        fn declared<$($generics)*>() -> Vec<$crate::columns::Column<$row>> {
            vec![$( $crate::columns::Column::<$row>::$kind($name, concat!($($about),+) $(, $value)?)$(.$mark())* ),+]
        }
    };
}
pub(crate) use declare;
