//! Data files, checked without trust: one may be missing, damaged, or not what the log says.
//!
//! A damaged file is a result here and not an error. An error means that the store did not answer.

use super::arrow::array::RecordBatch;
use super::arrow::datatypes::SchemaRef;
use super::arrow::error::ArrowError;
use super::decode::{Batches, DecodeError};
use super::error::LakeError;
use super::log::Add;
use super::store::fetch;
use super::table::Table;
use bytes::Bytes;
use deltalake::parquet::errors::ParquetError;
use deltalake::parquet::file::metadata::ParquetMetaDataReader;
use object_store::ObjectStoreExt;
use object_store::path::Path;

/// Bytes at the end of a file in which the footer of any file we write fits.
const FOOTER_BYTES: u64 = 64 << 10;

/// The state of a data file. `found` is what was collected from its rows.
#[derive(Debug)]
pub enum Inspected<T> {
    Whole { bytes: i64, rows: i64, found: T },
    Missing,
    Unreadable { detail: String },
}

impl Table {
    /// Passes the columns `columns` (all when empty) of a file to `read`, batch by batch, in the table's own types. `read`
    /// collects into `found`. Decoding runs on the table's workers.
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
        let bytes = match fetch(self.store.as_ref(), &path).await {
            Ok(bytes) => bytes,
            Err(object_store::Error::NotFound { .. }) => return Ok(Inspected::Missing),
            Err(source) => return Err(self.not_read(&path, source)),
        };
        let schema = self.spec.projection(columns);
        let size = bytes.len() as i64;
        let work = move || decode(bytes, schema, |batch| read(&mut found, batch)).map(|rows| (rows, found));
        // A decoder that panics on a damaged file says the same as one that refuses it.
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

    /// Where the file of `add` is, to compare entries of several tables. The path in the log may be absolute.
    pub fn location(&self, add: &Add) -> String {
        let table = self.lake.table_url(self.spec.name);
        table.join(&add.path).map_or_else(|_| add.path.clone(), |url| url.to_string())
    }

    fn not_read(&self, path: &Path, source: object_store::Error) -> LakeError {
        LakeError::store("read", self.spec.name, path, source)
    }
}

/// Passes all rows to `read`. Returns their number according to the footer.
fn decode(
    bytes: Bytes,
    schema: SchemaRef,
    mut read: impl FnMut(&RecordBatch) -> Result<(), ArrowError>,
) -> Result<i64, DecodeError> {
    let batches = Batches::of(bytes, schema)?;
    let rows = batches.rows;
    for batch in batches {
        read(&batch?)?;
    }
    Ok(rows)
}
