//! From the log to a snapshot: the last checkpoint, then the commits behind it.

use super::arrow::json::LineDelimitedWriter;
use super::error::LakeError;
use super::log::{Action, Commit, Version};
use super::snapshot::{Replay, Snapshot};
use super::table::Table;
use crate::mutants::{self, Mutant};
use bytes::Bytes;
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;

impl Table {
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
            let mut actions = checkpoint_actions(bytes, replay)
                .map_err(|error| self.damaged(&format!("checkpoint {}", checkpoint.version), error.to_string()))?;
            if mutants::is(Mutant::CheckpointDropsTxn) {
                actions.retain(|action| action.txn.is_none());
            }
            snapshot.apply(&Commit { version: checkpoint.version, actions }, replay);
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

/// The rows of a checkpoint are the actions of a commit in columns: written back as JSON they read as such.
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
