//! One run of `sessionize`: reads a micro-batch, merges it, commits, and records the run. Its work is bounded, and
//! two runs may overlap.

use super::commit::Plan;
use super::control::{Activity, NO_VERSION, Run};
use super::layout::{self, OpenFile};
use super::merge::{self, Merged};
use super::micro_batch::MicroBatch;
use super::rows;
use super::session::Session;
use super::{Gold, schema, silver_version_read};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::log::{Add, Version};
use crate::lake::snapshot::Snapshot;
use crate::mutants::{self, Mutant};
use std::collections::HashSet;
use std::sync::Arc;

/// What a run did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// The silver version that gold has read.
    pub silver_version: Option<Version>,
    /// How many newer versions silver has.
    pub behind: usize,
    pub watermark: Option<Timestamp>,
    /// `None` when silver had nothing new.
    pub run: Option<Run>,
}

impl Gold {
    /// Merges the next micro-batch of silver into gold.
    pub async fn sessionize(&self) -> Result<Report, Arc<LakeError>> {
        self.table.create_if_missing(self.clock.now().millis()).await?;
        self.until_committed(|base| self.sessionize_on(base)).await
    }

    /// `None` where somebody else committed to gold since `base`.
    async fn sessionize_on(&self, base: Snapshot) -> Result<Option<Report>, Arc<LakeError>> {
        let recorded = self.repair_control(&base).await?;
        let silver_version = silver_version_read(&base);
        let Some(micro_batch) = self.next_micro_batch(silver_version).await? else {
            return Ok(Some(Report { silver_version, behind: 0, watermark: recorded.watermark, run: None }));
        };
        let (plan, behind) = self.plan(&base, micro_batch, recorded.watermark).await?;
        let run = plan.run.clone();
        if mutants::is(Mutant::ControlBeforeGold) {
            self.control.record(base.table_id(), &run).await?;
        }
        if self.commit(&base, plan).await?.is_none() {
            return Ok(None);
        }
        self.control.record(base.table_id(), &run).await?;
        Ok(Some(Report { silver_version: Some(run.silver_version), behind, watermark: run.watermark, run: Some(run) }))
    }

    /// The commit that merges `micro_batch`, and how many versions of silver it leaves to later runs.
    async fn plan(
        &self,
        base: &Snapshot,
        mut micro_batch: MicroBatch,
        watermark_before: Option<Timestamp>,
    ) -> Result<(Plan, usize), LakeError> {
        let started_at = self.clock.now();
        let candidates = self.candidates(base, &mut micro_batch);
        let versions_left = micro_batch.versions_left;
        let watermark = self.settings.watermark(watermark_before, micro_batch.newest_event_time());
        let is_late = |at: Timestamp| watermark_before.is_some_and(|watermark| at < watermark);
        let silver_version_before = silver_version_read(base).unwrap_or(NO_VERSION);
        let mut run = Run {
            silver_version_before,
            silver_version: micro_batch.last_version().unwrap_or(silver_version_before),
            gold_version: base.version + 1,
            watermark_before,
            watermark,
            events: micro_batch.events().count() as i64,
            late_events: micro_batch.events().filter(|event| is_late(event.at())).count() as i64,
            ..Run::nothing(Activity::Sessionize)
        };
        let (merged, opened) = self.merge_micro_batch(micro_batch, candidates).await?;
        run.duplicates = merged.duplicates as i64;
        run.sessions_written = merged.changed.len() as i64;
        run.sessions_replaced = merged.replaced.len() as i64;
        run.sessions_bridged = merged.bridged as i64;
        let mut rewritten: Vec<OpenFile> = opened.into_iter().filter(|file| !file.replaced.is_empty()).collect();
        let more = layout::to_rewrite_too(&base.files, &merged.changed, &rewritten, watermark, &self.settings);
        rewritten.extend(self.open_files(more).await?);
        let remove: Vec<Add> = rewritten.iter().map(|file| file.add.clone()).collect();
        let add = self.encode(rewritten, merged.changed, watermark).await?;
        run.files_removed = remove.len() as i64;
        run.files_added = add.len() as i64;
        run.finish(started_at, self.clock.now());
        Ok((Plan { remove, add, run }, versions_left))
    }

    /// The gold files that `micro_batch` can touch. A micro-batch that can touch too many bytes is made shorter.
    fn candidates(&self, base: &Snapshot, micro_batch: &mut MicroBatch) -> Vec<Add> {
        loop {
            let times = micro_batch.event_times();
            let candidates = layout::candidate_files(base.files.values(), &times, self.settings.windowing.timeout);
            let bytes: i64 = candidates.iter().map(|add| add.size).sum();
            if bytes <= self.settings.max_rewrite_bytes || micro_batch.versions.len() <= 1 {
                return candidates.into_iter().cloned().collect();
            }
            micro_batch.halve();
        }
    }

    /// Merges the events of `micro_batch` into the sessions of the candidate files. Returns these files too, with the
    /// replaced rows marked.
    async fn merge_micro_batch(
        &self,
        micro_batch: MicroBatch,
        candidates: Vec<Add>,
    ) -> Result<(Merged, Vec<OpenFile>), LakeError> {
        let mut opened = self.open_files(candidates).await?;
        let events: Vec<_> = micro_batch.versions.into_iter().flat_map(|(_, events)| events).collect();
        let windowing = self.settings.windowing;
        let work = move || {
            let keys: HashSet<_> = events.iter().map(|event| event.key.clone()).collect();
            let mut origins = Vec::new();
            let mut stored: Vec<Session> = Vec::new();
            for (index, file) in opened.iter().enumerate() {
                let sessions = rows::from_rows(&file.rows, |key| keys.contains(key))
                    .map_err(|error| LakeError::damaged(schema::TABLE, &file.add, &error.detail))?;
                for (row, session) in sessions {
                    origins.push((index, row));
                    stored.push(session);
                }
            }
            let merged = merge::merge(stored, events, &windowing);
            for &replaced in &merged.replaced {
                let (file, row) = origins[replaced];
                opened[file].replaced.insert(row);
            }
            Ok((merged, opened))
        };
        self.table.workers.run("merge sessions", work).await?
    }
}
