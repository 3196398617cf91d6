//! One activation of `sessionize`: read, merge, commit, record. Bounded, and safe to run beside itself. What a kill left
//! out is made up for first ([`super::repair`]).

use super::control::{Activity, RUN, Run};
use super::layout::{self, OpenFile};
use super::merge::{self, Merged};
use super::micro_batch::MicroBatch;
use super::rows;
use super::schema::Stamp;
use super::session::Session;
use super::{APP_ID, Gold, schema};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::arrow::compute;
use crate::lake::commit::{CommitOutcome, Rewrite, backoff};
use crate::lake::file::NewFile;
use crate::lake::log::{Add, Transaction, Version};
use crate::lake::snapshot::{Replay, Snapshot};
use crate::mutants::{self, Mutant};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, json};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Times that an activation plans again because somebody else committed to gold.
const PLANS: u32 = 10;

/// Gold files that are read at once.
const READ_AHEAD: usize = 4;

/// What an activation did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// Silver version that gold has reached.
    pub silver_version: Version,
    /// Silver versions known to be waiting.
    pub behind: usize,
    pub watermark: Option<Timestamp>,
    /// `None` when silver had nothing new.
    pub run: Option<Run>,
}

/// What is to be committed, and what it will have been.
struct Plan {
    rewrite: Rewrite,
    run: Run,
    behind: usize,
}

impl Gold {
    /// Brings gold a slice further.
    pub async fn sessionize(&self) -> Result<Report, Arc<LakeError>> {
        self.table.create_if_missing(self.clock.now().millis()).await?;
        for attempt in 1..=PLANS {
            let base = self.table.snapshot(Replay::TxnsAndFiles).await?;
            let recorded = self.repair_control(&base).await?;
            let reached = base.silver_version_read();
            if !self.silver.exists().await? {
                return Ok(idle(reached, recorded.watermark));
            }
            let Some(slice) = self.read_micro_batch(reached).await? else {
                return Ok(idle(reached, recorded.watermark));
            };
            let plan = self.plan(&base, slice, recorded.watermark).await?;
            if mutants::is(Mutant::ControlBeforeGold) {
                self.control.record(base.table_id(), &plan.run).await?;
            }
            let now_ms = self.clock.now().millis();
            if let CommitOutcome::Committed(_) = self.table.rewrite(&base, plan.rewrite, now_ms).await? {
                self.control.record(base.table_id(), &plan.run).await?;
                return Ok(Report {
                    silver_version: plan.run.silver_version,
                    behind: plan.behind,
                    watermark: plan.run.watermark,
                    run: Some(plan.run),
                });
            }
            backoff(&self.table.log, attempt).await;
        }
        let table = schema::TABLE.into();
        Err(Arc::new(LakeError::Contended { table, attempts: PLANS }))
    }

    async fn plan(
        &self,
        base: &Snapshot,
        mut slice: MicroBatch,
        watermark_before: Option<Timestamp>,
    ) -> Result<Plan, LakeError> {
        let started_at = self.clock.now();
        let timeout_micros = self.settings.windowing.timeout_micros;
        let candidates = loop {
            let times = slice.event_times();
            let candidates = layout::candidate_files(base.files.values(), &times, timeout_micros);
            let bytes: i64 = candidates.iter().map(|add| add.size).sum();
            if bytes <= self.settings.rewrite_bytes || slice.versions.len() <= 1 {
                break candidates;
            }
            slice.halve();
        };
        let watermark = match slice.newest_event_time() {
            Some(newest) => Some(self.settings.watermark(watermark_before, newest)),
            None => watermark_before,
        };
        let late = |at: Timestamp| watermark_before.is_some_and(|watermark| at < watermark);
        let mut run = Run {
            silver_version_before: base.silver_version_read(),
            silver_version: slice.last_version().unwrap_or(base.silver_version_read()),
            gold_version: base.version + 1,
            watermark_before,
            watermark,
            events: slice.facts().count() as i64,
            late_events: slice.facts().filter(|fact| late(fact.at())).count() as i64,
            ..Run::nothing(Activity::Sessionize)
        };
        let behind = slice.left;
        let (merged, opened) = self.merge_micro_batch(slice, &candidates).await?;
        let (remove, add) = self.lay_out(base, merged, opened, watermark, &mut run).await?;
        run.finished_at = self.clock.now();
        run.duration_ms = run.finished_at.millis() - started_at.millis();
        let rewrite = Rewrite {
            operation: "MERGE",
            remove,
            add,
            txn: Some(Transaction::new_with_last_update(APP_ID, run.silver_version, Some(run.finished_at.millis()))),
            details: Map::from_iter([(RUN.to_owned(), json!(run))]),
        };
        Ok(Plan { rewrite, run, behind })
    }

    /// Merges the facts of `slice` into the sessions of the candidate files. The files come back with the rows marked
    /// that are replaced.
    async fn merge_micro_batch(
        &self,
        slice: MicroBatch,
        candidates: &[&Add],
    ) -> Result<(Merged, Vec<OpenFile>), LakeError> {
        let mut opened = self.open_files(candidates.iter().copied().cloned().collect()).await?;
        let facts: Vec<_> = slice.versions.into_iter().flat_map(|(_, facts)| facts).collect();
        let windowing = self.settings.windowing;
        let work = move || {
            let visits: HashSet<_> = facts.iter().map(|fact| fact.visit.clone()).collect();
            let mut origins = Vec::new();
            let mut stored: Vec<Session> = Vec::new();
            for (index, file) in opened.iter().enumerate() {
                for (row, session) in rows::from_rows(&file.rows, |visit| visits.contains(visit))? {
                    origins.push((index, row));
                    stored.push(session);
                }
            }
            let merged = merge::merge(stored, facts, &windowing);
            for &replaced in &merged.replaced {
                let (file, row) = origins[replaced];
                opened[file].replaced.insert(row);
            }
            Ok((merged, opened))
        };
        self.table.workers.run("merge sessions", work).await?
    }

    /// Decides which files go, and encodes those that come instead.
    async fn lay_out(
        &self,
        base: &Snapshot,
        merged: Merged,
        opened: Vec<OpenFile>,
        watermark: Option<Timestamp>,
        run: &mut Run,
    ) -> Result<(Vec<Add>, Vec<NewFile>), LakeError> {
        let mut rewritten: Vec<OpenFile> = opened.into_iter().filter(|file| !file.replaced.is_empty()).collect();
        let more = layout::to_rewrite_too(&base.files, &merged.changed, &rewritten, watermark, &self.settings);
        rewritten.extend(self.open_files(more).await?);
        run.duplicates = merged.duplicates as i64;
        run.sessions_written = merged.changed.len() as i64;
        run.sessions_replaced = merged.replaced.len() as i64;
        run.sessions_bridged = merged.bridged as i64;
        let stamp = Stamp {
            last_updated: self.clock.now(),
            final_before: watermark.map_or(Timestamp(i64::MIN), |watermark| self.settings.final_before(watermark)),
        };
        let remove: Vec<Add> = rewritten.iter().map(|file| file.add.clone()).collect();
        let file_rows = self.settings.file_rows;
        let work = move || layout::lay_out(&rewritten, &merged.changed, stamp, file_rows);
        let add = self.table.workers.run("encode sessions", work).await??;
        run.files_removed = remove.len() as i64;
        run.files_added = add.len() as i64;
        Ok((remove, add))
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
}

fn idle(silver_version: Version, watermark: Option<Timestamp>) -> Report {
    Report { silver_version, behind: 0, watermark, run: None }
}
