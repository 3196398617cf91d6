//! Rewrites the files of a table as another engine may: rows in another order, spread over other files, stored in other types.
//! And deletes and updates rows as another engine may.
//!
//! Knows no column by name, and nothing of what the rows mean.

use clickstream::lake::arrow::array::RecordBatch;
use clickstream::lake::arrow::compute;
use clickstream::lake::arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use clickstream::lake::log::{Action, Add, Commit, Log, Version};
use clickstream::lake::snapshot::{Replay, Snapshot};
use clickstream::lake::store::Random;
use clickstream::lake::table::Table;
use deltalake::parquet::arrow::ArrowWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the commits name as their engine.
pub const ENGINE: &str = "Another-Engine/1.0";

/// How the rows of each partition are laid out.
#[derive(Debug, Clone)]
pub struct Layout {
    pub order: Order,
    /// How many files a partition gets, if it has as many rows.
    pub files: usize,
    pub types: Types,
    /// Whether the commit says that it changes data, as a job that sorts a table and overwrites it does.
    pub data_change: bool,
}

#[derive(Debug, Clone)]
#[allow(dead_code, reason = "the simulation and the integration tests use different parts")]
pub enum Order {
    /// By the numbers that this seed gives.
    Shuffled(u64),
    /// By the text of a column, as a Z-order by one column does.
    By(String),
}

/// In which types values are stored. All of them mean the same to Delta.
#[derive(Debug, Clone, Copy)]
pub enum Types {
    Declared,
    /// Large texts, binaries and lists, and nanoseconds without a zone.
    Large,
    /// Views of texts and binaries, and nanoseconds.
    View,
}

impl Types {
    pub const ALL: [Types; 3] = [Types::Declared, Types::Large, Types::View];

    fn of(self, declared: &DataType) -> DataType {
        let of_field = |field: &Field| Arc::new(field.clone().with_data_type(self.of(field.data_type())));
        match (self, declared) {
            (Types::Declared, same) => same.clone(),
            (Types::Large, DataType::Utf8) => DataType::LargeUtf8,
            (Types::Large, DataType::Binary) => DataType::LargeBinary,
            (Types::Large, DataType::List(element)) => DataType::LargeList(of_field(element)),
            (Types::Large, DataType::Timestamp(..)) => DataType::Timestamp(TimeUnit::Nanosecond, None),
            (Types::View, DataType::Utf8) => DataType::Utf8View,
            (Types::View, DataType::Binary) => DataType::BinaryView,
            (Types::View, DataType::List(element)) => DataType::List(of_field(element)),
            (Types::View, DataType::Timestamp(_, zone)) => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
            (_, DataType::Struct(members)) => DataType::Struct(members.iter().map(|member| of_field(member)).collect()),
            (_, same) => same.clone(),
        }
    }
}

/// Writes all rows again. Returns the version, or `None` where somebody else committed
/// meanwhile or there is nothing to rewrite.
pub async fn lay_out(table: &Table, layout: &Layout) -> Option<Version> {
    let snapshot = table.snapshot_if_there(Replay::TxnsAndFiles).await.expect("the table can be read")?;
    let mut partitions: BTreeMap<String, Vec<Add>> = BTreeMap::new();
    for add in snapshot.files.values() {
        partitions.entry(format!("{:?}", add.partition_values)).or_default().push(add.clone());
    }
    let operation = if layout.data_change { "WRITE" } else { "OPTIMIZE" };
    let mut rewrite = Rewrite::new(table, &snapshot, operation, layout.data_change);
    for adds in partitions.into_values() {
        let mut batches = Vec::new();
        for add in &adds {
            batches.push(rows(table, add).await);
        }
        let rows = compute::concat_batches(&batches[0].schema(), &batches).expect("of one schema");
        let rows = in_order(&rows, &layout.order);
        let files = layout.files.clamp(1, rows.num_rows().max(1));
        let starts: Vec<usize> = (0..=files).map(|file| rows.num_rows() * file / files).collect();
        for file in starts.windows(2) {
            rewrite.add(&adds[0], &rows.slice(file[0], file[1] - file[0]), layout.types).await;
        }
        adds.into_iter().for_each(|add| rewrite.remove(add));
    }
    rewrite.commit().await
}

/// Replaces the rows of each file that `edit` changes, as `DELETE` and `UPDATE` do. Returns the version, or `None` where
/// nothing changes or somebody else committed meanwhile.
pub async fn change(
    table: &Table,
    operation: &'static str,
    edit: impl Fn(&RecordBatch) -> RecordBatch,
) -> Option<Version> {
    let snapshot = table.snapshot_if_there(Replay::TxnsAndFiles).await.expect("the table can be read")?;
    let mut rewrite = Rewrite::new(table, &snapshot, operation, true);
    for add in snapshot.files.values() {
        let before = rows(table, add).await;
        let after = edit(&before);
        if after == before {
            continue;
        }
        if after.num_rows() > 0 {
            rewrite.add(add, &after, Types::Declared).await;
        }
        rewrite.remove(add.clone());
    }
    rewrite.commit().await
}

/// The files and actions of a commit that is being prepared.
struct Rewrite<'t> {
    table: &'t Table,
    version: Version,
    data_change: bool,
    actions: Vec<Action>,
}

impl<'t> Rewrite<'t> {
    fn new(table: &'t Table, planned_on: &Snapshot, operation: &'static str, data_change: bool) -> Self {
        let info = json!({"operation": operation, "engineInfo": ENGINE});
        let info = Action { commit_info: info.as_object().cloned(), ..Action::default() };
        Rewrite { table, version: planned_on.version + 1, data_change, actions: vec![info] }
    }

    /// Puts a file beside `like`, in its partition. It has no statistics.
    async fn add(&mut self, like: &Add, rows: &RecordBatch, types: Types) {
        let fields: Fields = rows.schema().fields().iter().map(|field| stored(field, types)).collect();
        let schema = Arc::new(Schema::new(fields));
        let columns = rows.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| compute::cast(column, field.data_type()).expect("it can be cast"));
        let stored = RecordBatch::try_new(schema.clone(), columns.collect()).expect("the same rows");
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).expect("a writer");
        writer.write(&stored).expect("written");
        let bytes = writer.into_inner().expect("a file");
        let folder = like.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let path = format!("{folder}part-{}-{}-of-another-engine.parquet", self.version, self.actions.len());
        let size = bytes.len() as i64;
        self.table.store.put(&Path::from(path.as_str()), bytes.into()).await.expect("the store accepts it");
        let add = json!({"path": path, "size": size, "modificationTime": 0, "dataChange": self.data_change,
                         "partitionValues": like.partition_values});
        self.actions.push(serde_json::from_value::<Add>(add).expect("an add").into());
    }

    fn remove(&mut self, add: Add) {
        let remove = json!({"remove": {"path": add.path, "dataChange": self.data_change, "deletionTimestamp": 0,
                                       "extendedFileMetadata": true, "partitionValues": add.partition_values,
                                       "size": add.size}});
        self.actions.push(serde_json::from_value(remove).expect("a remove"));
    }

    async fn commit(self) -> Option<Version> {
        let version = self.version;
        if self.actions.len() == 1 {
            return None;
        }
        let text = Commit { version, actions: self.actions }.to_text().expect("actions are JSON");
        let put = self.table.store.put_opts(&Log::path(version), text.into(), PutMode::Create.into()).await;
        match put {
            Ok(_) => Some(version),
            Err(object_store::Error::AlreadyExists { .. }) => None,
            Err(error) => panic!("the store fails: {error}"),
        }
    }
}

fn stored(field: &Field, types: Types) -> Field {
    field.clone().with_data_type(types.of(field.data_type()))
}

async fn rows(table: &Table, add: &Add) -> RecordBatch {
    let batches = table.read(add, &[]).await.expect("the file can be read");
    compute::concat_batches(&batches.first().expect("a file has rows").schema(), &batches).expect("of one schema")
}

fn in_order(rows: &RecordBatch, order: &Order) -> RecordBatch {
    let indices = match order {
        Order::By(column) => {
            let column = rows.column_by_name(column).unwrap_or_else(|| panic!("no column `{column}`"));
            compute::sort_to_indices(column, None, None).expect("it can be sorted")
        }
        Order::Shuffled(seed) => {
            let chance = Random::seeded(*seed);
            let mut keyed: Vec<(u64, u32)> =
                (0..rows.num_rows() as u32).map(|row| (chance.up_to(u64::MAX), row)).collect();
            keyed.sort_unstable();
            keyed.into_iter().map(|(_, row)| row).collect::<Vec<u32>>().into()
        }
    };
    compute::take_record_batch(rows, &indices).expect("all rows")
}
