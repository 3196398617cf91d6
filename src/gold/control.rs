//! The control row: what one run did, and how it moved the watermark. Table `control/watermarks` has one row for each
//! run of `sessionize` that committed to gold, and one for each rebuild, however many dates it replaced.
//!
//! The commit to gold carries the same values as JSON, so that a row that a kill prevented can be written later.
//! Reading and writing the table is the business of [`control_table`](super::control_table).

use crate::columns::{Column, ColumnError, TableSpec, declare};
use crate::event::time::{Span, Timestamp};
use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

pub const TABLE: &str = "control/watermarks";

declare! {
    [] Run;

    /// What committed to gold: `sessionize` or `rebuild`.
    ACTIVITY = "activity", string(|run| Some(run.activity.as_str())).required();
    /// When the run ended.
    FINISHED_AT = "finished_at", timestamp(|run| Some(run.finished_at)).required();
    /// Version of silver that gold had read before the run; -1 if it had read none.
    SILVER_VERSION_BEFORE = "silver_version_before", long(|run| Some(run.silver_version_before)).required();
    /// Version of silver that gold has read after the run.
    SILVER_VERSION = "silver_version", long(|run| Some(run.silver_version)).required().with_statistics();
    /// Version of gold that the run committed.
    GOLD_VERSION = "gold_version", long(|run| Some(run.gold_version)).required().with_statistics();
    /// Watermark before the run; null if gold had read no event, and for a rebuild, which does not move the watermark.
    WATERMARK_BEFORE = "watermark_before", timestamp(|run| run.watermark_before);
    /// Watermark after the run; null if gold has read no event, and for a rebuild.
    WATERMARK = "watermark", timestamp(|run| run.watermark).with_statistics();
    /// Event time of the newest event that the run read; null if it read none.
    NEWEST_EVENT_TIME = "newest_event_time", timestamp(|run| run.newest_event_time);
    /// Number of events that the run read from silver.
    EVENTS = "events", long(|run| Some(run.events)).required();
    /// Number of these events that a session has already, or that the run read twice, with the same content.
    DUPLICATES = "duplicates", long(|run| Some(run.duplicates)).required();
    /// Number of these events that a session has already, or that the run read twice, with another content.
    CONFLICTS = "conflicts", long(|run| Some(run.conflicts)).required();
    /// Number of duplicates and conflicts that came from another namespace than the copy that counts, as far as the run
    /// read both; more of them may have met in different runs.
    CROSS_REGION_DUPLICATES = "cross_region_duplicates", long(|run| Some(run.cross_region_duplicates)).required();
    /// Number of these events that were older than the watermark before the run. They are merged all the same.
    LATE_EVENTS = "late_events", long(|run| Some(run.late_events)).required();
    /// Number of sessions that are new or changed.
    SESSIONS_WRITTEN = "sessions_written", long(|run| Some(run.sessions_written)).required();
    /// Number of stored sessions that these replaced.
    SESSIONS_REPLACED = "sessions_replaced", long(|run| Some(run.sessions_replaced)).required();
    /// Number of stored sessions that became part of another stored session.
    SESSIONS_BRIDGED = "sessions_bridged", long(|run| Some(run.sessions_bridged)).required();
    /// Number of files that the run added to gold.
    FILES_ADDED = "files_added", long(|run| Some(run.files_added)).required();
    /// Number of files that the run removed from gold.
    FILES_REMOVED = "files_removed", long(|run| Some(run.files_removed)).required();
    /// How long the run took, in milliseconds.
    DURATION_MS = "duration_ms", long(|run| Some(run.duration.millis())).required();
}

pub fn columns() -> Vec<Column<Run>> {
    declared()
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns()).rewritten()
}

/// Member of the `commitInfo` of a commit to gold that holds the [`Run`].
pub const RUN: &str = "run";

/// Member of the `commitInfo` of a commit to gold that merged a part of a version of silver: where the next part starts. The
/// run beside it stands for all parts so far.
pub const RESUME: &str = "resume";

/// A version of a Delta table, as `lake` counts them. This file does not import `lake`, which does I/O.
type Version = i64;

/// Stored where no version was read yet.
pub(super) const NO_VERSION: Version = -1;

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

/// One run that committed to gold. Stored as JSON in that commit, under the names given here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub activity: Activity,
    pub finished_at: Timestamp,
    pub silver_version_before: Version,
    pub silver_version: Version,
    pub gold_version: Version,
    /// `None` for a rebuild, which does not move the watermark.
    pub watermark_before: Option<Timestamp>,
    pub watermark: Option<Timestamp>,
    pub newest_event_time: Option<Timestamp>,
    pub events: i64,
    pub duplicates: i64,
    pub conflicts: i64,
    pub cross_region_duplicates: i64,
    pub late_events: i64,
    pub sessions_written: i64,
    pub sessions_replaced: i64,
    pub sessions_bridged: i64,
    pub files_added: i64,
    pub files_removed: i64,
    #[serde(rename = "duration_ms", with = "millis")]
    pub duration: Span,
}

impl Run {
    /// A run that has done nothing.
    pub fn nothing(activity: Activity) -> Self {
        Run {
            activity,
            finished_at: Timestamp(0),
            silver_version_before: NO_VERSION,
            silver_version: NO_VERSION,
            gold_version: NO_VERSION,
            watermark_before: None,
            watermark: None,
            newest_event_time: None,
            events: 0,
            duplicates: 0,
            conflicts: 0,
            cross_region_duplicates: 0,
            late_events: 0,
            sessions_written: 0,
            sessions_replaced: 0,
            sessions_bridged: 0,
            files_added: 0,
            files_removed: 0,
            duration: Span::ZERO,
        }
    }

    pub(super) fn finish(&mut self, started_at: Timestamp, finished_at: Timestamp) {
        self.finished_at = finished_at;
        self.duration = finished_at - started_at;
    }
}

/// A span as whole milliseconds.
mod millis {
    use crate::event::time::Span;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(span.millis())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        // Clamped to what a span can hold, so that it is written again as it was read.
        let millis = i64::deserialize(deserializer)?.clamp(i64::MIN / 1_000, i64::MAX / 1_000);
        Ok(Span::from_millis(millis))
    }
}

/// The name under which the control table records the runs of the gold table with id `gold_id`.
pub fn app_id(activity: Activity, gold_id: &str) -> String {
    format!("control:{}/{gold_id}", activity.as_str())
}

/// The control row of `run`.
pub(super) fn row(run: &Run) -> Result<RecordBatch, ColumnError> {
    table().record_batch(&columns(), std::slice::from_ref(run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Every log of gold that exists holds these names.
    #[test]
    fn the_stored_form_of_a_run_stays() {
        let run = Run {
            activity: Activity::Sessionize,
            finished_at: Timestamp(1),
            silver_version_before: NO_VERSION,
            silver_version: 2,
            gold_version: 3,
            watermark_before: None,
            watermark: Some(Timestamp(4)),
            newest_event_time: Some(Timestamp(14)),
            events: 5,
            duplicates: 6,
            conflicts: 15,
            cross_region_duplicates: 16,
            late_events: 7,
            sessions_written: 8,
            sessions_replaced: 9,
            sessions_bridged: 10,
            files_added: 11,
            files_removed: 12,
            duration: Span::from_millis(13),
        };
        let stored = json!({
            "activity": "sessionize",
            "finished_at": 1,
            "silver_version_before": -1,
            "silver_version": 2,
            "gold_version": 3,
            "watermark_before": null,
            "watermark": 4,
            "newest_event_time": 14,
            "events": 5,
            "duplicates": 6,
            "conflicts": 15,
            "cross_region_duplicates": 16,
            "late_events": 7,
            "sessions_written": 8,
            "sessions_replaced": 9,
            "sessions_bridged": 10,
            "files_added": 11,
            "files_removed": 12,
            "duration_ms": 13,
        });
        assert_eq!(serde_json::to_value(&run).expect("a run is JSON"), stored);
        assert_eq!(serde_json::from_value::<Run>(stored).expect("a stored run can be read"), run);
        assert_eq!(json!(Activity::Rebuild), "rebuild");
    }
}
