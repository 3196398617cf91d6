//! One run of `sessionize`: reads a slice of silver, merges it, commits, and records the run. Its work and its memory are
//! bounded, and two runs may overlap.

use super::commit::{Plan, Replacement};
use super::control::{Activity, NO_VERSION, RESUME, RUN, Run};
use super::control_table::Recorded;
use super::layout::{self, Rewritten};
use super::merge::{self, Stored};
use super::quality::Quality;
use super::recompute::Keys;
use super::rows;
use super::schema::{self, Stamp};
use super::session_event::KeyHash;
use super::slice::{self, Reach, Resume, Slice, Work};
use super::stored::{FoundRows, WITH_STATE};
use super::{APP_ID, Gold, Windowing, silver_version_read};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::log::{Add, Version};
use crate::lake::snapshot::{Replay, Snapshot};
use crate::mutants::{self, Mutant};
use arrow::array::RecordBatch;
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

/// What gold's log says of the runs so far.
pub(super) struct Progress {
    pub silver_version: Option<Version>,
    pub recorded: Recorded,
    /// Of a version that was merged in part: where the next part starts, and the run that stands for the parts so far.
    pub partial: Option<(Resume, Run)>,
}

/// What a slice changes.
#[derive(Default)]
struct Outcome {
    replacement: Replacement,
    quality: Quality,
    sessions_written: i64,
    sessions_replaced: i64,
    sessions_bridged: i64,
    /// Keys of events of which the slice has only some rows. Nothing of them is merged.
    incomplete: HashSet<KeyHash>,
}

impl Gold {
    /// Merges the next slice of silver into gold.
    pub async fn sessionize(&self) -> Result<Report, Arc<LakeError>> {
        self.table.create_if_missing(self.clock.now().millis()).await?;
        self.until_committed(|base| self.sessionize_on(base)).await
    }

    /// `None` where somebody else committed to gold since `base`.
    async fn sessionize_on(&self, base: Snapshot) -> Result<Option<Report>, Arc<LakeError>> {
        let recorded = self.repair_control(&base).await?;
        let silver_version = silver_version_read(&base);
        let partial = self.partial(&base).await?;
        let progress = Progress { silver_version, recorded, partial };
        let resume = progress.partial.as_ref().map(|(resume, _)| *resume);
        let (plan, behind) = match self.next_work(silver_version, resume).await? {
            None => {
                let watermark = progress.recorded.watermark;
                return Ok(Some(Report { silver_version, behind: 0, watermark, run: None }));
            }
            Some(Work::Merge(slice)) => self.plan(&base, slice, &progress).await?,
            Some(Work::Replace(change, left)) => (self.plan_replacement(&base, change, &progress).await?, left),
        };
        let (run, is_partial) = (plan.run.clone(), plan.resume.is_some());
        if mutants::is(Mutant::ControlBeforeGold) {
            self.control.record(base.table_id(), &run).await?;
        }
        if self.commit(&base, plan).await?.is_none() {
            return Ok(None);
        }
        if !is_partial {
            self.control.record(base.table_id(), &run).await?;
        }
        let silver_version = if is_partial { silver_version } else { Some(run.silver_version) };
        Ok(Some(Report { silver_version, behind, watermark: run.watermark, run: Some(run) }))
    }

    /// Where the last run stopped within the version after the one that gold has read.
    async fn partial(&self, base: &Snapshot) -> Result<Option<(Resume, Run)>, LakeError> {
        for version in (0..=base.version).rev() {
            // Cleaned up: the version is merged from its start.
            let Some(commit) = self.table.log.read(version).await? else { return Ok(None) };
            if commit.txns().any(|txn| txn.app_id == APP_ID) {
                return Ok(None);
            }
            let member = |name: &str| commit.info().and_then(|info| info.get(name)).cloned();
            if let (Some(resume), Some(run)) = (member(RESUME), member(RUN)) {
                return Ok(serde_json::from_value(resume).ok().zip(serde_json::from_value(run).ok()));
            }
        }
        Ok(None)
    }

    /// The commit that merges `slice`, and how many versions of silver it leaves to later runs.
    async fn plan(&self, base: &Snapshot, slice: Slice, progress: &Progress) -> Result<(Plan, usize), LakeError> {
        let started_at = self.clock.now();
        let (slice, reach, found) = self.find_touched(base, slice).await?;
        let mut run = progress.run_to(slice.last_version());
        run.gold_version = base.version + 1;
        let newest = reach.times.last().copied();
        run.newest_event_time = run.newest_event_time.max(newest);
        run.watermark = self.settings.watermark(run.watermark.max(run.watermark_before), newest);
        let stamp = self.stamp(run.watermark);
        let (resume, left) = (slice.resume, slice.versions_left);
        let mut outcome = self.merge_slice(slice, found, run.watermark_before, stamp).await?;
        if !outcome.incomplete.is_empty() {
            let silver = self.silver.snapshot_at(run.silver_version, Replay::TxnsAndFiles).await?;
            let keys = Keys::Of(Arc::new(std::mem::take(&mut outcome.incomplete)));
            let recomputed = self.recompute_keys(base, &silver, keys, stamp).await?;
            run.sessions_written += rows::count(&recomputed.rows);
            outcome.replacement.extend(recomputed);
        }
        outcome.add_to(&mut run);
        let plan = self.complete(base, outcome.replacement, run, started_at, stamp).await?;
        Ok((Plan { resume, details: outcome.quality.details(plan.run.finished_at), ..plan }, left))
    }

    /// Stores the files of `replacement`, and of what is rewritten along with it.
    pub(super) async fn complete(
        &self,
        base: &Snapshot,
        replacement: Replacement,
        mut run: Run,
        started_at: Timestamp,
        stamp: Stamp,
    ) -> Result<Plan, LakeError> {
        let dates = replacement.dates();
        let Replacement { mut rewritten, rows, touched } = replacement;
        let too = layout::to_rewrite_too(&base.files, dates, &rewritten, run.watermark, &self.settings);
        rewritten.extend(too);
        let (add, remove) = self.put_files(rewritten, rows, stamp).await?;
        run.files_removed += remove.len() as i64;
        run.files_added += add.len() as i64;
        run.finish(started_at, self.clock.now());
        Ok(Plan { remove, add, touched, resume: None, details: serde_json::Map::new(), run })
    }

    /// The stored sessions that `slice` can touch. A slice that can touch too much is made shorter.
    async fn find_touched(
        &self,
        base: &Snapshot,
        mut slice: Slice,
    ) -> Result<(Slice, Arc<Reach>, Vec<FoundRows>), LakeError> {
        let timeout = self.settings.windowing.timeout;
        loop {
            let index = move || (slice.reach(), slice);
            let (reach, read) = self.table.workers.run("index a slice", index).await?;
            slice = read;
            let reach = Arc::new(reach?);
            let candidates = layout::candidate_files(base.files.values(), &reach.times, timeout);
            let size: i64 = candidates.iter().map(|add| add.size).sum();
            if size <= self.settings.max_rewrite_bytes || !slice.can_be_halved() {
                let candidates: Vec<Add> = candidates.into_iter().cloned().collect();
                let wanted = reach.clone();
                let wanted = Arc::new(move |key, start, end| wanted.touches(key, start, end, timeout));
                let found = self.find_rows(candidates, WITH_STATE, wanted).await?;
                let bytes: usize = found.iter().map(FoundRows::bytes).sum();
                if bytes <= self.settings.max_slice_bytes || !slice.can_be_halved() {
                    return Ok((slice, reach, found));
                }
            }
            slice.halve();
        }
    }

    /// Merges the events of `slice` into the sessions `found`.
    async fn merge_slice(
        &self,
        slice: Slice,
        found: Vec<FoundRows>,
        watermark: Option<Timestamp>,
        stamp: Stamp,
    ) -> Result<Outcome, LakeError> {
        let windowing = self.settings.windowing;
        let work = move || merge_rows(slice.into_batches(), &found, &windowing, watermark, stamp);
        self.table.workers.run("merge sessions", work).await?
    }
}

impl Progress {
    /// The run that reads up to `version`, continued where parts of it are merged already.
    pub fn run_to(&self, version: Option<Version>) -> Run {
        let before = self.silver_version.unwrap_or(NO_VERSION);
        let version = version.unwrap_or(before);
        if let Some((_, run)) = self.partial.as_ref().filter(|(resume, _)| resume.version == before + 1) {
            return Run { silver_version: version, ..run.clone() };
        }
        Run {
            silver_version_before: before,
            silver_version: version,
            watermark_before: self.recorded.watermark,
            ..Run::nothing(Activity::Sessionize)
        }
    }
}

impl Outcome {
    fn add_to(&self, run: &mut Run) {
        self.quality.add_to(run);
        run.sessions_written += self.sessions_written;
        run.sessions_replaced += self.sessions_replaced;
        run.sessions_bridged += self.sessions_bridged;
    }
}

/// Merges the events in `batches` into the sessions `found`, and lays out the result as rows. CPU-bound.
fn merge_rows(
    batches: Vec<RecordBatch>,
    found: &[FoundRows],
    windowing: &Windowing,
    watermark: Option<Timestamp>,
    stamp: Stamp,
) -> Result<Outcome, LakeError> {
    let slice::SliceEvents { mut events, incomplete } = slice::events(&batches).map_err(LakeError::from)?;
    let mut outcome = Outcome { incomplete, ..Outcome::default() };
    outcome.quality = Quality::of(&events, watermark, stamp.last_updated);
    if !outcome.incomplete.is_empty() {
        events.retain(|event| !outcome.incomplete.contains(&event.key.hash()));
    }
    let (mut stored, mut origins): (Vec<Stored>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    for (file, rows) in found.iter().enumerate() {
        let sessions = rows.stored()?;
        origins.extend((0..sessions.len()).map(|index| (file, rows.number(index))));
        stored.extend(sessions);
    }
    let merged = merge::merge(&stored, events, windowing).map_err(|unreadable| {
        LakeError::damaged(schema::TABLE, &found[origins[unreadable.stored].0].add, &unreadable.source)
    })?;
    let mut rewritten: Vec<Rewritten> =
        found.iter().map(|rows| Rewritten { add: rows.add.clone(), replaced: Default::default() }).collect();
    for &replaced in &merged.replaced {
        let (file, row) = origins[replaced];
        rewritten[file].replaced.insert(row);
        outcome.replacement.touched.add(stored[replaced].start);
    }
    rewritten.retain(|file| !file.replaced.is_empty());
    merged.changed.iter().for_each(|(_, session)| outcome.replacement.touched.add(session.window().0));
    outcome.quality.count_copies(merged.copies, merged.cross_region_duplicates);
    outcome.sessions_written = merged.changed.len() as i64;
    outcome.sessions_replaced = merged.replaced.len() as i64;
    outcome.sessions_bridged = merged.bridged as i64;
    outcome.replacement.rewritten = rewritten;
    rows::add_rows(merged.changed, stamp, &mut outcome.replacement.rows)?;
    Ok(outcome)
}
