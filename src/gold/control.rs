//! `control/watermarks`: one row for each commit to gold, with the watermark before and after.
//!
//! The row of a commit is also in the commit itself, so that a row lost to a kill can be written later, unchanged.

use super::session_event::column;
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::append::{Append, Appender, SourcePosition};
use crate::lake::arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use crate::lake::arrow::datatypes::{DataType, Schema};
use crate::lake::columns;
use crate::lake::log::Version;
use crate::lake::schema::{TableSpec, optional, record_batch, required, timestamp};
use crate::lake::snapshot::Replay;
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub const TABLE: &str = "control/watermarks";

pub const ACTIVITY: &str = "activity";
pub const FINISHED_AT: &str = "finished_at";
pub const SILVER_VERSION_BEFORE: &str = "silver_version_before";
pub const SILVER_VERSION: &str = "silver_version";
pub const GOLD_VERSION: &str = "gold_version";
pub const WATERMARK_BEFORE: &str = "watermark_before";
pub const WATERMARK: &str = "watermark";
pub const EVENTS: &str = "events";
pub const DUPLICATES: &str = "duplicates";
pub const LATE_EVENTS: &str = "late_events";
pub const SESSIONS_WRITTEN: &str = "sessions_written";
pub const SESSIONS_REPLACED: &str = "sessions_replaced";
pub const SESSIONS_BRIDGED: &str = "sessions_bridged";
pub const FILES_ADDED: &str = "files_added";
pub const FILES_REMOVED: &str = "files_removed";
pub const DURATION_MS: &str = "duration_ms";

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

pub fn table() -> TableSpec {
    let count = |name| required(name, DataType::Int64);
    let fields = vec![
        required(ACTIVITY, DataType::Utf8),
        required(FINISHED_AT, timestamp()),
        count(SILVER_VERSION_BEFORE),
        count(SILVER_VERSION),
        count(GOLD_VERSION),
        optional(WATERMARK_BEFORE, timestamp()),
        optional(WATERMARK, timestamp()),
        count(EVENTS),
        count(DUPLICATES),
        count(LATE_EVENTS),
        count(SESSIONS_WRITTEN),
        count(SESSIONS_REPLACED),
        count(SESSIONS_BRIDGED),
        count(FILES_ADDED),
        count(FILES_REMOVED),
        count(DURATION_MS),
    ];
    TableSpec {
        name: TABLE,
        columns: Arc::new(Schema::new(fields)),
        partition_column: None,
        statistics_columns: &[SILVER_VERSION, GOLD_VERSION, WATERMARK],
    }
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
            for rows in self.table.read(add, &[ACTIVITY, WATERMARK]).await? {
                let watermarks: &TimestampMicrosecondArray = column(&rows, WATERMARK)?;
                let activities: &StringArray = column(&rows, ACTIVITY)?;
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
            rows: rows(run)?,
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

fn rows(run: &Run) -> Result<crate::lake::arrow::array::RecordBatch, LakeError> {
    let count = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let instant = |value: Option<Timestamp>| columns::instants(std::iter::once(value.map(|at| at.0)));
    let all = vec![
        Arc::new(StringArray::from(vec![run.activity.as_str()])) as ArrayRef,
        instant(Some(run.finished_at)),
        count(run.silver_version_before),
        count(run.silver_version),
        count(run.gold_version),
        instant(run.watermark_before),
        instant(run.watermark),
        count(run.events),
        count(run.duplicates),
        count(run.late_events),
        count(run.sessions_written),
        count(run.sessions_replaced),
        count(run.sessions_bridged),
        count(run.files_added),
        count(run.files_removed),
        count(run.duration_ms),
    ];
    record_batch(&table(), all)
}
