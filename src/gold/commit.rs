//! A commit to gold: its files are put one after the other, it is made directly after the version it was planned on, and it is
//! planned again where somebody else committed first.

use super::control::{Activity, RESUME, RUN, Run};
use super::layout::{self, Rewritten};
use super::rows::RowsByDate;
use super::schema::Stamp;
use super::slice::Resume;
use super::touched::{TOUCHED_HOURS, TouchedHours};
use super::{APP_ID, Gold, schema};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::commit::backoff;
use crate::lake::commit::{CommitOutcome, Rewrite};
use crate::lake::log::{Add, Transaction, Version};
use crate::lake::snapshot::{Replay, Snapshot};
use arrow::array::RecordBatch;
use arrow::compute;
use futures::TryStreamExt;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often a commit is planned at most.
const MAX_PLANS: u32 = 10;

/// What a commit does to the rows of gold.
#[derive(Default)]
pub(super) struct Replacement {
    /// Files that are rewritten without some of their rows.
    pub rewritten: Vec<Rewritten>,
    pub rows: RowsByDate,
    pub touched: TouchedHours,
}

/// A commit that is not made yet. Its files are stored.
pub(super) struct Plan {
    pub remove: Vec<Add>,
    pub add: Vec<Add>,
    pub touched: TouchedHours,
    /// Where the next part of the same version starts, if the version is not merged to its end.
    pub resume: Option<Resume>,
    /// Further members of `commitInfo`.
    pub details: Map<String, Value>,
    /// What the run will have done once this is committed.
    pub run: Run,
}

impl Replacement {
    /// Adds what `other` replaces; rows of the same file are replaced together.
    pub fn extend(&mut self, other: Replacement) {
        for file in other.rewritten {
            match self.rewritten.iter_mut().find(|known| known.add.path == file.add.path) {
                Some(known) => known.replaced.extend(file.replaced),
                None => self.rewritten.push(file),
            }
        }
        for (date, batches) in other.rows {
            self.rows.entry(date).or_default().extend(batches);
        }
        self.touched.extend(other.touched);
    }

    pub fn dates(&self) -> BTreeSet<String> {
        self.rows.keys().cloned().collect()
    }
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
        let version = plan.run.silver_version;
        let (operation, txn) = match plan.run.activity {
            // Gold has read a version once all of it is merged.
            Activity::Sessionize if plan.resume.is_some() => ("MERGE", None),
            Activity::Sessionize => {
                ("MERGE", Some(Transaction::new_with_last_update(APP_ID, version, Some(finished_at_ms))))
            }
            Activity::Rebuild => ("REBUILD", None),
        };
        let mut details = plan.details;
        details.insert(RUN.to_owned(), json!(plan.run));
        details.insert(TOUCHED_HOURS.to_owned(), plan.touched.to_json());
        details.extend(plan.resume.map(|resume| (RESUME.to_owned(), json!(resume))));
        let rewrite = Rewrite { operation, remove: plan.remove, added: plan.add, txn, details, ..Rewrite::default() };
        match self.table.rewrite(base, rewrite, finished_at_ms).await? {
            CommitOutcome::Committed(version) => Ok(Some(version)),
            CommitOutcome::Conflict(_) => Ok(None),
        }
    }

    /// How rows are stamped that are written while the watermark is `watermark`.
    pub(super) fn stamp(&self, watermark: Option<Timestamp>) -> Stamp {
        Stamp { last_updated: self.clock.now(), final_before: self.settings.final_before(watermark) }
    }

    /// Stores the files that `rewritten` become, with `rows` in them. One file is in memory at a time, however many there
    /// are. The files, and those that they replace.
    pub(super) async fn put_files(
        &self,
        rewritten: Vec<Rewritten>,
        mut rows: RowsByDate,
        stamp: Stamp,
    ) -> Result<(Vec<Add>, Vec<Add>), LakeError> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let mut by_date: BTreeMap<String, Vec<Rewritten>> = BTreeMap::new();
        for file in rewritten {
            by_date.entry(layout::partition(&file.add)).or_default().push(file);
        }
        let dates: BTreeSet<String> = by_date.keys().chain(rows.keys()).cloned().collect();
        for date in dates {
            let files = by_date.remove(&date).unwrap_or_default();
            let parts = divided(rows.remove(&date).unwrap_or_default(), &files)?;
            let mut files = files.into_iter();
            for new in parts {
                let file = files.next();
                added.extend(self.put_file(&date, file.as_ref(), new, stamp).await?);
                removed.extend(file.map(|file| file.add));
            }
        }
        Ok((added, removed))
    }

    /// Stores the rows of `file` that are kept, and `new`, rows of the same date.
    async fn put_file(
        &self,
        date: &str,
        file: Option<&Rewritten>,
        new: Vec<RecordBatch>,
        stamp: Stamp,
    ) -> Result<Vec<Add>, LakeError> {
        let mut stored = Vec::new();
        if let Some(file) = file {
            stored = self.table.stream(&file.add, &[]).try_collect().await?;
        }
        let replaced = file.map(|file| file.replaced.clone()).unwrap_or_default();
        let (date, max_file_rows) = (date.to_owned(), self.settings.max_file_rows);
        let encode = move || {
            let mut batches = layout::kept_rows(stored, &replaced, stamp)?;
            batches.extend(new);
            layout::encode(&date, &batches, stamp, max_file_rows)
        };
        let files = self.table.workers.run("encode sessions", encode).await??;
        let mut added = Vec::new();
        for file in files {
            added.push(self.table.put_file(file, stamp.last_updated.millis()).await?);
        }
        Ok(added)
    }
}

/// The rows that each of `files` gets; one part where there is no file.
fn divided(batches: Vec<RecordBatch>, files: &[Rewritten]) -> Result<Vec<Vec<RecordBatch>>, LakeError> {
    if files.len() < 2 {
        return Ok(vec![batches]);
    }
    let rows = compute::concat_batches(&schema::table().file_schema(), &batches).map_err(layout::internal)?;
    Ok(layout::divide(&rows, files)?.into_iter().map(|part| vec![part]).collect())
}
