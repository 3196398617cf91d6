//! The control row: what one run did, and how it moved the watermark. Table `control/watermarks` has one row for each run
//! that committed to gold.
//!
//! The commit to gold carries the same values as JSON, so that a row that a kill prevented can be written later. Reading and
//! writing the table is the business of [`control_table`](super::control_table).

use crate::event::time::{Span, Timestamp};
use crate::lake::LakeError;
use crate::lake::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use crate::lake::arrow::datatypes::{DataType, Schema};
use crate::lake::columns;
use crate::lake::log::Version;
use crate::lake::schema::{TableSpec, optional, record_batch, required, timestamp};
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

/// Member of the `commitInfo` of a commit to gold that holds the [`Run`].
pub const RUN: &str = "run";

/// Stored instead of a version where there is none yet.
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
    pub events: i64,
    pub duplicates: i64,
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
            events: 0,
            duplicates: 0,
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

/// The name under which the control table records the runs of the gold table with id `gold_id`.
pub fn app_id(activity: Activity, gold_id: &str) -> String {
    format!("control:{}/{gold_id}", activity.as_str())
}

/// The control row of `run`.
pub(super) fn rows(run: &Run) -> Result<RecordBatch, LakeError> {
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
        count(run.duration.millis()),
    ];
    record_batch(&table(), all)
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
            events: 5,
            duplicates: 6,
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
            "events": 5,
            "duplicates": 6,
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
