//! One table: create it, open it, follow it, read its files, and replace some of them.
//!
//! Every state of the table that leaves this module was compared with the table's [`TableSpec`].

use super::action::{Action, Add, Commit, Format, MetaData, Protocol, Version};
use super::checkpoint::Checkpoints;
use super::commit::{self, CommitOutcome, Rewrite};
use super::error::LakeError;
use super::features::{self, Unsupported};
use super::file::{self, NewFile};
use super::log::Log;
use super::snapshot::{Replay, Snapshot};
use super::store::Lake;
use super::workers::Workers;
use crate::columns::TableSpec;
use crate::mutants::{self, Mutant};
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use object_store::ObjectStore;
use std::collections::HashMap;
use std::sync::Arc;

/// A table of the lake, whether it exists or not.
#[derive(Debug, Clone)]
pub struct Table {
    pub spec: TableSpec,
    pub(super) lake: Lake,
    pub log: Log,
    /// Rooted at the table.
    pub store: Arc<dyn ObjectStore>,
    pub workers: Workers,
    pub(super) checkpoints: Checkpoints,
}

/// The files that one version added, for a reader that follows the table.
#[derive(Debug, Clone)]
pub struct Change {
    pub version: Version,
    /// Files with new rows (`dataChange`). Compaction only moves rows.
    pub added: Vec<Add>,
}

/// What a reader that follows the table has read, and how many newer versions there are beyond.
#[derive(Debug, Clone)]
pub struct Changes {
    pub read: Vec<Change>,
    pub unread: usize,
}

impl Table {
    /// Sends no request.
    pub fn at(lake: &Lake, spec: TableSpec, workers: &Workers) -> Self {
        let store = lake.table_store(spec.name);
        let log = Log { table: spec.name, store: store.clone(), random: lake.random().clone() };
        let checkpoints = Checkpoints::new(lake, spec.name, workers);
        Table { spec, lake: lake.clone(), log, store, workers: workers.clone(), checkpoints }
    }

    /// Creates the table unless it exists. Any number of processes may do so at once: only one of them can put version 0.
    pub async fn create_if_missing(&self, now_ms: i64) -> Result<(), LakeError> {
        if self.exists().await? {
            return Ok(());
        }
        let first = self.first_commit(now_ms)?;
        commit::put(&self.log, &first).await.map(|_| ())
    }

    pub async fn exists(&self) -> Result<bool, LakeError> {
        if self.log.last_checkpoint().await?.is_some() {
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
            schema_string: serde_json::to_string(&delta_schema(&self.spec)?).map_err(internal)?,
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

    /// The table at its newest version.
    pub async fn snapshot(&self, replay: Replay) -> Result<Snapshot, LakeError> {
        let found = self.snapshot_if_there(replay).await?;
        found.ok_or_else(|| LakeError::NoTable { table: self.spec.name.into() })
    }

    /// `None` when there is no such table.
    pub async fn snapshot_if_there(&self, replay: Replay) -> Result<Option<Snapshot>, LakeError> {
        match Snapshot::read(&self.log, Version::MAX, replay).await? {
            Some(snapshot) => self.verified(snapshot).map(Some),
            None => Ok(None),
        }
    }

    /// The table as it was at `version`, as far as the log goes back. Never an older state.
    pub async fn snapshot_at(&self, version: Version, replay: Replay) -> Result<Snapshot, LakeError> {
        match Snapshot::read(&self.log, version, replay).await? {
            Some(snapshot) if snapshot.version == version => self.verified(snapshot),
            older => {
                let seen = older.map(|snapshot| snapshot.version);
                Err(LakeError::NotListedYet { table: self.spec.name.into(), seen, wanted: version })
            }
        }
    }

    /// What the versions above `after` added, the first `max_versions` of them, in order. Fails where the table is not what
    /// this version writes.
    pub async fn changes_after(&self, after: Version, max_versions: usize) -> Result<Changes, LakeError> {
        let mut versions = self.log.versions_after(after).await?;
        let unread = versions.len().saturating_sub(max_versions);
        versions.truncate(max_versions);
        let commits = self.log.read_all(&versions).await?;
        if commits.iter().any(|commit| self.verify(&Snapshot::of_one(commit)).is_err()) {
            // It may be switched off by now: the newest state decides.
            self.snapshot(Replay::TxnsAndFiles).await?;
        }
        // A deletion vector removes rows from a file that was added without it. Nothing in such a file is new.
        let has_new_rows = |add: &Add| add.data_change && add.deletion_vector.is_none();
        let change = |commit: Commit| {
            let adds = commit.actions.into_iter().filter_map(|action| action.add);
            Change { version: commit.version, added: adds.filter(has_new_rows).collect() }
        };
        Ok(Changes { read: commits.into_iter().map(change).collect(), unread })
    }

    /// Stores `file` under a name of its own. Its rows belong to the table only once a commit has the returned action.
    pub async fn put_file(&self, file: NewFile, now_ms: i64) -> Result<Add, LakeError> {
        let name = format!("part-{}.parquet", self.log.random.uuid());
        file.put(self.store.as_ref(), &self.spec, &name, now_ms).await
    }

    /// Reads the columns `columns` (all when empty) of a data file, in the types that the table declares.
    pub async fn read(&self, add: &Add, columns: &[&str]) -> Result<Vec<super::arrow::array::RecordBatch>, LakeError> {
        file::read(self.store.as_ref(), &self.spec, add, columns).await
    }

    /// Commits `rewrite` as the version after `planned_on`, and as no other. This is stricter than Delta's own rules for
    /// conflicts, and it is what makes them simple: whatever was read while planning is still so. It holds for every
    /// commit of another writer, `dataChange` or not. After a conflict the caller has to plan again.
    pub async fn rewrite(
        &self,
        planned_on: &Snapshot,
        mut rewrite: Rewrite,
        now_ms: i64,
    ) -> Result<CommitOutcome, LakeError> {
        let mut added = Vec::new();
        for file in std::mem::take(&mut rewrite.add) {
            added.push(self.put_file(file, now_ms).await?);
        }
        let mut commit = rewrite.into_commit(&self.log, planned_on.version + 1, added, now_ms);
        let mut outcome = commit::put(&self.log, &commit).await?;
        while mutants::is(Mutant::RewriteNotPlannedAgain) && matches!(outcome, CommitOutcome::Conflict(_)) {
            commit.version += 1;
            outcome = commit::put(&self.log, &commit).await?;
        }
        if let CommitOutcome::Committed(version) = outcome {
            self.checkpoints.write_if_due(version);
        }
        Ok(outcome)
    }

    /// Writes the checkpoint of `version`.
    pub async fn checkpoint(&self, version: Version) -> Result<(), LakeError> {
        self.checkpoints.write(version).await
    }

    fn verified(&self, snapshot: Snapshot) -> Result<Snapshot, LakeError> {
        self.verify(&snapshot)?;
        Ok(snapshot)
    }

    /// Fails when the table is not what this version writes, or something is switched on in it that this version cannot
    /// keep.
    pub(super) fn verify(&self, snapshot: &Snapshot) -> Result<(), LakeError> {
        let metadata = snapshot.metadata.as_ref();
        let mut found = Vec::new();
        if let Some(protocol) = &snapshot.protocol {
            found.extend(features::of_protocol(protocol, metadata));
        }
        let parse = |metadata: &MetaData| serde_json::from_str::<StructType>(&metadata.schema_string);
        let columns = metadata.map(parse).transpose();
        let columns = columns.map_err(|error| self.log.damaged("schemaString", error.to_string()))?;
        if let Some((metadata, columns)) = metadata.zip(columns.as_ref()) {
            found.extend(features::of_metadata(metadata, columns, self.spec.is_rewritten));
        }
        let deleted = snapshot.files.values().find(|add| add.deletion_vector.is_some());
        found.extend(deleted.map(|add| Unsupported::deletion_vector(&add.path)));
        if !found.is_empty() {
            return Err(features::refusal(self.spec.name, found));
        }
        let Some((metadata, columns)) = metadata.zip(columns.as_ref()) else { return Ok(()) };
        match difference(&self.spec, columns, &metadata.partition_columns)? {
            Some(difference) => Err(LakeError::Foreign { table: self.spec.name.into(), difference }),
            None => Ok(()),
        }
    }
}

/// The columns of `spec` as Delta describes them.
fn delta_schema(spec: &TableSpec) -> Result<StructType, LakeError> {
    spec.columns.as_ref().try_into_kernel().map_err(|error: deltalake::arrow::error::ArrowError| LakeError::Internal {
        attempt: "describe the columns",
        table: spec.name.into(),
        detail: error.to_string(),
    })
}

/// How a stored schema differs from `spec`. `None` when it does not.
fn difference(
    spec: &TableSpec,
    stored: &StructType,
    partition_columns: &[String],
) -> Result<Option<String>, LakeError> {
    let ours = delta_schema(spec)?;
    let mut found = Vec::new();
    for field in ours.fields() {
        match stored.field(field.name()) {
            None => found.push(format!("column `{}` is missing", field.name())),
            Some(other) if other.data_type() != field.data_type() => found.push(format!(
                "column `{}` is {} instead of {}",
                field.name(),
                other.data_type(),
                field.data_type()
            )),
            Some(_) => {}
        }
    }
    for field in stored.fields().filter(|field| ours.field(field.name()).is_none()) {
        found.push(format!("column `{}` is unknown", field.name()));
    }
    let partitioning: Vec<&str> = spec.partition_column.into_iter().collect();
    if partition_columns != partitioning {
        let named = |columns: &[&str]| {
            if columns.is_empty() { "nothing".to_owned() } else { format!("`{}`", columns.join("`, `")) }
        };
        let stored: Vec<&str> = partition_columns.iter().map(String::as_str).collect();
        found.push(format!("partitioned by {} instead of {}", named(&stored), named(&partitioning)));
    }
    Ok((!found.is_empty()).then(|| found.join(", ")))
}
