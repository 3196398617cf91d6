//! Remove and add in one commit, or nothing.

use super::commit::{self, Put};
use super::error::LakeError;
use super::file::NewFile;
use super::log::{Action, Commit, Version};
use super::snapshot::Snapshot;
use super::table::Table;
use crate::mutants::{self, Mutant};
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
    Conflict,
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
        let mut actions = vec![commit::info(&self.log, rewrite.operation, now_ms, &rewrite.details)];
        actions.extend(rewrite.txn.map(|txn| Action { txn: Some(txn), ..Action::default() }));
        actions.extend(
            rewrite.remove.into_iter().map(|add| Action { remove: Some(to_remove(add, now_ms)), ..Action::default() }),
        );
        actions.extend(adds.into_iter().map(|add| Action { add: Some(add), ..Action::default() }));
        let mut commit = Commit { version, actions };
        let mut outcome = commit::put(&self.log, &commit).await?;
        while mutants::is(Mutant::RewriteNotPlannedAgain) && matches!(outcome, Put::Conflict(_)) {
            commit.version += 1;
            outcome = commit::put(&self.log, &commit).await?;
        }
        match outcome {
            Put::Committed => {
                self.checkpoint_if_due(version);
                Ok(Rewritten::Committed(version))
            }
            Put::Conflict(_) => Ok(Rewritten::Conflict),
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
