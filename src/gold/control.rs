//! `control/watermarks`: one row for each commit to gold, with the watermark before and after.
//!
//! The row of a commit is also in the commit itself, so that a row lost to a kill can be written later, unchanged.

use crate::columns::{Column, Rows, TableSpec, declare};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::append::{Append, Appender, SourcePosition};
use crate::lake::log::Version;
use crate::lake::snapshot::Replay;
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use arrow::array::{StringArray, TimestampMicrosecondArray};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub const TABLE: &str = "control/watermarks";

declare! {
    [] Run;

    /// What committed to gold: `sessionize` or `rebuild`.
    ACTIVITY = "activity", string(|run| Some(run.activity.as_str())).required();
    /// When the run ended.
    FINISHED_AT = "finished_at", timestamp(|run| Some(run.finished_at)).required();
    /// Version of silver that gold had read before; -1 for none.
    SILVER_VERSION_BEFORE = "silver_version_before", long(|run| Some(run.silver_version_before)).required();
    /// Version of silver that gold has read after it.
    SILVER_VERSION = "silver_version", long(|run| Some(run.silver_version)).required().with_statistics();
    /// Version of gold that the run committed.
    GOLD_VERSION = "gold_version", long(|run| Some(run.gold_version)).required().with_statistics();
    /// Watermark before; null before the first event, and for a rebuild, which does not move it.
    WATERMARK_BEFORE = "watermark_before", timestamp(|run| run.watermark_before);
    /// Watermark after.
    WATERMARK = "watermark", timestamp(|run| run.watermark).with_statistics();
    /// Number of events read from silver.
    EVENTS = "events", long(|run| Some(run.events)).required();
    /// Number of them that were counted already.
    DUPLICATES = "duplicates", long(|run| Some(run.duplicates)).required();
    /// Number of them that were older than the watermark. They are merged all the same.
    LATE_EVENTS = "late_events", long(|run| Some(run.late_events)).required();
    /// Number of sessions that are new or changed.
    SESSIONS_WRITTEN = "sessions_written", long(|run| Some(run.sessions_written)).required();
    /// Number of stored sessions that were replaced.
    SESSIONS_REPLACED = "sessions_replaced", long(|run| Some(run.sessions_replaced)).required();
    /// Number of stored sessions that became one with another.
    SESSIONS_BRIDGED = "sessions_bridged", long(|run| Some(run.sessions_bridged)).required();
    /// Number of files added to gold.
    FILES_ADDED = "files_added", long(|run| Some(run.files_added)).required();
    /// Number of files removed from gold.
    FILES_REMOVED = "files_removed", long(|run| Some(run.files_removed)).required();
    /// How long the run worked, in milliseconds.
    DURATION_MS = "duration_ms", long(|run| Some(run.duration_ms)).required();
}

/// Member of gold's `commitInfo` that holds the [`Run`].
pub const RUN: &str = "run";

/// How far to look back for the last row: the commits behind it hold none only in damaged tables.
const LOOK_BACK: Version = 100;

/// What made a commit to gold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Sessionize,
    Rebuild,
}

impl Activity {
    pub fn as_str(self) -> &'static str {
        match self {
            Activity::Sessionize => "sessionize",
            Activity::Rebuild => "rebuild",
        }
    }
}

/// One commit to gold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub activity: Activity,
    pub finished_at: Timestamp,
    pub silver_version_before: Version,
    pub silver_version: Version,
    pub gold_version: Version,
    /// `None` for a rebuild, which does not move it.
    pub watermark_before: Option<Timestamp>,
    pub watermark: Option<Timestamp>,
    pub events: i64,
    pub duplicates: i64,
    pub late_events: i64,
    pub sessions_written: i64,
    pub sessions_replaced: i64,
    pub sessions_bridged: i64,
    pub files_added: i64,
    pub files_removed: i64,
    pub duration_ms: i64,
}

impl Run {
    /// A run of which nothing is known yet.
    pub fn nothing(activity: Activity) -> Self {
        Run {
            activity,
            finished_at: Timestamp(0),
            silver_version_before: -1,
            silver_version: -1,
            gold_version: -1,
            watermark_before: None,
            watermark: None,
            events: 0,
            duplicates: 0,
            late_events: 0,
            sessions_written: 0,
            sessions_replaced: 0,
            sessions_bridged: 0,
            files_added: 0,
            files_removed: 0,
            duration_ms: 0,
        }
    }
}

pub fn columns() -> Vec<Column<Run>> {
    declared()
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns())
}

/// The control table.
#[derive(Clone)]
pub struct Control {
    pub table: Table,
    appender: Appender,
}

/// What the control table says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    pub watermark: Option<Timestamp>,
    /// Silver version of the last recorded sessionizing.
    pub silver_version: Option<Version>,
    /// Gold version of the last recorded rebuild.
    pub rebuilt_at: Option<Version>,
}

impl Control {
    pub fn new(lake: &Lake, workers: &Workers) -> Self {
        let table = Table::at(lake, table(), workers);
        Control { appender: Appender::new(table.clone()), table }
    }

    /// `gold_id` is the id of the gold table: one that was dropped and made anew starts its own history.
    pub async fn recorded(&self, gold_id: &str) -> Result<Recorded, LakeError> {
        let Some(snapshot) = self.table.snapshot_if_there(Replay::Txns).await? else { return Ok(Recorded::default()) };
        let reached = |activity| snapshot.txns.get(&app_id(activity, gold_id)).map(|progress| progress.version);
        Ok(Recorded {
            watermark: self.last_watermark(snapshot.version).await?,
            silver_version: reached(Activity::Sessionize),
            rebuilt_at: reached(Activity::Rebuild),
        })
    }

    /// The last row of sessionize decides. A rebuild does not move the watermark: what an earlier version wrote of it in
    /// a later row was read before sessionizing moved on, and never takes it back.
    async fn last_watermark(&self, newest: Version) -> Result<Option<Timestamp>, LakeError> {
        let mut last = None;
        for version in ((newest - LOOK_BACK).max(0)..=newest).rev() {
            let Some(commit) = self.table.log.read(version).await? else { break };
            let Some(add) = commit.adds().next() else { continue };
            let mut is_sessionize = false;
            for batch in self.table.read(add, &[ACTIVITY, WATERMARK]).await? {
                let rows = Rows::of(TABLE, &batch);
                let watermarks: &TimestampMicrosecondArray = rows.column(WATERMARK)?;
                let activities: &StringArray = rows.column(ACTIVITY)?;
                last = watermarks.iter().flatten().map(Timestamp).max().max(last);
                is_sessionize |= activities.iter().flatten().any(|name| name == Activity::Sessionize.as_str());
            }
            if is_sessionize {
                break;
            }
        }
        Ok(last)
    }

    /// Adds the row of `run`, once, however often it is tried and by whom.
    pub async fn record(&self, gold_id: &str, run: &Run) -> Result<(), Arc<LakeError>> {
        let sequence = match run.activity {
            Activity::Sessionize => run.silver_version,
            Activity::Rebuild => run.gold_version,
        };
        let append = Append {
            app_id: app_id(run.activity, gold_id),
            partition: None,
            rows: table().record_batch(&columns(), std::slice::from_ref(run)).map_err(LakeError::from)?,
            positions: vec![SourcePosition { sequence, enqueued_ms: 0 }],
            now_ms: run.finished_at.millis(),
        };
        self.appender.append(append).await.map(|_| ())
    }
}

/// The name under which runs of one gold table are recorded.
pub fn app_id(activity: Activity, gold_id: &str) -> String {
    format!("control:{}/{gold_id}", activity.as_str())
}
