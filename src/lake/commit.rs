//! The one PUT that makes a commit.
//!
//! A PUT may land although its answer is lost (a timeout, a connection cut, a retry inside the client). So every
//! commit carries an id of its own, and whenever the store does not say "created", the version is read back: our id
//! in it means that it was us. A version is never left for the next one before somebody's commit has been read in it:
//! a late PUT of ours can only find the place taken.

use super::error::LakeError;
use super::log::{Action, COMMIT_ID, Commit, Log};
use crate::mutants::{self, Mutant};
use object_store::{ObjectStore, PutMode, PutOptions, PutPayload};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often a PUT without a clear answer is tried again.
const PUT_ATTEMPTS: u32 = 4;

/// How a put-if-absent ended.
#[derive(Debug, Clone)]
pub enum Put {
    /// The commit is in the log, by this or an earlier attempt of ours.
    Committed,
    /// Somebody else's commit has the version: this one.
    Conflict(Commit),
}

/// The action that says what a commit is, for people and for [`put`]. `details` goes in as it is.
pub fn info(log: &Log, operation: &str, now_ms: i64, details: &Map<String, Value>) -> Action {
    let mut info = details.clone();
    info.insert("operation".into(), json!(operation));
    info.insert("timestamp".into(), json!(now_ms));
    info.insert("engineInfo".into(), json!(concat!("clickstream/", env!("CARGO_PKG_VERSION"))));
    info.insert(COMMIT_ID.into(), json!(log.random.uuid().simple().to_string()));
    Action { commit_info: Some(info), ..Action::default() }
}

/// Puts `commit` where no commit is yet. An error means that it is not known whether it landed.
pub async fn put(log: &Log, commit: &Commit) -> Result<Put, LakeError> {
    let path = Log::path(commit.version);
    let text = commit.to_text().map_err(|error| LakeError::Internal {
        attempt: "write the commit",
        table: log.table.into(),
        detail: error.to_string(),
    })?;
    let payload = PutPayload::from(text);
    let id = commit.info().and_then(|info| info.get(COMMIT_ID)).and_then(Value::as_str).unwrap_or_default();
    let mut attempt = 1;
    loop {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let failure = match log.store.put_opts(&path, payload.clone(), options).await {
            Ok(_) => return Ok(Put::Committed),
            Err(error) => error,
        };
        match log.read(commit.version).await? {
            Some(winner) if winner.has_id(id) && !mutants::is(Mutant::OwnCommitNotRecognised) => {
                return Ok(Put::Committed);
            }
            Some(winner) => return Ok(Put::Conflict(winner)),
            None if attempt < PUT_ATTEMPTS => backoff(log, attempt).await,
            None => {
                let object = format!("{}/{path}", log.table);
                return Err(LakeError::Store { attempt: "write", object, source: failure });
            }
        }
        attempt += 1;
    }
}

/// Waits a random part of a time that doubles with each attempt, so that writers who met once do not meet again.
pub async fn backoff(log: &Log, attempt: u32) {
    let most_ms = 5u64 << attempt.min(8);
    tokio::time::sleep(Duration::from_millis(log.random.up_to(most_ms))).await;
}
