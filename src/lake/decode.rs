//! A data file becomes batches of the table's own types, whoever wrote it.
//!
//! Delta says what type a column has. Parquet lets each writer choose how to store it: Spark stores instants as INT96,
//! delta-rs text as `string_view`, others use dictionaries, other units, wider decimals, or leave out a column that is all
//! null. What means the same is converted here, once, directly after decoding, so nothing else has to know of it. What does
//! not fit is an error that names the column, never a null. A file of exactly the declared types is not copied.
//!
//! Knows no table and no log.

use super::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use super::arrow::compute::{self, CastOptions};
use super::arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, Fields, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use super::arrow::error::ArrowError;
use bytes::Bytes;
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::{
    ArrowReaderBuilder, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use deltalake::parquet::arrow::async_reader::{
    AsyncFileReader, ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder,
};
use deltalake::parquet::basic::Type as PhysicalType;
use deltalake::parquet::errors::ParquetError;
use deltalake::parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// Rows per batch.
const BATCH_ROWS: usize = 8_192;

/// Why a data file cannot be read as what its table declares.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error("column `{column}` {detail}")]
    Column { column: String, detail: String },
}

/// Rows of one data file, batch by batch: all of them, or those of one row group.
pub(super) struct Batches {
    /// According to the footer of the file.
    pub rows: i64,
    reader: ParquetRecordBatchReader,
    wanted: SchemaRef,
}

impl Batches {
    /// Reads the columns `wanted` of the file `bytes`. Its other columns are ignored.
    pub fn of(bytes: Bytes, wanted: SchemaRef) -> Result<Self, DecodeError> {
        let file = with_declared_instants(ArrowReaderMetadata::load(&bytes, options())?)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, file);
        let rows = builder.metadata().file_metadata().num_rows();
        let reader = projected(builder, &wanted).build()?;
        Ok(Batches { rows, reader, wanted })
    }
}

/// The row groups of one data file, each of which is fetched when it is asked for.
pub(super) struct RowGroups<T> {
    rows: i64,
    groups: ParquetRecordBatchStream<T>,
    wanted: SchemaRef,
}

impl<T: AsyncFileReader + Unpin + Send + 'static> RowGroups<T> {
    /// Reads the footer of `input`. Of each row group only the columns `wanted` are fetched.
    pub async fn of(mut input: T, wanted: SchemaRef) -> Result<Self, DecodeError> {
        let file = with_declared_instants(ArrowReaderMetadata::load_async(&mut input, options()).await?)?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(input, file);
        let rows = builder.metadata().file_metadata().num_rows();
        let groups = projected(builder, &wanted).build()?;
        Ok(RowGroups { rows, groups, wanted })
    }

    pub async fn next(&mut self) -> Result<Option<Batches>, DecodeError> {
        let reader = self.groups.next_row_group().await?;
        Ok(reader.map(|reader| Batches { rows: self.rows, reader, wanted: self.wanted.clone() }))
    }
}

/// Some writers embed an Arrow schema. It says how they had the values in memory, not what the values are.
fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

fn with_declared_instants(file: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    match with_int96_as_micros(&file) {
        Some(schema) => {
            ArrowReaderMetadata::try_new(file.metadata().clone(), ArrowReaderOptions::new().with_schema(schema))
        }
        None => Ok(file),
    }
}

fn projected<T>(builder: ArrowReaderBuilder<T>, wanted: &SchemaRef) -> ArrowReaderBuilder<T> {
    let fields = builder.schema().fields().iter().enumerate();
    let read = fields.filter(|(_, field)| wanted.fields().find(field.name()).is_some()).map(|(root, _)| root);
    let mask = ProjectionMask::roots(builder.parquet_schema(), read);
    builder.with_projection(mask).with_batch_size(BATCH_ROWS)
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(DecodeError::from).and_then(|batch| conform(batch, &self.wanted)))
    }
}

/// The schema of a file that stores instants as INT96, with these in microseconds: INT96 reaches further than nanoseconds
/// do in 64 bits, and what is beyond them would silently become another instant. `None` where the file has no INT96.
fn with_int96_as_micros(file: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let leaves = file.parquet_schema().columns();
    leaves.iter().find(|leaf| leaf.physical_type() == PhysicalType::INT96)?;
    let mut leaves = leaves.iter();
    let fields = file.schema().fields().iter().map(|field| int96_as_micros(field, &mut leaves));
    Some(Arc::new(Schema::new(fields.collect::<Fields>())))
}

/// `leaves` are the columns of the file from the first one in `field` on.
fn int96_as_micros<'a>(field: &FieldRef, leaves: &mut impl Iterator<Item = &'a ColumnDescPtr>) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Struct(members) => {
            DataType::Struct(members.iter().map(|member| int96_as_micros(member, leaves)).collect())
        }
        DataType::List(element) => DataType::List(int96_as_micros(element, leaves)),
        DataType::Map(entries, sorted) => DataType::Map(int96_as_micros(entries, leaves), *sorted),
        other => match leaves.next() {
            Some(leaf) if leaf.physical_type() == PhysicalType::INT96 => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            _ => other.clone(),
        },
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// The rows of `batch` with the columns of `wanted`, in that order and of these types.
fn conform(batch: RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch, DecodeError> {
    if batch.schema().fields() == wanted.fields() {
        return Ok(batch);
    }
    let rows = batch.num_rows();
    let columns = project(&StructArray::from(batch), wanted.fields(), "")?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(wanted.clone(), columns, &options)?)
}

/// The members `wanted` of `from`, by name. A nullable one that `from` lacks is all null, as Delta has it.
fn project(from: &StructArray, wanted: &Fields, parent: &str) -> Result<Vec<ArrayRef>, DecodeError> {
    let one = |field: &FieldRef| {
        let column = format!("{parent}{}", field.name());
        let values = match from.column_by_name(field.name()) {
            Some(values) => convert(values, field.data_type(), &column)?,
            None if field.is_nullable() => new_null_array(field.data_type(), from.len()),
            None => return Err(DecodeError::Column { column, detail: "is missing".into() }),
        };
        if !field.is_nullable() && values.null_count() > 0 {
            // A struct that is null itself has no members.
            let is_null = |row: &usize| values.is_null(*row) && from.is_valid(*row);
            if let Some(row) = (0..values.len()).find(is_null) {
                return Err(DecodeError::Column { column, detail: format!("has no value in row {row}") });
            }
        }
        Ok(values)
    };
    wanted.iter().map(one).collect()
}

/// `values` as `wanted`, where both mean the same.
fn convert(values: &ArrayRef, wanted: &DataType, column: &str) -> Result<ArrayRef, DecodeError> {
    let failed = |detail: String| DecodeError::Column { column: column.to_owned(), detail };
    match (values.data_type(), wanted) {
        (stored, wanted) if stored == wanted => Ok(values.clone()),
        (DataType::Null, wanted) => Ok(new_null_array(wanted, values.len())),
        (DataType::Struct(_), DataType::Struct(members)) => {
            let from = values.as_struct();
            let columns = project(from, members, &format!("{column}."))?;
            Ok(Arc::new(StructArray::try_new_with_length(members.clone(), columns, from.nulls().cloned(), from.len())?))
        }
        (DataType::List(_), DataType::List(element)) => {
            let from: &ListArray = values.as_list();
            let elements = convert(from.values(), element.data_type(), &format!("{column}.{}", element.name()))?;
            let lists = ListArray::try_new(element.clone(), from.offsets().clone(), elements, from.nulls().cloned())?;
            Ok(Arc::new(lists))
        }
        (DataType::Timestamp(unit, _), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            let micros = to_micros(values, *unit).map_err(|error| failed(cannot_hold(&error)))?;
            Ok(Arc::new(micros.with_timezone_opt(zone.clone())))
        }
        (stored, wanted) if is_same_kind(stored, wanted) => {
            // Where a cast is "safe", it turns what does not fit into null.
            let options = CastOptions { safe: false, ..CastOptions::default() };
            compute::cast_with_options(values, wanted, &options).map_err(|error| failed(cannot_hold(&error)))
        }
        (stored, wanted) => Err(failed(format!("is {stored} instead of {wanted}"))),
    }
}

fn cannot_hold(error: &ArrowError) -> String {
    format!("has a value that its type cannot hold: {error}")
}

/// Whether every value of `stored` that fits into `wanted` is the same value there. A cast does more: it parses text, takes
/// numbers for instants and rounds.
fn is_same_kind(stored: &DataType, wanted: &DataType) -> bool {
    use DataType::{Binary, Decimal128, Decimal256, FixedSizeBinary, Float16, Float32, Float64, Utf8};
    match (stored, wanted) {
        // Old writers mark text and bytes alike.
        (Utf8 | Binary, Utf8 | Binary) | (FixedSizeBinary(_), Binary) | (Float16 | Float32, Float64) => true,
        (Decimal128(_, stored) | Decimal256(_, stored), Decimal128(_, wanted)) => stored <= wanted,
        (stored, wanted) => stored.is_integer() && wanted.is_integer(),
    }
}

/// Instants in microseconds. Those without a zone are in UTC: the table says that they are instants.
fn to_micros(values: &ArrayRef, unit: TimeUnit) -> Result<TimestampMicrosecondArray, ArrowError> {
    const FINER: &str = "an instant is finer than a microsecond";
    let overflow = || ArrowError::ComputeError("an instant is too far away".to_owned());
    let times = |factor: i64| move |value: i64| value.checked_mul(factor).ok_or_else(overflow);
    match unit {
        TimeUnit::Second => each(values.as_primitive::<TimestampSecondType>(), times(1_000_000)),
        TimeUnit::Millisecond => each(values.as_primitive::<TimestampMillisecondType>(), times(1_000)),
        TimeUnit::Microsecond => Ok(values.as_primitive::<TimestampMicrosecondType>().clone()),
        TimeUnit::Nanosecond => each(values.as_primitive::<TimestampNanosecondType>(), |nanos: i64| {
            let is_whole = nanos % 1_000 == 0;
            is_whole.then_some(nanos / 1_000).ok_or_else(|| ArrowError::ComputeError(FINER.to_owned()))
        }),
    }
}

fn each<T: ArrowTimestampType>(
    values: &PrimitiveArray<T>,
    convert: impl Fn(i64) -> Result<i64, ArrowError>,
) -> Result<TimestampMicrosecondArray, ArrowError> {
    values.try_unary(convert)
}

#[cfg(test)]
mod tests {
    use super::super::arrow::array::RecordBatchReader;
    use super::super::arrow::array::{
        BinaryArray, BinaryViewArray, Decimal128Array, Decimal256Array, DictionaryArray, FixedSizeBinaryArray,
        Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeBinaryArray, LargeListArray,
        LargeStringArray, NullArray, StringArray, StringViewArray, TimestampMillisecondArray, TimestampNanosecondArray,
        UInt32Array, UInt64Array,
    };
    use super::super::arrow::buffer::OffsetBuffer;
    use super::super::arrow::datatypes::{Field, Int32Type, Int64Type, i256};
    use super::*;
    use crate::columns::{Column, TableSpec};
    use crate::event::money::Money;
    use crate::event::time::Timestamp;
    use deltalake::parquet::arrow::ArrowWriter;
    use deltalake::parquet::data_type::{Int96, Int96Type};
    use deltalake::parquet::file::writer::SerializedFileWriter;
    use deltalake::parquet::schema::parser::parse_message_type;

    const DAY_MICROS: i64 = 86_400_000_000;

    fn file(columns: Vec<(&str, ArrayRef)>) -> Bytes {
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, values)| (name, values, true)).collect::<Vec<_>>(),
        );
        let batch = batch.expect("columns of one length");
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.into_inner().expect("a file").into()
    }

    /// As a whole and by row groups, which give the same.
    fn read(bytes: Bytes, wanted: Vec<Field>) -> Result<RecordBatch, String> {
        let wanted = Arc::new(Schema::new(wanted));
        let by_row_groups = futures::executor::block_on(read_row_groups(bytes.clone(), wanted.clone()));
        let batches = Batches::of(bytes, wanted).and_then(Iterator::collect);
        let batches: Result<Vec<_>, _> = batches.map_err(|error| error.to_string());
        assert_eq!(batches, by_row_groups.map_err(|error| error.to_string()));
        let mut batches = batches?;
        assert_eq!(batches.len(), 1);
        Ok(batches.remove(0))
    }

    async fn read_row_groups(bytes: Bytes, wanted: SchemaRef) -> Result<Vec<RecordBatch>, DecodeError> {
        let mut groups = RowGroups::of(std::io::Cursor::new(bytes), wanted).await?;
        let mut read = Vec::new();
        while let Some(batches) = groups.next().await? {
            for batch in batches {
                read.push(batch?);
            }
        }
        Ok(read)
    }

    /// The column `stored`, read as `wanted`.
    fn read_as(stored: ArrayRef, wanted: DataType) -> Result<ArrayRef, String> {
        Ok(read(file(vec![("c", stored)]), vec![Field::new("c", wanted, true)])?.column(0).clone())
    }

    fn array<T: Array + 'static>(values: T) -> ArrayRef {
        Arc::new(values)
    }

    fn instants(micros: Vec<Option<i64>>) -> ArrayRef {
        array(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
    }

    fn money<T: Into<Option<i128>>>(units: Vec<T>, precision: u8, scale: i8) -> ArrayRef {
        let units = Decimal128Array::from_iter(units.into_iter().map(Into::into));
        array(units.with_precision_and_scale(precision, scale).expect("it fits"))
    }

    fn element(name: &str, of: DataType) -> FieldRef {
        Arc::new(Field::new(name, of, true))
    }

    fn assert_read<const N: usize>(cases: [(&str, ArrayRef, ArrayRef); N]) {
        for (name, stored, ours) in cases {
            let found = read_as(stored, ours.data_type().clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(&found, &ours, "{name}");
        }
    }

    const TEXTS: [Option<&str>; 3] = [Some("a"), None, Some("b\u{e9}")];
    const BYTES: [Option<&[u8]>; 3] = [Some(b"ab"), None, Some(b"\xff\0")];

    #[test]
    fn text_and_bytes_are_read_however_they_are_stored() {
        let text = || array(StringArray::from_iter(TEXTS));
        let unmarked = BinaryArray::from_iter(TEXTS.map(|text| text.map(str::as_bytes)));
        let bytes = || array(BinaryArray::from_iter(BYTES));
        let of_one_length = FixedSizeBinaryArray::try_from_sparse_iter_with_size(BYTES.into_iter(), 2);
        assert_read([
            ("large text", array(LargeStringArray::from_iter(TEXTS)), text()),
            ("text view", array(StringViewArray::from_iter(TEXTS)), text()),
            ("dictionary", array(DictionaryArray::<Int32Type>::from_iter(TEXTS)), text()),
            ("dictionary of long keys", array(DictionaryArray::<Int64Type>::from_iter(TEXTS)), text()),
            ("text that is not marked as such", array(unmarked), text()),
            ("a column of nothing", array(NullArray::new(2)), array(StringArray::new_null(2))),
            ("large bytes", array(LargeBinaryArray::from_iter(BYTES)), bytes()),
            ("bytes view", array(BinaryViewArray::from_iter(BYTES)), bytes()),
            ("bytes of one length", array(of_one_length.expect("two bytes each")), bytes()),
        ]);
    }

    #[test]
    fn instants_are_read_in_any_unit_and_zone() {
        let ours = || instants(vec![Some(1_000), None, Some(-2_000)]);
        let millis = TimestampMillisecondArray::from(vec![Some(1), None, Some(-2)]);
        let micros = TimestampMicrosecondArray::from(vec![Some(1_000), None, Some(-2_000)]);
        let nanos = TimestampNanosecondArray::from(vec![Some(1_000_000), None, Some(-2_000_000)]);
        assert_read([
            ("milliseconds", array(millis.with_timezone("UTC")), ours()),
            ("nanoseconds", array(nanos.clone().with_timezone("UTC")), ours()),
            ("nanoseconds without a zone", array(nanos), ours()),
            ("another zone", array(micros.clone().with_timezone("+02:00")), ours()),
            ("no zone", array(micros), ours()),
        ]);
    }

    #[test]
    fn numbers_are_read_in_any_width() {
        let long = || array(Int64Array::from(vec![Some(1), None, Some(-2)]));
        let price = || money(vec![Some(10_000), None, Some(-25_000)], 18, 4);
        let stored_price = |precision| money(vec![Some(10_000), None, Some(-25_000)], precision, 4);
        let wide = Decimal256Array::from(vec![Some(i256::from(10_000)), None, Some(i256::from(-25_000))]);
        let unsigned = vec![1, u32::MAX];
        let as_long = unsigned.iter().copied().map(i64::from).collect::<Vec<_>>();
        assert_read([
            ("a byte", array(Int8Array::from(vec![Some(1), None, Some(-2)])), long()),
            ("a short", array(Int16Array::from(vec![Some(1), None, Some(-2)])), long()),
            ("an integer", array(Int32Array::from(vec![Some(1), None, Some(-2)])), long()),
            ("a long", long(), array(Int32Array::from(vec![Some(1), None, Some(-2)]))),
            ("unsigned", array(UInt32Array::from(unsigned)), array(Int64Array::from(as_long))),
            ("unsigned long", array(UInt64Array::from(vec![1, 2])), array(Int64Array::from(vec![1, 2]))),
            ("single precision", array(Float32Array::from(vec![0.5])), array(Float64Array::from(vec![0.5]))),
            ("decimal in 32 bits", stored_price(9), price()),
            ("decimal in 64 bits", stored_price(12), price()),
            ("decimal in bytes", stored_price(38), price()),
            ("decimal in 32 bytes", array(wide.with_precision_and_scale(76, 4).expect("it fits")), price()),
            ("fewer decimal places", money(vec![Some(100), None, Some(-250)], 18, 2), price()),
        ]);
    }

    #[test]
    fn lists_are_read_whatever_their_elements_are_called() {
        let offsets = || OffsetBuffer::from_lengths([2, 0, 1]);
        let lists = |values: ArrayRef, name: &str| {
            array(ListArray::new(element(name, values.data_type().clone()), offsets(), values, None))
        };
        let text = || array(StringArray::from_iter(TEXTS));
        let large = array(LargeStringArray::from_iter(TEXTS));
        let large = LargeListArray::new(
            element("item", DataType::LargeUtf8),
            OffsetBuffer::from_lengths([2, 0, 1]),
            large,
            None,
        );
        let integers = array(Int32Array::from(vec![1, 2, 3]));
        assert_read([
            ("another name", lists(text(), "item"), lists(text(), "element")),
            ("large lists of large text", array(large), lists(text(), "element")),
            ("other numbers", lists(integers, "array"), lists(array(Int64Array::from(vec![1, 2, 3])), "element")),
        ]);
    }

    #[test]
    fn what_does_not_fit_or_means_something_else_is_an_error_that_names_the_column() {
        let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let cases = [
            (array(Int64Array::from(vec![1 << 40])), DataType::Int32, "has a value that its type cannot hold"),
            (array(UInt64Array::from(vec![u64::MAX])), DataType::Int64, "has a value that its type cannot hold"),
            (money(vec![10_i128.pow(30)], 38, 4), DataType::Decimal128(18, 4), "has a value that its type cannot hold"),
            (
                array(BinaryArray::from(vec![b"\xff".as_slice()])),
                DataType::Utf8,
                "has a value that its type cannot hold",
            ),
            (array(TimestampNanosecondArray::from(vec![1])), utc(), "an instant is finer than a microsecond"),
            (array(TimestampMillisecondArray::from(vec![i64::MAX])), utc(), "an instant is too far away"),
            (array(Int64Array::from(vec![1])), utc(), "is Int64 instead of Timestamp"),
            (array(StringArray::from(vec!["1"])), DataType::Int64, "is Utf8 instead of Int64"),
            (array(Float64Array::from(vec![1.0])), DataType::Int64, "is Float64 instead of Int64"),
            (
                money(vec![1_i128], 18, 6),
                DataType::Decimal128(18, 4),
                "is Decimal128(18, 6) instead of Decimal128(18, 4)",
            ),
        ];
        for (stored, wanted, detail) in cases {
            let error = read_as(stored, wanted).expect_err(detail);
            assert!(error.starts_with("column `c` ") && error.contains(detail), "{error}");
        }
    }

    #[test]
    fn columns_are_found_by_name_and_one_that_may_be_null_may_be_missing() {
        let stored = || {
            file(vec![
                ("more", array(Int64Array::from(vec![7, 8]))),
                ("b", array(LargeStringArray::from(vec![Some("x"), None]))),
                ("a", array(Int64Array::from(vec![1, 2]))),
            ])
        };
        let field = |name: &str, kind: DataType, is_nullable| Field::new(name, kind, is_nullable);
        let wanted = vec![
            field("a", DataType::Int64, false),
            field("b", DataType::Utf8, true),
            field("c", DataType::Utf8, true),
        ];
        let batch = read(stored(), wanted.clone()).expect("read");
        assert_eq!(batch.schema().fields(), &Fields::from(wanted));
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
        assert_eq!(batch.column(2).null_count(), 2);
        let error = |wanted| read(stored(), vec![wanted]).expect_err("refused");
        assert_eq!(error(field("c", DataType::Utf8, false)), "column `c` is missing");
        assert_eq!(error(field("b", DataType::Utf8, false)), "column `b` has no value in row 1");
        assert_eq!(read(stored(), vec![field("c", DataType::Utf8, true)]).expect("read").num_rows(), 2);
    }

    #[test]
    fn members_of_a_list_of_structs_are_treated_like_columns() {
        let field = |name: &str, kind: DataType| Field::new(name, kind, true);
        let lines = |members: Vec<(FieldRef, ArrayRef)>, name: &str| {
            let lines = array(StructArray::from(members));
            let element = element(name, lines.data_type().clone());
            array(ListArray::new(element, OffsetBuffer::from_lengths([1, 1]), lines, None))
        };
        let id = |kind| Arc::new(field("id", kind));
        let count = |kind| Arc::new(field("count", kind));
        let stored = lines(
            vec![
                (count(DataType::Int32), array(Int32Array::from(vec![1, 2]))),
                (id(DataType::Utf8View), array(StringViewArray::from(vec!["a", "b"]))),
            ],
            "item",
        );
        let note = (Arc::new(field("note", DataType::Utf8)), new_null_array(&DataType::Utf8, 2));
        let ours = lines(
            vec![
                (id(DataType::Utf8), array(StringArray::from(vec!["a", "b"]))),
                (count(DataType::Int64), array(Int64Array::from(vec![1, 2]))),
                note,
            ],
            "element",
        );
        assert_eq!(&read_as(stored.clone(), ours.data_type().clone()).expect("read"), &ours);
        let text = |kind| {
            let members = DataType::Struct(vec![field("id", DataType::Utf8), field("count", kind)].into());
            DataType::List(element("element", members))
        };
        let error = read_as(stored, text(DataType::Utf8)).expect_err("refused");
        assert_eq!(error, "column `c.element.count` is Int32 instead of Utf8");
    }

    /// As Spark writes instants. In nanoseconds, two of these would be others.
    #[test]
    fn instants_in_int96_are_read_however_far_they_are() {
        const EPOCH_AS_JULIAN_DAY: i64 = 2_440_588;
        let int96 = |micros: i64| {
            let nanos = micros.rem_euclid(DAY_MICROS) * 1_000;
            let mut value = Int96::new();
            value.set_data(
                nanos as u32,
                (nanos >> 32) as u32,
                (micros.div_euclid(DAY_MICROS) + EPOCH_AS_JULIAN_DAY) as u32,
            );
            value
        };
        let micros = [1_714_557_600_123_456, -1, -135_140 * DAY_MICROS, 200_000 * DAY_MICROS + 5];
        let message = "message file { optional int96 at; optional binary t (UTF8); }";
        let schema = Arc::new(parse_message_type(message).expect("a schema"));
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a writer");
        let mut rows = writer.next_row_group().expect("a row group");
        let mut column = rows.next_column().expect("a column").expect("the first");
        let values: Vec<Int96> = micros.iter().map(|&at| int96(at)).collect();
        column.typed::<Int96Type>().write_batch(&values, Some(&[1, 1, 0, 1, 1]), None).expect("written");
        column.close().expect("closed");
        let mut column = rows.next_column().expect("a column").expect("the second");
        let none = column.typed::<deltalake::parquet::data_type::ByteArrayType>();
        none.write_batch(&[], Some(&[0; 5]), None).expect("written");
        column.close().expect("closed");
        rows.close().expect("closed");
        let bytes = Bytes::from(writer.into_inner().expect("a file"));
        let [a, b, c, d] = micros.map(Some);
        let wanted = Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true);
        assert_eq!(read(bytes, vec![wanted]).expect("read").column(0), &instants(vec![a, b, None, c, d]));
    }

    #[test]
    fn a_file_of_our_own_types_is_not_copied() {
        let columns = [
            Column::<i64>::string("string", "", |_| Some("a")),
            Column::sentence("sentence", "", |_| None).required(),
            Column::binary("binary", "", |_| Some(b"a")),
            Column::strings("strings", "", |_| Some(vec![Some("a"), None])),
            Column::long("long", "", |row| Some(*row)).required(),
            Column::longs("longs", "", |row| vec![*row]).required(),
            Column::integer("integer", "", |_| Some(1)),
            Column::double("double", "", |_| Some(1.0)),
            Column::boolean("boolean", "", |_| Some(true)),
            Column::timestamp("timestamp", "", |row| Some(Timestamp(*row))).required(),
            Column::money("money", "", |row| Some(Money(*row))),
        ];
        let schema = TableSpec::of("any", &columns).file_schema();
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), None).expect("a writer");
        let bytes = Bytes::from(writer.into_inner().expect("a file"));
        let batches = Batches::of(bytes, schema.clone()).expect("a reader");
        assert_eq!(batches.reader.schema().fields(), schema.fields());
        let batch = RecordBatch::try_from_iter([("a", array(Int64Array::from(vec![1, 2])))]).expect("a batch");
        let same = conform(batch.clone(), &batch.schema()).expect("conforms");
        assert!(Arc::ptr_eq(batch.column(0), same.column(0)));
    }
}
