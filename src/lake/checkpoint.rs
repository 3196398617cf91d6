//! Checkpoints: the log so far in one file, so that opening a table stays cheap.
//!
//! Written by deltalake, off the path of the commit that was due for one. Nobody waits for a checkpoint, and it may
//! fail: the next one makes up for it. Read here, since deltalake would read more than is needed.

use super::action::{Action, Commit, Version};
use super::arrow::json::LineDelimitedWriter;
use super::error::LakeError;
use super::features::{Unsupported, refusal};
use super::log::{Log, Replay};
use super::store::Lake;
use super::workers::Workers;
use crate::error::with_causes;
use crate::mutants::{self, Mutant};
use bytes::Bytes;
use deltalake::DeltaTable;
use deltalake::checkpoints::create_checkpoint;
use deltalake::logstore::{StorageConfig, default_logstore};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use serde::de::IgnoredAny;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Versions from one checkpoint to the next.
const CHECKPOINT_EVERY: Version = 100;

/// Writes the checkpoints of one table.
#[derive(Debug, Clone)]
pub(super) struct Checkpoints {
    lake: Lake,
    table: &'static str,
    workers: Workers,
    /// At most one checkpoint is written at a time.
    alone: Arc<Semaphore>,
}

impl Checkpoints {
    pub(super) fn new(lake: &Lake, table: &'static str, workers: &Workers) -> Self {
        Checkpoints { lake: lake.clone(), table, workers: workers.clone(), alone: Arc::new(Semaphore::new(1)) }
    }

    /// Starts a checkpoint in the background when `version` is due for one. None is started while another one is being
    /// written: a table that grows faster than its checkpoints are written must not be slowed down by them.
    pub(super) fn write_if_due(&self, version: Version) {
        if version > 0 && version % CHECKPOINT_EVERY == 0 {
            let Ok(alone) = self.alone.clone().try_acquire_owned() else { return };
            let checkpoints = self.clone();
            self.workers.spawn(async move {
                let _alone = alone;
                if let Err(error) = checkpoints.write(version).await {
                    let (table, error) = (checkpoints.table, with_causes(&error));
                    tracing::warn!(table, version, error, "cannot write a checkpoint");
                }
            });
        }
    }

    pub(super) async fn write(&self, version: Version) -> Result<(), LakeError> {
        let url = self.lake.table_url(self.table);
        let store = self.lake.table_store(self.table);
        let log_store = default_logstore(store, self.lake.root(), &url, &StorageConfig::default());
        let mut handle = DeltaTable::new(log_store);
        let failed = |error: deltalake::DeltaTableError| LakeError::Internal {
            attempt: "write a checkpoint",
            table: self.table.into(),
            detail: error.to_string(),
        };
        handle.load_version(version as _).await.map_err(failed)?;
        create_checkpoint(&handle, None).await.map_err(failed)
    }
}

/// The hint that says where a reader starts.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct LastCheckpoint {
    pub(super) version: Version,
    #[serde(default)]
    parts: Option<u32>,
    /// There where the checkpoint is of version 2.
    #[serde(default, rename = "v2Checkpoint")]
    version_2: Option<IgnoredAny>,
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

impl Log {
    pub(super) async fn last_checkpoint(&self) -> Result<Option<LastCheckpoint>, LakeError> {
        let path = Path::from("_delta_log/_last_checkpoint");
        let Some(bytes) = self.get(&path).await? else { return Ok(None) };
        let hint: LastCheckpoint =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged(path.as_ref(), error.to_string()))?;
        if hint.version_2.is_some() {
            return Err(refusal(self.table, vec![Unsupported::checkpoint_v2()]));
        }
        // A checkpoint without parts would be read as an empty table.
        if !(0..Version::MAX).contains(&hint.version) || hint.parts == Some(0) {
            let parts = hint.parts.unwrap_or(1);
            let detail = format!("there is no checkpoint of version {} in {parts} parts", hint.version);
            return Err(self.damaged(path.as_ref(), detail));
        }
        Ok(Some(hint))
    }

    /// All that `checkpoint` says, as the actions of one commit.
    pub(super) async fn read_checkpoint(
        &self,
        checkpoint: &LastCheckpoint,
        replay: Replay,
    ) -> Result<Commit, LakeError> {
        let version = checkpoint.version;
        let files = futures::stream::iter(checkpoint.paths())
            .then(async |path| self.get(&path).await?.ok_or_else(|| self.damaged(path.as_ref(), "missing".into())));
        let files: Vec<Bytes> = files.try_collect().await?;
        let mut commit = Commit { version, actions: Vec::new() };
        for bytes in files {
            let actions = checkpoint_actions(bytes, replay)
                .map_err(|error| self.damaged(&format!("checkpoint {version}"), error.to_string()))?;
            commit.actions.extend(actions);
        }
        if commit.actions.iter().any(|action| action.sidecar.is_some()) {
            return Err(refusal(self.table, vec![Unsupported::checkpoint_v2()]));
        }
        if mutants::is(Mutant::CheckpointDropsTxn) {
            commit.actions.retain(|action| action.txn.is_none());
        }
        Ok(commit)
    }
}

/// The rows of a checkpoint are actions with a column for each member. Written as JSON they read like those of a commit.
fn checkpoint_actions(bytes: Bytes, replay: Replay) -> Result<Vec<Action>, Box<dyn std::error::Error + Send + Sync>> {
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
    let mut actions = Vec::new();
    for batch in builder.with_projection(mask).build()? {
        let mut text = LineDelimitedWriter::new(Vec::new());
        text.write(&batch?)?;
        text.finish()?;
        actions.extend(Commit::parse(0, &text.into_inner())?.actions);
    }
    Ok(actions)
}

fn is_wanted(column: &[String], replay: Replay) -> bool {
    let member = column.get(1).map(String::as_str);
    match column[0].as_str() {
        "txn" | "protocol" | "metaData" | "sidecar" => true,
        "add" => {
            replay == Replay::TxnsAndFiles
                && matches!(
                    member,
                    Some(
                        "path"
                            | "partitionValues"
                            | "size"
                            | "modificationTime"
                            | "dataChange"
                            | "stats"
                            | "tags"
                            | "deletionVector"
                    )
                )
        }
        _ => false,
    }
}
