//! What a timer remembers between runs, and what follows from it: the rules of the timer extension.
//!
//! Promises pure functions. Does not know the time, nor where a status is stored.

use chrono::{DateTime, Utc};

use crate::app::schedule::Schedule;
use crate::envelope::ScheduleStatus;

/// Why a timer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Schedule,
    /// An occurrence was missed while the host was down.
    PastDue,
    Startup,
}

/// The status at the start of the host, and whether an occurrence was missed. `None` when the schedule has no further
/// occurrence.
pub(crate) fn at_start(
    recorded: Option<ScheduleStatus>,
    schedule: &Schedule,
    now: DateTime<Utc>,
) -> Option<(ScheduleStatus, bool)> {
    let Some(recorded) = recorded else {
        return Some((ScheduleStatus { last: None, next: schedule.next_after(now)?, last_updated: None }, false));
    };
    let expected = match recorded.last_updated {
        Some(last_updated) => schedule.next_after(last_updated)?,
        None => recorded.next,
    };
    if recorded.next == expected && schedule.next_after(expected - chrono::TimeDelta::seconds(1)) == Some(expected) {
        return Some((recorded, recorded.next < now));
    }
    // The schedule has changed, so what was missed under the old one does not matter.
    let next = if expected < now || recorded.last_updated.is_none() { schedule.next_after(now)? } else { expected };
    Some((ScheduleStatus { last: None, next, last_updated: Some(now) }, false))
}

/// The status after a run that started at `started_at`. `None` when the schedule has no further occurrence.
pub(crate) fn after_run(
    status: ScheduleStatus,
    schedule: &Schedule,
    started_at: DateTime<Utc>,
    cause: Cause,
) -> Option<ScheduleStatus> {
    // Otherwise a timer that fired a little early would run for the same occurrence again.
    let counts_as = if cause == Cause::Schedule { started_at.max(status.next) } else { started_at };
    Some(ScheduleStatus { last: Some(counts_as), next: schedule.next_after(counts_as)?, last_updated: Some(counts_as) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-01-15T{text}Z").parse().unwrap()
    }

    fn every_minute() -> Schedule {
        Schedule::parse("0 * * * * *").unwrap()
    }

    fn ran(last: &str, next: &str) -> ScheduleStatus {
        ScheduleStatus { last: Some(at(last)), next: at(next), last_updated: Some(at(last)) }
    }

    #[test]
    fn the_first_start_waits_for_the_next_occurrence() {
        let (status, missed) = at_start(None, &every_minute(), at("10:20:30")).unwrap();
        assert_eq!(status, ScheduleStatus { last: None, next: at("10:21:00"), last_updated: None });
        assert!(!missed);
    }

    #[test]
    fn a_missed_occurrence_is_made_up_for_once() {
        let recorded = ran("10:20:00.003", "10:21:00");
        assert_eq!(at_start(Some(recorded), &every_minute(), at("10:20:59")), Some((recorded, false)));
        assert_eq!(at_start(Some(recorded), &every_minute(), at("10:25:10")), Some((recorded, true)));
        let after = after_run(recorded, &every_minute(), at("10:25:10"), Cause::PastDue).unwrap();
        assert_eq!(after, ran("10:25:10", "10:26:00"));
    }

    #[test]
    fn a_first_occurrence_that_was_missed_counts_as_well() {
        let recorded = ScheduleStatus { last: None, next: at("10:21:00"), last_updated: None };
        assert_eq!(at_start(Some(recorded), &every_minute(), at("10:22:10")), Some((recorded, true)));
    }

    #[test]
    fn a_changed_schedule_forgets_what_was_missed() {
        let hourly = Schedule::parse("0 30 * * * *").unwrap();
        let (status, missed) = at_start(Some(ran("10:20:00", "10:21:00")), &hourly, at("10:40:00")).unwrap();
        assert_eq!((status.last, status.next, missed), (None, at("11:30:00"), false));
    }

    #[test]
    fn a_run_that_fired_early_counts_for_its_occurrence() {
        let status = ran("10:20:00", "10:21:00");
        let after = after_run(status, &every_minute(), at("10:20:59.9997"), Cause::Schedule).unwrap();
        assert_eq!(after, ran("10:21:00", "10:22:00"));
    }

    #[test]
    fn a_run_longer_than_its_interval_is_followed_by_one_more() {
        let after =
            after_run(ran("10:20:00", "10:21:00"), &every_minute(), at("10:21:00.002"), Cause::Schedule).unwrap();
        assert_eq!(after.next, at("10:22:00"), "already past when the run ends at 10:24, so it fires at once");
        let after = after_run(after, &every_minute(), at("10:24:00.5"), Cause::Schedule).unwrap();
        assert_eq!(after.next, at("10:25:00"), "those in between are skipped");
    }
}
