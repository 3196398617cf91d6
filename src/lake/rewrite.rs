//! Remove and add in one commit, or nothing.

use super::commit::{self, Put};
use super::error::LakeError;
use super::file::NewFile;
use super::log::{Commit, Line, Version};
use super::snapshot::Snapshot;
use super::table::Table;
use crate::broken::{self, Broken};
use deltalake::kernel::{Add, Remove, Transaction};
use serde_json::{Map, Value};

/// What a rewrite does to the table.
#[derive(Debug, Default)]
pub struct Rewrite {
    pub operation: &'static str,
    pub remove: Vec<Add>,
    pub add: Vec<NewFile>,
    /// How far the writing application got by it.
    pub txn: Option<Transaction>,
    /// Goes into `commitInfo`.
    pub details: Map<String, Value>,
}

/// How a rewrite ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewritten {
    Committed(Version),
    /// Somebody committed since the snapshot: what was planned on it may be wrong. Plan again.
    Outdated,
}

impl Table {
    /// Commits `rewrite` right behind `planned_on`, and nowhere else. This is stricter than Delta's own conflict
    /// rules, and it is what makes them simple: whatever was read while planning is still so. It holds for every
    /// kind of winner, `dataChange` or not.
    pub async fn rewrite(&self, planned_on: &Snapshot, rewrite: Rewrite, now_ms: i64) -> Result<Rewritten, LakeError> {
        let mut adds = Vec::new();
        for file in rewrite.add {
            adds.push(self.put_file(file, now_ms).await?);
        }
        let version = planned_on.version + 1;
        let mut lines = vec![commit::info(&self.log, rewrite.operation, now_ms, &rewrite.details)];
        lines.extend(rewrite.txn.map(|txn| Line { txn: Some(txn), ..Line::default() }));
        lines.extend(
            rewrite.remove.into_iter().map(|add| Line { remove: Some(to_remove(add, now_ms)), ..Line::default() }),
        );
        lines.extend(adds.into_iter().map(|add| Line { add: Some(add), ..Line::default() }));
        let mut commit = Commit { version, lines };
        let mut outcome = commit::put(&self.log, &commit).await?;
        while broken::is(Broken::RewriteNotPlannedAgain) && matches!(outcome, Put::Taken(_)) {
            commit.version += 1;
            outcome = commit::put(&self.log, &commit).await?;
        }
        match outcome {
            Put::Landed => {
                self.checkpoint_if_due(version);
                Ok(Rewritten::Committed(version))
            }
            Put::Taken(_) => Ok(Rewritten::Outdated),
        }
    }
}

fn to_remove(add: Add, now_ms: i64) -> Remove {
    Remove {
        path: add.path,
        data_change: true,
        deletion_timestamp: Some(now_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(add.partition_values),
        size: Some(add.size),
        ..Remove::default()
    }
}
