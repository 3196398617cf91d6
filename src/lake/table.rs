//! One table: create it, verify it, follow it, put files into it.

use super::commit;
use super::error::LakeError;
use super::file::{self, NewFile};
use super::log::{Action, Commit, Format, Log, MetaData, Protocol, Version};
use super::schema;
use super::store::Lake;
use super::workers::Workers;
use crate::columns::TableSpec;
use deltalake::kernel::{Add, StructType};
use object_store::ObjectStore;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A table of the lake that exists and that this version may write.
#[derive(Debug, Clone)]
pub struct Table {
    pub spec: TableSpec,
    pub lake: Lake,
    pub log: Log,
    /// Rooted at the table.
    pub store: Arc<dyn ObjectStore>,
    pub workers: Workers,
    /// At most one checkpoint is made at a time.
    pub(super) checkpointing: Arc<Semaphore>,
}

/// The files that a range of versions brought, for a reader that follows the table.
#[derive(Debug, Clone)]
pub struct Change {
    pub version: Version,
    /// Only news (`dataChange`): compaction moves rows, it does not bring any.
    pub added: Vec<Add>,
}

impl Table {
    /// Names the table without asking the store anything.
    pub fn at(lake: &Lake, spec: TableSpec, workers: &Workers) -> Self {
        let store = lake.table_store(spec.name);
        let log = Log { table: spec.name, store: store.clone(), random: lake.random().clone() };
        Table {
            spec,
            lake: lake.clone(),
            log,
            store,
            workers: workers.clone(),
            checkpointing: Arc::new(Semaphore::new(1)),
        }
    }

    /// Creates the table where there is none. Any number of processes may do so at once: version 0 is put once.
    pub async fn create_if_missing(&self, now_ms: i64) -> Result<(), LakeError> {
        if self.exists().await? {
            return Ok(());
        }
        let first = self.first_commit(now_ms)?;
        commit::put(&self.log, &first).await.map(|_| ())
    }

    pub async fn exists(&self) -> Result<bool, LakeError> {
        if self.last_checkpoint().await?.is_some() {
            return Ok(true);
        }
        Ok(self.log.read(0).await?.is_some())
    }

    fn first_commit(&self, now_ms: i64) -> Result<Commit, LakeError> {
        let internal = |error: serde_json::Error| LakeError::Internal {
            attempt: "describe the columns",
            table: self.spec.name.into(),
            detail: error.to_string(),
        };
        let protocol =
            Protocol { min_reader_version: 1, min_writer_version: 2, reader_features: vec![], writer_features: vec![] };
        let setting = |key: &str, value: String| (key.to_owned(), Some(value));
        let metadata = MetaData {
            id: self.log.random.uuid().to_string(),
            format: Format { provider: "parquet".into(), options: HashMap::new() },
            schema_string: serde_json::to_string(&schema::delta_schema(&self.spec)?).map_err(internal)?,
            partition_columns: self.spec.partition_column.iter().map(|&column| column.to_owned()).collect(),
            configuration: HashMap::from([
                setting("delta.enableExpiredLogCleanup", "false".into()),
                setting("delta.dataSkippingStatsColumns", self.spec.statistics_columns.join(",")),
            ]),
            created_time: Some(now_ms),
        };
        let actions = vec![
            commit::info(&self.log, "CREATE TABLE", now_ms, &serde_json::Map::new()),
            Action { protocol: Some(protocol), ..Action::default() },
            Action { meta_data: Some(metadata), ..Action::default() },
        ];
        Ok(Commit { version: 0, actions })
    }

    /// What the versions `after + 1 ..` brought, at most `most` of them, in order.
    pub async fn changes_after(&self, after: Version, most: usize) -> Result<Vec<Change>, LakeError> {
        let mut versions = self.log.versions_after(after).await?;
        versions.truncate(most);
        let commits = self.log.read_all(&versions).await?;
        Ok(commits
            .into_iter()
            .map(|commit| Change {
                version: commit.version,
                added: commit
                    .actions
                    .into_iter()
                    .filter_map(|action| action.add)
                    .filter(|add| add.data_change)
                    .collect(),
            })
            .collect())
    }

    /// Puts `file` where no file is. Harmless until a commit holds what comes back.
    pub async fn put_file(&self, file: NewFile, now_ms: i64) -> Result<Add, LakeError> {
        let name = format!("part-{}.parquet", self.log.random.uuid());
        file.put(self.store.as_ref(), &self.spec, &name, now_ms).await
    }

    /// Reads the columns `columns` (all when empty) of a data file.
    pub async fn read(&self, add: &Add, columns: &[&str]) -> Result<Vec<super::arrow::array::RecordBatch>, LakeError> {
        file::read(self.store.as_ref(), self.spec.name, add, columns).await
    }

    /// Fails when what the log says of protocol and columns is not what this version writes.
    pub(super) fn verify(&self, protocol: Option<&Protocol>, metadata: Option<&MetaData>) -> Result<(), LakeError> {
        let foreign = |difference| LakeError::Foreign { table: self.spec.name.into(), difference };
        if let Some(protocol) = protocol
            && (protocol.min_reader_version > 1 || protocol.min_writer_version > 2)
        {
            return Err(foreign(format!(
                "it asks for reader version {} and writer version {}, at most 1 and 2 are supported",
                protocol.min_reader_version, protocol.min_writer_version
            )));
        }
        let Some(metadata) = metadata else { return Ok(()) };
        let stored: StructType = serde_json::from_str(&metadata.schema_string)
            .map_err(|error| self.damaged("schemaString", error.to_string()))?;
        match schema::difference(&self.spec, &stored, &metadata.partition_columns)? {
            Some(difference) => Err(foreign(difference)),
            None => Ok(()),
        }
    }

    pub(super) fn damaged(&self, object: &str, detail: String) -> LakeError {
        LakeError::Damaged { table: self.spec.name.into(), object: object.into(), detail }
    }
}
