//! The one PUT that makes a commit, and the commit that replaces files by others.
//!
//! A PUT may land although its answer is lost (a timeout, a cut connection, a retry inside the client). So every
//! commit carries an id of its own, and whenever the store does not answer "created", the version is read back: our id
//! in it means that the commit is ours. A writer moves on to the next version only after it has read somebody's commit
//! in this one, so a late PUT of ours always finds its version occupied.

use super::action::{Action, Add, COMMIT_ID, Commit, Remove, Transaction, Version};
use super::error::LakeError;
use super::file::NewFile;
use super::log::Log;
use crate::mutants::{self, Mutant};
use object_store::{ObjectStore, PutMode, PutOptions, PutPayload};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often a PUT without a clear answer is tried.
const PUT_ATTEMPTS: u32 = 4;

/// How an attempt to add a commit to the log ended.
#[derive(Debug, Clone)]
pub enum CommitOutcome {
    /// The commit is in the log, by this or an earlier attempt of ours.
    Committed(Version),
    /// The version belongs to another writer's commit: this one.
    Conflict(Commit),
}

/// The action that says what a commit is: to people, and by its id to [`put`]. `details` is included as it is.
pub(super) fn info(log: &Log, operation: &str, now_ms: i64, details: &Map<String, Value>) -> Action {
    let mut info = details.clone();
    info.insert("operation".into(), json!(operation));
    info.insert("timestamp".into(), json!(now_ms));
    info.insert("engineInfo".into(), json!(concat!("clickstream/", env!("CARGO_PKG_VERSION"))));
    info.insert(COMMIT_ID.into(), json!(log.random.uuid().simple().to_string()));
    Action { commit_info: Some(info), ..Action::default() }
}

/// Puts `commit` where no commit is yet. After an error it is not known whether the commit is in the log.
pub(super) async fn put(log: &Log, commit: &Commit) -> Result<CommitOutcome, LakeError> {
    let path = Log::path(commit.version);
    let text = commit.to_text().map_err(|error| LakeError::Internal {
        attempt: "write the commit",
        table: log.table.into(),
        detail: error.to_string(),
    })?;
    let payload = PutPayload::from(text);
    let mut attempt = 1;
    loop {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let failure = match log.store.put_opts(&path, payload.clone(), options).await {
            Ok(_) => return Ok(CommitOutcome::Committed(commit.version)),
            Err(error) => error,
        };
        match log.read(commit.version).await? {
            Some(winner) if winner.is_same_as(commit) && !mutants::is(Mutant::OwnCommitNotRecognised) => {
                return Ok(CommitOutcome::Committed(commit.version));
            }
            Some(winner) => return Ok(CommitOutcome::Conflict(winner)),
            None if attempt < PUT_ATTEMPTS => backoff(log, attempt).await,
            None => return Err(LakeError::store("write", log.table, &path, failure)),
        }
        attempt += 1;
    }
}

/// Waits a random part of a time that doubles with each attempt, so that writers who met once do not meet again.
pub async fn backoff(log: &Log, attempt: u32) {
    let max_ms = 5u64 << attempt.min(8);
    tokio::time::sleep(Duration::from_millis(log.random.up_to(max_ms))).await;
}

/// Files to remove and rows to add in one commit.
#[derive(Debug, Default)]
pub struct Rewrite {
    pub operation: &'static str,
    pub remove: Vec<Add>,
    /// Files that were stored before, by [`Table::put_file`](super::table::Table::put_file).
    pub add: Vec<NewFile>,
    pub added: Vec<Add>,
    /// The version that the application has reached with this commit.
    pub txn: Option<Transaction>,
    /// Members of `commitInfo`.
    pub details: Map<String, Value>,
}

impl Rewrite {
    /// The commit of `version`; `added` are all files that it adds, as they were stored.
    pub(super) fn into_commit(self, log: &Log, version: Version, added: Vec<Add>, now_ms: i64) -> Commit {
        let mut actions = vec![info(log, self.operation, now_ms, &self.details)];
        actions.extend(self.txn.map(Action::from));
        actions.extend(self.remove.into_iter().map(|add| Action::from(to_remove(add, now_ms))));
        actions.extend(added.into_iter().map(Action::from));
        Commit { version, actions }
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
