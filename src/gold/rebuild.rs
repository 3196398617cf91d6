//! `rebuild`: replaces the dates that differ from what silver says. Nothing differs unless something is broken.

use super::commit::Plan;
use super::compare::Comparison;
use super::control::{Activity, NO_VERSION, Run};
use super::layout::partition;
use super::recompute::{Dates, Keys};
use super::rows::{self, RowsByDate};
use super::schema::Stamp;
use super::touched::TouchedHours;
use super::{Gold, silver_version_read};
use crate::lake::LakeError;
use crate::lake::log::{Add, Version};
use crate::lake::snapshot::{Replay, Snapshot};
use chrono::NaiveDate;
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which session dates to recompute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    Dates(Dates),
    /// Those that commits to gold touched since the last rebuild.
    TouchedSinceLast,
}

/// What a rebuild found and did.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    /// The version of silver that gold was compared with; `None` where there is no silver yet.
    pub silver_version: Option<Version>,
    /// The version of gold that says the same.
    pub gold_version: Option<Version>,
    pub dates_checked: usize,
    /// Dates whose stored sessions differed from what silver says. They no longer do.
    pub replaced: BTreeMap<NaiveDate, Comparison>,
}

impl Gold {
    /// Recomputes the session dates in `scope` and replaces those that differ.
    pub async fn rebuild(&self, scope: Scope) -> Result<Report, Arc<LakeError>> {
        self.table.create_if_missing(self.clock.now().millis()).await?;
        if !self.silver.exists().await? {
            return Ok(Report::default());
        }
        let gold = self.table.snapshot(Replay::TxnsAndFiles).await?;
        let silver = self.silver_as_read(&gold).await?;
        let mut dates_checked = 0;
        let mut replaced = BTreeMap::new();
        for dates in self.dates_in(scope, &gold).await? {
            let compared = self.compare(&gold, &silver, dates).await?;
            dates_checked += compared.len();
            replaced.extend(compared.into_iter().filter(|(_, comparison)| comparison.differs()));
        }
        let mut gold_version = gold.version;
        for &date in replaced.keys() {
            gold_version = self.until_committed(|base| self.replace_date(base, date)).await?;
        }
        let run = Run {
            finished_at: self.clock.now(),
            silver_version_before: silver.version,
            silver_version: silver.version,
            gold_version,
            sessions_written: replaced.values().map(|comparison| comparison.recomputed.sessions).sum(),
            sessions_replaced: replaced.values().map(|comparison| comparison.stored.sessions).sum(),
            ..Run::nothing(Activity::Rebuild)
        };
        self.control.record(gold.table_id(), &run).await?;
        Ok(Report { silver_version: Some(silver.version), gold_version: Some(gold_version), dates_checked, replaced })
    }

    /// Silver at the version that gold has read, because gold does not have later events yet. All of silver where gold
    /// has not read any.
    async fn silver_as_read(&self, gold: &Snapshot) -> Result<Snapshot, LakeError> {
        match silver_version_read(gold) {
            Some(version) => self.silver.snapshot_at(version, Replay::TxnsAndFiles).await,
            None => self.silver.snapshot(Replay::TxnsAndFiles).await,
        }
    }

    async fn dates_in(&self, scope: Scope, gold: &Snapshot) -> Result<Vec<Dates>, LakeError> {
        let last = match scope {
            Scope::All => return Ok(vec![Dates::ALL]),
            Scope::Dates(dates) => return Ok(vec![dates]),
            Scope::TouchedSinceLast => self.control.recorded(gold.table_id()).await?.rebuilt_at,
        };
        // Never rebuilt, or so long ago that the log does not go back to it: check everything.
        let Some(last) = last else { return Ok(vec![Dates::ALL]) };
        let changes = match self.table.changes_after(last, usize::MAX).await {
            Err(LakeError::LogGone { .. }) => return Ok(vec![Dates::ALL]),
            changes => changes?.read,
        };
        let touched: BTreeSet<NaiveDate> =
            changes.iter().flat_map(|change| &change.added).filter_map(|add| partition(add).parse().ok()).collect();
        Ok(touched.into_iter().map(Dates::only).collect())
    }

    /// Recomputes `date` and replaces what is stored. Starts from `gold`, the newest version, because gold may have
    /// read more of silver since the comparison. `None` where somebody else committed to gold since that version.
    async fn replace_date(&self, gold: Snapshot, date: NaiveDate) -> Result<Option<Version>, Arc<LakeError>> {
        let started_at = self.clock.now();
        let silver = self.silver_as_read(&gold).await?;
        let watermark = self.repair_control(&gold).await?.watermark;
        let remove: Vec<Add> = gold.files.values().filter(|add| partition(add) == date.to_string()).cloned().collect();
        let (add, sessions_written) = self.put_date(&silver, date, self.stamp(watermark)).await?;
        let mut run = Run {
            silver_version_before: silver_version_read(&gold).unwrap_or(NO_VERSION),
            silver_version: silver.version,
            gold_version: gold.version + 1,
            sessions_written,
            files_added: add.len() as i64,
            files_removed: remove.len() as i64,
            ..Run::nothing(Activity::Rebuild)
        };
        run.finish(started_at, self.clock.now());
        let touched = TouchedHours::all_of(date);
        Ok(self.commit(&gold, Plan { remove, add, touched, resume: None, details: Map::new(), run }).await?)
    }

    /// Stores the sessions of `date` as they are recomputed, a file at a time. The files, and the number of sessions.
    async fn put_date(&self, silver: &Snapshot, date: NaiveDate, stamp: Stamp) -> Result<(Vec<Add>, i64), LakeError> {
        let mut sweep = self.sweep(silver, Dates::only(date), Keys::All, stamp).await?;
        let (mut added, mut sessions) = (Vec::new(), 0);
        let mut waiting = RowsByDate::new();
        loop {
            let next = sweep.next().await?;
            let is_end = next.is_none();
            for (date, batches) in next.into_iter().flatten() {
                waiting.entry(date).or_default().extend(batches);
            }
            let rows = rows::count(&waiting);
            if is_end || rows >= self.settings.max_file_rows as i64 {
                sessions += rows;
                added.extend(self.put_files(Vec::new(), std::mem::take(&mut waiting), stamp).await?.0);
            }
            if is_end {
                return Ok((added, sessions));
            }
        }
    }
}
