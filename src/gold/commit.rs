//! A commit to gold: laid out, committed directly after the version it was planned on, and planned again where somebody
//! else committed first.

use super::control::{Activity, RUN, Run};
use super::layout::{self, OpenFile};
use super::schema::Stamp;
use super::session::Session;
use super::{APP_ID, Gold, schema};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::commit::backoff;
use crate::lake::commit::{CommitOutcome, Rewrite};
use crate::lake::file::NewFile;
use crate::lake::log::{Add, Transaction, Version};
use crate::lake::snapshot::{Replay, Snapshot};
use arrow::compute;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often a commit is planned at most.
const MAX_PLANS: u32 = 10;

/// How many gold files are read at once.
const READ_AHEAD: usize = 4;

/// A commit that is not made yet.
pub(super) struct Plan {
    pub remove: Vec<Add>,
    pub add: Vec<NewFile>,
    /// What the run will have done once this is committed.
    pub run: Run,
}

impl Gold {
    /// Calls `attempt` with the newest snapshot of gold, again and again until it returns a result. `None` asks for
    /// another attempt, because somebody else committed since that snapshot.
    pub(super) async fn until_committed<T, F>(&self, attempt: impl Fn(Snapshot) -> F) -> Result<T, Arc<LakeError>>
    where
        F: Future<Output = Result<Option<T>, Arc<LakeError>>>,
    {
        for number in 1..=MAX_PLANS {
            let base = self.table.snapshot(Replay::TxnsAndFiles).await?;
            if let Some(result) = attempt(base).await? {
                return Ok(result);
            }
            backoff(&self.table.log, number).await;
        }
        Err(Arc::new(LakeError::Contended { table: schema::TABLE.into(), attempts: MAX_PLANS }))
    }

    /// Commits `plan` directly after `base`. The version, or `None` where somebody else committed since. Files, `txn`
    /// and run are in the same commit, so either all of them are there or none.
    pub(super) async fn commit(&self, base: &Snapshot, plan: Plan) -> Result<Option<Version>, LakeError> {
        let finished_at_ms = plan.run.finished_at.millis();
        let (operation, txn) = match plan.run.activity {
            Activity::Sessionize => {
                let version = plan.run.silver_version;
                ("MERGE", Some(Transaction::new_with_last_update(APP_ID, version, Some(finished_at_ms))))
            }
            Activity::Rebuild => ("REBUILD", None),
        };
        let details = Map::from_iter([(RUN.to_owned(), json!(plan.run))]);
        let rewrite = Rewrite { operation, remove: plan.remove, add: plan.add, txn, details };
        match self.table.rewrite(base, rewrite, finished_at_ms).await? {
            CommitOutcome::Committed(version) => Ok(Some(version)),
            CommitOutcome::Conflict(_) => Ok(None),
        }
    }

    pub(super) async fn open_files(&self, adds: Vec<Add>) -> Result<Vec<OpenFile>, LakeError> {
        let open = |add: Add| async move {
            let batches = self.table.read(&add, &[]).await?;
            let rows = compute::concat_batches(&schema::table().file_schema(), &batches).map_err(|error| {
                LakeError::Damaged { table: schema::TABLE.into(), object: add.path.clone(), detail: error.to_string() }
            })?;
            Ok(OpenFile { add, rows, replaced: BTreeSet::new() })
        };
        futures::stream::iter(adds).map(open).buffered(READ_AHEAD).try_collect().await
    }

    /// The files that replace `opened` and hold the sessions in `changed` too, with finality as of `watermark`.
    pub(super) async fn encode(
        &self,
        opened: Vec<OpenFile>,
        changed: Vec<Session>,
        watermark: Option<Timestamp>,
    ) -> Result<Vec<NewFile>, LakeError> {
        let stamp = Stamp { last_updated: self.clock.now(), final_before: self.settings.final_before(watermark) };
        let max_file_rows = self.settings.max_file_rows;
        let work = move || layout::lay_out(&opened, &changed, stamp, max_file_rows);
        self.table.workers.run("encode sessions", work).await?
    }
}
