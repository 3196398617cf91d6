//! Which rows of an append are new, against exactly one version of the table. Pure: knows no rows, only where each of
//! them comes from.

use super::snapshot::Progress;
use crate::broken::{self, Broken};
use std::collections::{BTreeMap, HashMap};

/// Enqueued times of one source may be coarse (whole seconds in one host mode), so this much later is not yet later.
const CLOCK_GRAIN_MS: i64 = 1_000;

/// Place of a row in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub sequence: i64,
    /// When the source took it, in milliseconds since the epoch; tells a source that numbers anew from a repetition.
    pub enqueued_ms: i64,
}

/// What is left of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trim {
    /// The rows from this one on are new.
    Keep { from: usize },
    /// All rows are in the table.
    Nothing,
    /// The source numbers its rows anew.
    Restarted { sequence: i64, committed: i64, later_by_ms: i64 },
}

/// Cuts each append, a source and the positions of its rows, to what is new where the sources got to `known`. Appends of
/// one source in one commit are cut against each other too: an overlapping redelivery may be waiting beside the first one.
pub fn trim_all<'a>(
    appends: impl Iterator<Item = (&'a str, &'a [Position])>,
    known: &HashMap<String, Progress>,
) -> Vec<Trim> {
    let mut progress: BTreeMap<&str, Progress> = BTreeMap::new();
    let cut = |(app_id, positions): (&'a str, &[Position])| {
        let committed = progress.get(app_id).or_else(|| known.get(app_id)).copied();
        let trim = trim(positions, committed);
        if let (Trim::Keep { .. }, Some(last)) = (&trim, positions.last()) {
            progress.insert(app_id, Progress { version: last.sequence, recorded_ms: Some(last.enqueued_ms) });
        }
        trim
    };
    appends.map(cut).collect()
}

fn trim(positions: &[Position], committed: Option<Progress>) -> Trim {
    let Some(committed) = committed else {
        return if positions.is_empty() { Trim::Nothing } else { Trim::Keep { from: 0 } };
    };
    let known = committed.version + i64::from(broken::is(Broken::TrimOffByOne));
    let from = positions.partition_point(|position| position.sequence <= known);
    if let (Some(last_known), Some(recorded_ms)) = (positions[..from].last(), committed.recorded_ms) {
        let later_by_ms = last_known.enqueued_ms.saturating_sub(recorded_ms);
        if later_by_ms > CLOCK_GRAIN_MS {
            return Trim::Restarted { sequence: last_known.sequence, committed: committed.version, later_by_ms };
        }
    }
    if from == positions.len() { Trim::Nothing } else { Trim::Keep { from } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers from `first` to `last`, taken at the second of their number.
    fn positions(first: i64, last: i64) -> Vec<Position> {
        (first..=last).map(|sequence| Position { sequence, enqueued_ms: sequence * 1_000 }).collect()
    }

    fn committed(version: i64, recorded_ms: i64) -> Option<Progress> {
        Some(Progress { version, recorded_ms: Some(recorded_ms) })
    }

    #[test]
    fn what_is_at_or_below_the_committed_number_is_cut_off() {
        let batch = positions(3, 6);
        assert_eq!(trim(&batch, None), Trim::Keep { from: 0 });
        assert_eq!(trim(&batch, committed(2, 2_000)), Trim::Keep { from: 0 });
        assert_eq!(trim(&batch, committed(4, 4_000)), Trim::Keep { from: 2 });
        assert_eq!(trim(&batch, committed(6, 6_000)), Trim::Nothing);
        assert_eq!(trim(&[], None), Trim::Nothing);
    }

    #[test]
    fn appends_of_one_source_are_cut_against_each_other() {
        let (first, overlapping, other) = (positions(1, 3), positions(2, 5), positions(2, 3));
        let appends = [("a", first.as_slice()), ("a", &overlapping), ("b", &other)];
        let keep = |from| Trim::Keep { from };
        assert_eq!(trim_all(appends.into_iter(), &HashMap::new()), [keep(0), keep(2), keep(0)]);
    }

    #[test]
    fn a_known_number_at_a_later_time_is_another_event() {
        let batch = positions(3, 6);
        assert_eq!(trim(&batch, committed(4, 3_000)), Trim::Keep { from: 2 }, "a second is the grain of the clock");
        let restarted = Trim::Restarted { sequence: 4, committed: 4, later_by_ms: 1_001 };
        assert_eq!(trim(&batch, committed(4, 2_999)), restarted);
    }

    #[test]
    fn what_the_log_says_of_the_time_may_be_any_number() {
        let known = [Position { sequence: 5, enqueued_ms: 1_000 }];
        let trim_at = |recorded_ms| trim(&known, Some(Progress { version: 9, recorded_ms }));
        assert_eq!(trim_at(None), Trim::Nothing);
        assert_eq!(trim_at(Some(i64::MAX)), Trim::Nothing);
        assert!(matches!(trim_at(Some(i64::MIN)), Trim::Restarted { later_by_ms: i64::MAX, .. }));
    }
}
