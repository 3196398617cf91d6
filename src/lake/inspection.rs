//! Data files looked at without believing that they are there, whole, or what the log says they are.
//!
//! A damaged file is an answer here, not an error: errors mean that the store could not be asked.

use super::arrow::array::RecordBatch;
use super::arrow::compute;
use super::arrow::datatypes::{Schema, SchemaRef};
use super::arrow::error::ArrowError;
use super::error::LakeError;
use super::log::Add;
use super::table::Table;
use bytes::Bytes;
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use deltalake::parquet::errors::ParquetError;
use deltalake::parquet::file::metadata::ParquetMetaDataReader;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::sync::Arc;

/// Rows per batch: one batch is in memory at a time, decoded.
const BATCH_ROWS: usize = 8_192;

/// The end of a file that holds the footer of any file we write.
const FOOTER_BYTES: u64 = 64 << 10;

/// What a data file turned out to be.
#[derive(Debug)]
pub enum Inspected<T> {
    Whole { bytes: i64, rows: i64, found: T },
    Missing,
    Unreadable { detail: String },
}

impl Table {
    /// Hands the columns `columns` (all when empty) of a file to `read`, batch by batch, in the table's own types. `read`
    /// collects into what comes back. CPU-bound work runs on the table's workers.
    pub async fn inspect<T, R>(
        &self,
        add: &Add,
        columns: &[&str],
        mut found: T,
        mut read: R,
    ) -> Result<Inspected<T>, LakeError>
    where
        T: Send + 'static,
        R: FnMut(&mut T, &RecordBatch) -> Result<(), ArrowError> + Send + 'static,
    {
        let path = Path::from(add.path.as_str());
        let attempt = async || self.store.get(&path).await?.bytes().await;
        let bytes = match attempt().await {
            Ok(bytes) => bytes,
            Err(object_store::Error::NotFound { .. }) => return Ok(Inspected::Missing),
            Err(source) => return Err(self.not_read(&path, source)),
        };
        let schema = self.projected(columns);
        let size = bytes.len() as i64;
        let work = move || decode(bytes, &schema, |batch| read(&mut found, batch)).map(|rows| (rows, found));
        // A decoder that dies of a damaged file is the same news as one that refuses it.
        let outcome = self.workers.run("decode a data file", work).await.map_err(|error| error.to_string());
        Ok(match outcome.and_then(|decoded| decoded.map_err(|error| error.to_string())) {
            Ok((rows, found)) => Inspected::Whole { bytes: size, rows, found },
            Err(detail) => Inspected::Unreadable { detail },
        })
    }

    /// Reads only the footer: size and number of rows.
    pub async fn inspect_footer(&self, add: &Add) -> Result<Inspected<()>, LakeError> {
        let path = Path::from(add.path.as_str());
        let size = match self.store.head(&path).await {
            Ok(meta) => meta.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(Inspected::Missing),
            Err(source) => return Err(self.not_read(&path, source)),
        };
        let mut wanted = FOOTER_BYTES;
        loop {
            let start = size.saturating_sub(wanted);
            let end: Bytes = match start == size {
                true => Bytes::new(),
                false => {
                    self.store.get_range(&path, start..size).await.map_err(|source| self.not_read(&path, source))?
                }
            };
            let mut reader = ParquetMetaDataReader::new();
            let parsed = reader.try_parse_sized(&end, size).and_then(|()| reader.finish());
            return Ok(match parsed {
                Err(ParquetError::NeedMoreData(needed)) if needed as u64 > wanted && start > 0 => {
                    wanted = needed as u64;
                    continue;
                }
                Err(error) => Inspected::Unreadable { detail: error.to_string() },
                Ok(footer) => {
                    Inspected::Whole { bytes: size as i64, rows: footer.file_metadata().num_rows(), found: () }
                }
            });
        }
    }

    /// Where the file of `add` is, for telling whether two entries mean the same one. Paths may be absolute.
    pub fn location(&self, add: &Add) -> String {
        let table = self.lake.table_url(self.spec.name);
        table.join(&add.path).map_or_else(|_| add.path.clone(), |url| url.to_string())
    }

    fn projected(&self, columns: &[&str]) -> SchemaRef {
        let all = self.spec.file_schema();
        let wanted = all.fields().iter().filter(|f| columns.is_empty() || columns.contains(&f.name().as_str()));
        Arc::new(Schema::new(wanted.cloned().collect::<Vec<_>>()))
    }

    fn not_read(&self, path: &Path, source: object_store::Error) -> LakeError {
        LakeError::Store { attempt: "read", object: format!("{}/{path}", self.spec.name), source }
    }
}

/// Number of rows that the footer says; `read` has seen as many, or there is an error.
fn decode(
    bytes: Bytes,
    schema: &SchemaRef,
    mut read: impl FnMut(&RecordBatch) -> Result<(), ArrowError>,
) -> Result<i64, ArrowError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let rows = builder.metadata().file_metadata().num_rows();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
        read(&conform(&batch?, schema)?)?;
    }
    Ok(rows)
}

/// Other writers have other ideas of how text is laid out in memory; what it says is the same.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |name: &str| {
        let missing = || ArrowError::SchemaError(format!("column `{name}` is missing"));
        batch.column_by_name(name).ok_or_else(missing)
    };
    let columns = schema.fields().iter().map(|field| {
        let values = column(field.name())?;
        match values.data_type() == field.data_type() {
            true => Ok(values.clone()),
            false => compute::cast(values, field.data_type()),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, ArrowError>>()?)
}
