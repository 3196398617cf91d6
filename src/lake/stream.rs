//! The rows of a data file, one batch after the other, in memory that does not grow with the file.
//!
//! A small file is fetched as a whole, in one request. Of a large one, the footer is fetched first, and then the wanted
//! columns of one row group at a time. Decoding runs on the table's workers.

use super::arrow::array::RecordBatch;
use super::arrow::datatypes::SchemaRef;
use super::decode::{Batches, DecodeError, RowGroups};
use super::error::LakeError;
use super::log::Add;
use super::store::fetch;
use super::table::Table;
use super::workers::Workers;
use bytes::Bytes;
use deltalake::parquet::arrow::arrow_reader::ArrowReaderOptions;
use deltalake::parquet::arrow::async_reader::AsyncFileReader;
use deltalake::parquet::errors::ParquetError;
use deltalake::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, Stream, StreamExt, TryFutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::ops::Range;
use std::sync::Arc;

/// Up to this size, a file is fetched as a whole.
const MAX_WHOLE_BYTES: i64 = 16 << 20;

/// Bytes at the end of a large file that are fetched first. The footer fits into them, unless the file has hundreds of
/// row groups.
const FOOTER_BYTES: usize = 64 << 10;

const ATTEMPT: &str = "decode a data file";

impl Table {
    /// The columns `columns` (all when empty) of a data file, in the order of its rows and in the types that the table
    /// declares. Sends no request before the first batch is asked for.
    pub fn stream(
        &self,
        add: &Add,
        columns: &[&str],
    ) -> impl Stream<Item = Result<RecordBatch, LakeError>> + Send + use<> {
        self.stream_by_size(add, columns, MAX_WHOLE_BYTES)
    }

    /// As [`Table::stream`], all batches at once: for files that are known to be small.
    pub async fn read(&self, add: &Add, columns: &[&str]) -> Result<Vec<RecordBatch>, LakeError> {
        self.stream(add, columns).try_collect().await
    }

    fn stream_by_size(
        &self,
        add: &Add,
        columns: &[&str],
        max_whole_bytes: i64,
    ) -> BoxStream<'static, Result<RecordBatch, LakeError>> {
        let file = DataFile {
            table: self.spec.name,
            store: self.store.clone(),
            path: Path::from(add.path.as_str()),
            add: add.clone(),
            wanted: self.spec.projection(columns),
            workers: self.workers.clone(),
        };
        let file = Arc::new(file);
        let batches = match add.size <= max_whole_bytes {
            true => stream::once(file.clone().whole()).boxed(),
            false => stream::once(file.clone().row_groups()).try_flatten().boxed(),
        };
        batches.map_ok(move |batches| file.clone().decoded(batches)).try_flatten().boxed()
    }
}

struct DataFile {
    table: &'static str,
    store: Arc<dyn ObjectStore>,
    path: Path,
    add: Add,
    wanted: SchemaRef,
    workers: Workers,
}

impl DataFile {
    async fn whole(self: Arc<Self>) -> Result<Batches, LakeError> {
        let bytes = fetch(self.store.as_ref(), &self.path).await.map_err(|source| self.not_read(source))?;
        let wanted = self.wanted.clone();
        let opened = self.workers.run(ATTEMPT, move || Batches::of(bytes, wanted)).await?;
        opened.map_err(|error| self.failed(error))
    }

    async fn row_groups(self: Arc<Self>) -> Result<impl Stream<Item = Result<Batches, LakeError>> + Send, LakeError> {
        // The size in the log is not trusted: that of a truncated file is another.
        let found = self.store.head(&self.path).await.map_err(|source| self.not_read(source))?;
        let input = Ranges { store: self.store.clone(), path: self.path.clone(), size: found.size };
        let groups = RowGroups::of(input, self.wanted.clone()).await.map_err(|error| self.failed(error))?;
        Ok(stream::try_unfold((self, groups), |(file, mut groups)| async move {
            let next = groups.next().await.map_err(|error| file.failed(error))?;
            Ok(next.map(|batches| (batches, (file, groups))))
        }))
    }

    fn decoded(self: Arc<Self>, batches: Batches) -> impl Stream<Item = Result<RecordBatch, LakeError>> + Send {
        stream::try_unfold((self, batches), |(file, mut batches)| async move {
            let decode = move || (batches.next(), batches);
            let (next, batches) = file.workers.run(ATTEMPT, decode).await?;
            let next = next.transpose().map_err(|error| file.failed(error))?;
            Ok(next.map(|batch| (batch, (file, batches))))
        })
    }

    fn not_read(&self, source: object_store::Error) -> LakeError {
        LakeError::store("read", self.table, &self.path, source)
    }

    /// A store that does not answer says nothing of the file.
    fn failed(&self, error: DecodeError) -> LakeError {
        match error {
            DecodeError::Parquet(ParquetError::External(source)) => match source.downcast::<object_store::Error>() {
                Ok(source) => self.not_read(*source),
                Err(source) => LakeError::damaged(self.table, &self.add, &source),
            },
            error => LakeError::damaged(self.table, &self.add, &error),
        }
    }
}

/// The bytes of one object, by ranges.
struct Ranges {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

impl Ranges {
    /// A damaged footer may point anywhere. A store would answer as if the request had failed.
    fn checked(&self, range: &Range<u64>) -> Result<(), ParquetError> {
        match range.start <= range.end && range.end <= self.size {
            true => Ok(()),
            false => Err(ParquetError::EOF(format!("bytes {range:?} are wanted of {}", self.size))),
        }
    }
}

impl AsyncFileReader for Ranges {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            self.checked(&range)?;
            Ok(self.store.get_range(&self.path, range).await?)
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            ranges.iter().try_for_each(|range| self.checked(range))?;
            Ok(self.store.get_ranges(&self.path, &ranges).await?)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let size = self.size;
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
        reader.with_prefetch_hint(Some(FOOTER_BYTES)).load_and_finish(self, size).map_ok(Arc::new).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::{FileWriter, NewFile};
    use super::super::store::Lake;
    use super::*;
    use crate::columns::{Column, TableSpec};
    use object_store::PutPayload;
    use std::collections::BTreeMap;

    const WHOLE: i64 = i64::MAX;
    const BY_RANGES: i64 = 0;

    fn columns() -> Vec<Column<i64>> {
        vec![
            Column::long("number", "A number.", |number| Some(*number)).required().with_statistics(),
            Column::sentence("text", "The number as text.", |number| Some(number.to_string())),
        ]
    }

    fn table() -> Table {
        let lake = Lake::open("memory:///", &BTreeMap::new()).expect("a lake in memory");
        Table::at(&lake, TableSpec::of("numbers", &columns()), &Workers::new(1))
    }

    fn rows(table: &Table, numbers: Range<i64>) -> RecordBatch {
        table.spec.record_batch(&columns(), &Vec::from_iter(numbers)).expect("rows")
    }

    /// 45,000 rows in three row groups.
    async fn large_file(table: &Table) -> Add {
        let mut writer = FileWriter::new(&table.spec, None).expect("a writer");
        for start in [0, 15_000, 30_000] {
            writer.write(&rows(table, start..start + 15_000)).expect("written");
        }
        table.put_file(writer.finish().expect("a file"), 0).await.expect("stored")
    }

    async fn read(table: &Table, add: &Add, columns: &[&str], limit: i64) -> Result<Vec<RecordBatch>, LakeError> {
        table.stream_by_size(add, columns, limit).try_collect().await
    }

    /// Batches may be cut elsewhere: one never reaches beyond its row group.
    fn joined(batches: &[RecordBatch]) -> RecordBatch {
        super::super::arrow::compute::concat_batches(&batches[0].schema(), batches).expect("of one schema")
    }

    #[tokio::test]
    async fn a_file_that_is_read_by_ranges_has_the_rows_of_one_that_is_read_as_a_whole() {
        let table = table();
        let add = large_file(&table).await;
        for columns in [&[][..], &["text"]] {
            let by_ranges = read(&table, &add, columns, BY_RANGES).await.expect("read");
            assert!(by_ranges.iter().all(|batch| batch.num_rows() <= 8_192));
            let wanted = rows(&table, 0..45_000);
            let wanted = if columns.is_empty() { wanted } else { wanted.project(&[1]).expect("a column") };
            assert_eq!(joined(&by_ranges), wanted);
            assert_eq!(joined(&read(&table, &add, columns, WHOLE).await.expect("read")), wanted);
        }
    }

    #[tokio::test]
    async fn a_file_without_rows_has_no_batches() {
        let table = table();
        let empty = NewFile::encode(&table.spec, None, &[]).expect("a file");
        let add = table.put_file(empty, 0).await.expect("stored");
        for limit in [WHOLE, BY_RANGES] {
            assert_eq!(read(&table, &add, &[], limit).await.expect("read"), []);
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_an_error_of_the_store_and_a_truncated_one_names_table_and_file() {
        let table = table();
        let add = large_file(&table).await;
        let path = Path::from(add.path.as_str());
        let bytes = fetch(table.store.as_ref(), &path).await.expect("bytes");
        // The footer is gone; or it is there, and says that the columns are where the file has ended already.
        let truncated = bytes.slice(..bytes.len() / 2);
        let shortened = bytes.slice(bytes.len() / 2..);
        for damaged in [truncated, shortened, Bytes::new()] {
            table.store.put(&path, PutPayload::from(damaged)).await.expect("stored");
            for limit in [WHOLE, BY_RANGES] {
                let error = read(&table, &add, &[], limit).await.expect_err("damaged");
                let start = format!("cannot read `{}` of table `numbers`: ", add.path);
                assert!(matches!(error, LakeError::Damaged { .. }), "{error:?}");
                assert!(error.to_string().starts_with(&start), "{error}");
            }
        }
        table.store.delete(&path).await.expect("deleted");
        for limit in [WHOLE, BY_RANGES] {
            let error = read(&table, &add, &[], limit).await.expect_err("missing");
            assert!(matches!(error, LakeError::Store { source: object_store::Error::NotFound { .. }, .. }), "{error}");
        }
    }
}
