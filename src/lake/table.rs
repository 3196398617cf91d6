//! One table: create it, verify it, replay its log.

use super::arrow::json::LineDelimitedWriter;
use super::commit;
use super::error::LakeError;
use super::file::{self, NewFile};
use super::log::{Commit, Format, Line, Log, MetaData, Protocol, Version};
use super::schema::TableSpec;
use super::store::Lake;
use super::workers::Workers;
use crate::broken::{self, Broken};
use bytes::Bytes;
use deltalake::kernel::{Add, StructType};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::{BTreeMap, HashMap};
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

/// How far one writing application got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub version: i64,
    /// What the application recorded with it, in milliseconds since the epoch.
    pub recorded_ms: Option<i64>,
}

/// What the log says the table is at one version.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub version: Version,
    pub txns: HashMap<String, Progress>,
    /// By path. Empty when only [`Replay::Txns`] was asked for.
    pub files: BTreeMap<String, Add>,
    pub(super) protocol: Option<Protocol>,
    pub(super) metadata: Option<MetaData>,
}

/// How much of the log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    Txns,
    TxnsAndFiles,
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
            schema_string: serde_json::to_string(&self.spec.delta_schema()?).map_err(internal)?,
            partition_columns: self.spec.partition_column.iter().map(|&column| column.to_owned()).collect(),
            configuration: HashMap::from([
                setting("delta.enableExpiredLogCleanup", "false".into()),
                setting("delta.dataSkippingStatsColumns", self.spec.statistics_columns.join(",")),
            ]),
            created_time: Some(now_ms),
        };
        let lines = vec![
            commit::info(&self.log, "CREATE TABLE", now_ms, &serde_json::Map::new()),
            Line { protocol: Some(protocol), ..Line::default() },
            Line { meta_data: Some(metadata), ..Line::default() },
        ];
        Ok(Commit { version: 0, lines })
    }

    /// Replays the log: the last checkpoint, then the commits behind it. Refuses a table that differs from ours.
    pub async fn snapshot(&self, replay: Replay) -> Result<Snapshot, LakeError> {
        let found = self.snapshot_if_there(replay).await?;
        found.ok_or_else(|| self.damaged("_delta_log", "the table does not exist".into()))
    }

    /// `None` when there is no such table.
    pub async fn snapshot_if_there(&self, replay: Replay) -> Result<Option<Snapshot>, LakeError> {
        let mut snapshot = match self.last_checkpoint().await? {
            Some(checkpoint) => self.read_checkpoint(checkpoint, replay).await?,
            None => Snapshot { version: -1, ..Snapshot::default() },
        };
        self.catch_up_to(&mut snapshot, Version::MAX, replay).await?;
        if snapshot.version < 0 {
            return Ok(None);
        }
        self.verify(snapshot.protocol.as_ref(), snapshot.metadata.as_ref())?;
        Ok(Some(snapshot))
    }

    /// The table as it was at `version`, as far as the log goes back. An older state is never passed off as that one.
    pub async fn snapshot_at(&self, version: Version, replay: Replay) -> Result<Snapshot, LakeError> {
        let mut snapshot = match self.last_checkpoint().await? {
            Some(checkpoint) if checkpoint.version <= version => self.read_checkpoint(checkpoint, replay).await?,
            _ => Snapshot { version: -1, ..Snapshot::default() },
        };
        self.catch_up_to(&mut snapshot, version, replay).await?;
        if snapshot.version < version {
            let table = self.spec.name.into();
            return Err(LakeError::NotListedYet { table, seen: snapshot.version, wanted: version });
        }
        self.verify(snapshot.protocol.as_ref(), snapshot.metadata.as_ref())?;
        Ok(snapshot)
    }

    async fn catch_up_to(&self, snapshot: &mut Snapshot, last: Version, replay: Replay) -> Result<(), LakeError> {
        let mut versions = self.log.versions_after(snapshot.version).await?;
        versions.retain(|&version| version <= last);
        for commit in self.log.read_all(&versions).await? {
            snapshot.apply(&commit, replay);
        }
        Ok(())
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
                added: commit.lines.into_iter().filter_map(|line| line.add).filter(|add| add.data_change).collect(),
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
        match self.spec.difference(&stored, &metadata.partition_columns)? {
            Some(difference) => Err(foreign(difference)),
            None => Ok(()),
        }
    }

    pub(super) async fn last_checkpoint(&self) -> Result<Option<LastCheckpoint>, LakeError> {
        let path = Path::from("_delta_log/_last_checkpoint");
        let Some(bytes) = self.get(&path).await? else { return Ok(None) };
        let hint: LastCheckpoint =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged(path.as_ref(), error.to_string()))?;
        // A checkpoint of no parts would be read as a table in which nothing is.
        if !(0..Version::MAX).contains(&hint.version) || hint.parts == Some(0) {
            return Err(self.damaged(
                path.as_ref(),
                format!("version {} in {} parts is no checkpoint", hint.version, hint.parts.unwrap_or(1)),
            ));
        }
        Ok(Some(hint))
    }

    pub(super) async fn read_checkpoint(
        &self,
        checkpoint: LastCheckpoint,
        replay: Replay,
    ) -> Result<Snapshot, LakeError> {
        let mut snapshot = Snapshot { version: checkpoint.version, ..Snapshot::default() };
        let files = futures::stream::iter(checkpoint.paths())
            .then(async |path| self.get(&path).await?.ok_or_else(|| self.damaged(path.as_ref(), "missing".into())));
        let files: Vec<Bytes> = files.try_collect().await?;
        for bytes in files {
            let mut lines = checkpoint_lines(bytes, replay)
                .map_err(|error| self.damaged(&format!("checkpoint {}", checkpoint.version), error.to_string()))?;
            if broken::is(Broken::CheckpointDropsTxn) {
                lines.retain(|line| line.txn.is_none());
            }
            snapshot.apply(&Commit { version: checkpoint.version, lines }, replay);
        }
        Ok(snapshot)
    }

    async fn get(&self, path: &Path) -> Result<Option<Bytes>, LakeError> {
        let attempt = async || self.store.get(path).await?.bytes().await;
        match attempt().await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => {
                Err(LakeError::Store { attempt: "read", object: format!("{}/{path}", self.spec.name), source })
            }
        }
    }

    pub(super) fn damaged(&self, object: &str, detail: String) -> LakeError {
        LakeError::Damaged { table: self.spec.name.into(), object: object.into(), detail }
    }
}

impl Snapshot {
    /// The id that the table was created with.
    pub fn table_id(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| metadata.id.as_str())
    }

    pub fn apply(&mut self, commit: &Commit, replay: Replay) {
        self.version = commit.version;
        for line in &commit.lines {
            if let Some(txn) = &line.txn {
                let progress = Progress { version: txn.version, recorded_ms: txn.last_updated };
                self.txns.insert(txn.app_id.clone(), progress);
            }
            if replay == Replay::TxnsAndFiles {
                if let Some(remove) = &line.remove {
                    self.files.remove(&remove.path);
                }
                if let Some(add) = &line.add {
                    self.files.insert(add.path.clone(), add.clone());
                }
            }
            if line.protocol.is_some() {
                self.protocol.clone_from(&line.protocol);
            }
            if line.meta_data.is_some() {
                self.metadata.clone_from(&line.meta_data);
            }
        }
    }
}

/// The hint that tells where replaying starts.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct LastCheckpoint {
    pub(super) version: Version,
    #[serde(default)]
    parts: Option<u32>,
}

impl LastCheckpoint {
    /// One after the other: the hint may name more parts than there is memory for their names.
    fn paths(&self) -> impl Iterator<Item = Path> + use<> {
        let (version, parts) = (self.version, self.parts);
        (1..=parts.unwrap_or(1)).map(move |part| {
            Path::from(match parts {
                None => format!("_delta_log/{version:020}.checkpoint.parquet"),
                Some(parts) => format!("_delta_log/{version:020}.checkpoint.{part:010}.{parts:010}.parquet"),
            })
        })
    }
}

/// The rows of a checkpoint are the lines of a commit in columns: written back as JSON they read as such.
fn checkpoint_lines(bytes: Bytes, replay: Replay) -> Result<Vec<Line>, Box<dyn std::error::Error + Send + Sync>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let wanted: Vec<usize> = builder
        .parquet_schema()
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| is_wanted(column.path().parts(), replay))
        .map(|(index, _)| index)
        .collect();
    let mask = ProjectionMask::leaves(builder.parquet_schema(), wanted);
    let mut lines = Vec::new();
    for batch in builder.with_projection(mask).build()? {
        let mut text = LineDelimitedWriter::new(Vec::new());
        text.write(&batch?)?;
        text.finish()?;
        lines.extend(Commit::parse(0, &text.into_inner())?.lines);
    }
    Ok(lines)
}

fn is_wanted(column: &[String], replay: Replay) -> bool {
    let member = column.get(1).map(String::as_str);
    match column[0].as_str() {
        "txn" | "protocol" | "metaData" => true,
        "add" => {
            replay == Replay::TxnsAndFiles
                && matches!(
                    member,
                    Some("path" | "partitionValues" | "size" | "modificationTime" | "dataChange" | "stats" | "tags")
                )
        }
        _ => false,
    }
}
