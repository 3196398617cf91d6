//! `rebuild`: replaces what differs from what silver says. Nothing differs unless something is broken.

use super::control::{Activity, RUN, Run};
use super::layout::{self, partition};
use super::recompute::{Comparison, Dates};
use super::schema::Stamp;
use super::{Gold, schema};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::commit::{CommitOutcome, Rewrite, backoff};
use crate::lake::log::Add;
use crate::lake::log::Version;
use crate::lake::snapshot::{Replay, Snapshot};
use chrono::NaiveDate;
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Times that one date is planned again because somebody else committed to gold.
const PLANS: u32 = 10;

/// What to recompute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    Dates(Dates),
    /// The session dates that commits to gold touched since the last rebuild.
    TouchedSinceLast,
}

/// What a rebuild found and did.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    pub silver_version: Version,
    pub gold_version: Version,
    pub dates_checked: usize,
    /// Dates whose stored sessions were not what silver says; they are now.
    pub replaced: BTreeMap<NaiveDate, Comparison>,
}

impl Gold {
    /// Recomputes the session dates in `scope` and replaces those that differ.
    pub async fn rebuild(&self, scope: Scope) -> Result<Report, Arc<LakeError>> {
        self.table.create_if_missing(self.clock.now().millis()).await?;
        let mut report = Report { silver_version: -1, gold_version: -1, ..Report::default() };
        if !self.silver.exists().await? {
            return Ok(report);
        }
        let gold = self.table.snapshot(Replay::TxnsAndFiles).await?;
        let silver = self.silver_behind(&gold).await?;
        for dates in self.dates_in(scope, &gold).await? {
            let compared = self.compare(&gold, &silver, dates).await?;
            report.dates_checked += compared.len();
            report.replaced.extend(compared.into_iter().filter(|(_, comparison)| comparison.differs()));
        }
        let mut gold_version = gold.version;
        for &date in report.replaced.keys() {
            gold_version = self.replace_date(date).await?;
        }
        report.silver_version = silver.version;
        report.gold_version = gold_version;
        self.record_rebuild(gold.table_id(), &report).await?;
        Ok(report)
    }

    /// Silver as of the version that gold has reached: later events are not gold's yet. A gold that has reached nothing
    /// takes all of it.
    async fn silver_behind(&self, gold: &Snapshot) -> Result<Snapshot, LakeError> {
        match gold.silver_version_read() {
            ..0 => self.silver.snapshot(Replay::TxnsAndFiles).await,
            reached => self.silver.snapshot_at(reached, Replay::TxnsAndFiles).await,
        }
    }

    async fn dates_in(&self, scope: Scope, gold: &Snapshot) -> Result<Vec<Dates>, LakeError> {
        let last = match scope {
            Scope::All => return Ok(vec![Dates::ALL]),
            Scope::Dates(dates) => return Ok(vec![dates]),
            Scope::TouchedSinceLast => self.control.recorded(gold.table_id()).await?.rebuilt_at,
        };
        // Never rebuilt, or so long ago that the log does not reach back: look at everything.
        let Some(last) = last else { return Ok(vec![Dates::ALL]) };
        let changes = match self.table.changes_after(last, usize::MAX).await {
            Err(LakeError::LogGone { .. }) => return Ok(vec![Dates::ALL]),
            changes => changes?,
        };
        let touched: BTreeSet<NaiveDate> =
            changes.iter().flat_map(|change| &change.added).filter_map(|add| partition(add).parse().ok()).collect();
        Ok(touched.into_iter().map(|date| Dates { from: date, to: date }).collect())
    }

    /// Recomputes `date` from silver as it is behind gold right now, and puts the result in place of what is stored.
    async fn replace_date(&self, date: NaiveDate) -> Result<Version, Arc<LakeError>> {
        for attempt in 1..=PLANS {
            let started_at = self.clock.now();
            let gold = self.table.snapshot(Replay::TxnsAndFiles).await?;
            let silver = self.silver_behind(&gold).await?;
            let sessions = self.sessions_on(&silver, date).await?;
            let remove: Vec<Add> =
                gold.files.values().filter(|add| partition(add) == date.to_string()).cloned().collect();
            let watermark = self.repair_control(&gold).await?.watermark;
            let stamp = Stamp {
                last_updated: self.clock.now(),
                final_before: watermark.map_or(Timestamp(i64::MIN), |watermark| self.settings.final_before(watermark)),
            };
            let file_rows = self.settings.file_rows;
            let written = sessions.len();
            let work = move || layout::lay_out(&[], &sessions, stamp, file_rows);
            let add = self.table.workers.run("encode sessions", work).await??;
            let finished_at = self.clock.now();
            let run = Run {
                finished_at,
                silver_version_before: gold.silver_version_read(),
                silver_version: silver.version,
                gold_version: gold.version + 1,
                sessions_written: written as i64,
                files_added: add.len() as i64,
                files_removed: remove.len() as i64,
                duration_ms: finished_at.millis() - started_at.millis(),
                ..Run::nothing(Activity::Rebuild)
            };
            let rewrite = Rewrite {
                operation: "REBUILD",
                remove,
                add,
                txn: None,
                details: Map::from_iter([(RUN.to_owned(), json!(run))]),
            };
            if let CommitOutcome::Committed(version) = self.table.rewrite(&gold, rewrite, finished_at.millis()).await? {
                return Ok(version);
            }
            backoff(&self.table.log, attempt).await;
        }
        Err(Arc::new(LakeError::Contended { table: schema::TABLE.into(), attempts: PLANS }))
    }

    async fn record_rebuild(&self, gold_id: &str, report: &Report) -> Result<(), Arc<LakeError>> {
        let run = Run {
            finished_at: self.clock.now(),
            silver_version_before: report.silver_version,
            silver_version: report.silver_version,
            gold_version: report.gold_version,
            sessions_written: report.replaced.values().map(|comparison| comparison.recomputed.sessions).sum(),
            sessions_replaced: report.replaced.values().map(|comparison| comparison.stored.sessions).sum(),
            ..Run::nothing(Activity::Rebuild)
        };
        self.control.record(gold_id, &run).await
    }
}
