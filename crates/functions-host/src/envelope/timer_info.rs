//! What a timer function is told about its schedule.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Envelope, Members, dotnet_time, json};

/// When a timer ran last and runs next. `None` is the year 0001: not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleStatus {
    pub last: Option<DateTime<Utc>>,
    /// While a run is going on, the occurrence it runs for.
    pub next: DateTime<Utc>,
    pub last_updated: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TimerInfo {
    schedule: ScheduleInfo,
    schedule_status: Option<StatusInfo>,
    is_past_due: bool,
}

#[derive(Serialize)]
struct ScheduleInfo {
    #[serde(rename = "AdjustForDST")]
    adjust_for_dst: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusInfo {
    last: String,
    next: String,
    last_updated: String,
}

/// The envelope of a timer run. Schedules without monitoring have no `status`.
pub fn timer(binding: &str, status: Option<&ScheduleStatus>, is_past_due: bool) -> Envelope {
    let schedule_status = status.map(|status| StatusInfo {
        last: instant(status.last),
        next: instant(Some(status.next)),
        last_updated: instant(status.last_updated),
    });
    let info = TimerInfo { schedule: ScheduleInfo { adjust_for_dst: true }, schedule_status, is_past_due };
    let mut data = Members::default();
    data.json(binding, &json(&info));
    Envelope::new(&data, &Members::default())
}

fn instant(instant: Option<DateTime<Utc>>) -> String {
    instant.map_or_else(|| "0001-01-01T00:00:00+00:00".to_owned(), dotnet_time::with_offset)
}
