//! The table `control/watermarks`: a row is added for each run, and a missing one is written later.
//!
//! Gold's `txn` decides what was done. This table only says it in rows, and can lag by one row after a kill.

use super::control::{self, ACTIVITY, Activity, NO_VERSION, RUN, Run, TABLE, WATERMARK, app_id};
use super::layout::instants;
use super::{APP_ID, Gold, schema, silver_version_read};
use crate::columns::{Append, Rows, SourcePosition};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::append::Appender;
use crate::lake::file::Statistics;
use crate::lake::log::Version;
use crate::lake::snapshot::{Replay, Snapshot};
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use arrow::array::{StringArray, TimestampMicrosecondArray};
use std::sync::Arc;

/// How many commits are searched for the last control row of sessionize. Runs of rebuild between two of sessionize are
/// few.
const MAX_COMMITS_SEARCHED: Version = 100;

/// The table of control rows.
#[derive(Clone)]
pub struct ControlTable {
    pub table: Table,
    appender: Appender,
}

/// What the control table says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    pub watermark: Option<Timestamp>,
    /// The silver version of the last recorded run of sessionize.
    pub silver_version: Option<Version>,
    /// The gold version of the last recorded rebuild.
    pub rebuilt_at: Option<Version>,
}

impl ControlTable {
    pub(super) fn new(lake: &Lake, workers: &Workers) -> Self {
        let table = Table::at(lake, control::table(), workers);
        ControlTable { appender: Appender::new(table.clone()), table }
    }

    /// `gold_id` is the id of the gold table: a table that was dropped and recreated starts a history of its own.
    pub async fn recorded(&self, gold_id: &str) -> Result<Recorded, LakeError> {
        let Some(snapshot) = self.table.snapshot_if_there(Replay::Txns).await? else { return Ok(Recorded::default()) };
        let last = |activity| snapshot.txns.get(&app_id(activity, gold_id)).map(|txn| txn.version);
        Ok(Recorded {
            watermark: self.last_watermark(snapshot.version).await?,
            silver_version: last(Activity::Sessionize),
            rebuilt_at: last(Activity::Rebuild),
        })
    }

    /// The last row of sessionize decides. An earlier version of this program wrote a watermark into the rows of
    /// rebuild too. It may have been read before a run of sessionize moved the watermark, so it must not move it back.
    async fn last_watermark(&self, newest: Version) -> Result<Option<Timestamp>, LakeError> {
        let mut last = None;
        for version in ((newest - MAX_COMMITS_SEARCHED).max(0)..=newest).rev() {
            let Some(commit) = self.table.log.read(version).await? else { break };
            let mut is_sessionize = false;
            // One file, unless another program has rewritten the table.
            for add in commit.adds() {
                for batch in self.table.read(add, &[ACTIVITY, WATERMARK]).await? {
                    let rows = Rows::of(TABLE, &batch);
                    let watermarks: &TimestampMicrosecondArray = rows.column(WATERMARK)?;
                    let activities: &StringArray = rows.column(ACTIVITY)?;
                    last = watermarks.iter().flatten().map(Timestamp).max().max(last);
                    is_sessionize |= activities.iter().flatten().any(|name| name == Activity::Sessionize.as_str());
                }
            }
            if is_sessionize {
                break;
            }
        }
        Ok(last)
    }

    /// Adds the row of `run`. Calling this several times, or from several processes, adds it once: the version that the
    /// run reached is the sequence number of its row, and the appender skips a sequence number that is already
    /// committed.
    pub async fn record(&self, gold_id: &str, run: &Run) -> Result<(), Arc<LakeError>> {
        let sequence = match run.activity {
            Activity::Sessionize => run.silver_version,
            Activity::Rebuild => run.gold_version,
        };
        let append = Append {
            app_id: app_id(run.activity, gold_id),
            partition: None,
            rows: control::row(run).map_err(LakeError::from)?,
            positions: vec![SourcePosition { sequence, enqueued_ms: 0 }],
            now_ms: run.finished_at.millis(),
            note: None,
            details: None,
        };
        self.appender.append(append).await.map(|_| ())
    }
}

impl Gold {
    /// Writes the control row of the last run if a kill prevented it. Returns what the table says then.
    pub(super) async fn repair_control(&self, base: &Snapshot) -> Result<Recorded, Arc<LakeError>> {
        let recorded = self.control.recorded(base.table_id()).await?;
        let Some(read) = silver_version_read(base) else { return Ok(recorded) };
        if recorded.silver_version == Some(read) {
            return Ok(recorded);
        }
        let run = match self.committed_run(base.version, read).await? {
            Some(run) => run,
            None => self.reconstruct_run(base, read, &recorded),
        };
        self.control.record(base.table_id(), &run).await?;
        Ok(Recorded { watermark: run.watermark.max(recorded.watermark), silver_version: Some(read), ..recorded })
    }

    /// The run in the commit that recorded `silver_version`, as far as the log goes back.
    async fn committed_run(&self, newest: Version, silver_version: Version) -> Result<Option<Run>, LakeError> {
        for version in (0..=newest).rev() {
            let Some(commit) = self.table.log.read(version).await? else { return Ok(None) };
            if commit.txns().any(|txn| txn.app_id == APP_ID && txn.version == silver_version) {
                let run = commit.info().and_then(|info| info.get(RUN)).cloned();
                return Ok(run.and_then(|run| serde_json::from_value(run).ok()));
            }
        }
        Ok(None)
    }

    /// The run as far as the files tell, where its commit was cleaned up. Every event read is in gold, so the latest
    /// session end is the newest event time.
    fn reconstruct_run(&self, base: &Snapshot, silver_version: Version, recorded: &Recorded) -> Run {
        let ends = base.files.values().filter_map(|add| instants(&Statistics::of(add), schema::SESSION_END_TIME));
        let newest = ends.map(|(_, latest)| latest).max();
        Run {
            finished_at: self.clock.now(),
            silver_version_before: recorded.silver_version.unwrap_or(NO_VERSION),
            silver_version,
            gold_version: base.version,
            watermark_before: recorded.watermark,
            watermark: self.settings.watermark(recorded.watermark, newest),
            ..Run::nothing(Activity::Sessionize)
        }
    }
}
