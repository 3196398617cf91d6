//! Which rows of an append are new, against exactly one version of the table. Pure: knows no rows, only where each of
//! them comes from.

use super::snapshot::TxnVersion;
use crate::columns::SourcePosition;
use crate::mutants::{self, Mutant};
use std::collections::{BTreeMap, HashMap};

/// Enqueued times of one source may be coarse (whole seconds in one host mode), so this much later is not yet later.
const CLOCK_GRAIN_MS: i64 = 1_000;

/// What is left of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dedup {
    /// The rows from this one on are new.
    Keep { from: usize },
    /// All rows are in the table.
    Nothing,
    /// The source numbers its rows anew.
    Restarted { sequence: i64, committed: i64, later_by_ms: i64 },
}

/// Cuts each append, a source and the positions of its rows, to what is new where the sources got to `known`. Appends of
/// one source in one commit are cut against each other too: an overlapping redelivery may be waiting beside the first one.
pub fn deduplicate<'a>(
    appends: impl Iterator<Item = (&'a str, &'a [SourcePosition])>,
    known: &HashMap<String, TxnVersion>,
) -> Vec<Dedup> {
    let mut progress: BTreeMap<&str, TxnVersion> = BTreeMap::new();
    let cut = |(app_id, positions): (&'a str, &[SourcePosition])| {
        let committed = progress.get(app_id).or_else(|| known.get(app_id)).copied();
        let dedup = dedup(positions, committed);
        if let (Dedup::Keep { .. }, Some(last)) = (&dedup, positions.last()) {
            progress.insert(app_id, TxnVersion { version: last.sequence, recorded_ms: Some(last.enqueued_ms) });
        }
        dedup
    };
    appends.map(cut).collect()
}

fn dedup(positions: &[SourcePosition], committed: Option<TxnVersion>) -> Dedup {
    let Some(committed) = committed else {
        return if positions.is_empty() { Dedup::Nothing } else { Dedup::Keep { from: 0 } };
    };
    let known = committed.version + i64::from(mutants::is(Mutant::TrimOffByOne));
    let from = positions.partition_point(|position| position.sequence <= known);
    if let (Some(last_known), Some(recorded_ms)) = (positions[..from].last(), committed.recorded_ms) {
        let later_by_ms = last_known.enqueued_ms.saturating_sub(recorded_ms);
        if later_by_ms > CLOCK_GRAIN_MS {
            return Dedup::Restarted { sequence: last_known.sequence, committed: committed.version, later_by_ms };
        }
    }
    if from == positions.len() { Dedup::Nothing } else { Dedup::Keep { from } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers from `first` to `last`, taken at the second of their number.
    fn positions(first: i64, last: i64) -> Vec<SourcePosition> {
        (first..=last).map(|sequence| SourcePosition { sequence, enqueued_ms: sequence * 1_000 }).collect()
    }

    fn committed(version: i64, recorded_ms: i64) -> Option<TxnVersion> {
        Some(TxnVersion { version, recorded_ms: Some(recorded_ms) })
    }

    #[test]
    fn what_is_at_or_below_the_committed_number_is_cut_off() {
        let batch = positions(3, 6);
        assert_eq!(dedup(&batch, None), Dedup::Keep { from: 0 });
        assert_eq!(dedup(&batch, committed(2, 2_000)), Dedup::Keep { from: 0 });
        assert_eq!(dedup(&batch, committed(4, 4_000)), Dedup::Keep { from: 2 });
        assert_eq!(dedup(&batch, committed(6, 6_000)), Dedup::Nothing);
        assert_eq!(dedup(&[], None), Dedup::Nothing);
    }

    #[test]
    fn appends_of_one_source_are_cut_against_each_other() {
        let (first, overlapping, other) = (positions(1, 3), positions(2, 5), positions(2, 3));
        let appends = [("a", first.as_slice()), ("a", &overlapping), ("b", &other)];
        let keep = |from| Dedup::Keep { from };
        assert_eq!(deduplicate(appends.into_iter(), &HashMap::new()), [keep(0), keep(2), keep(0)]);
    }

    #[test]
    fn a_known_number_at_a_later_time_is_another_event() {
        let batch = positions(3, 6);
        assert_eq!(dedup(&batch, committed(4, 3_000)), Dedup::Keep { from: 2 }, "a second is the grain of the clock");
        let restarted = Dedup::Restarted { sequence: 4, committed: 4, later_by_ms: 1_001 };
        assert_eq!(dedup(&batch, committed(4, 2_999)), restarted);
    }

    #[test]
    fn what_the_log_says_of_the_time_may_be_any_number() {
        let known = [SourcePosition { sequence: 5, enqueued_ms: 1_000 }];
        let trim_at = |recorded_ms| dedup(&known, Some(TxnVersion { version: 9, recorded_ms }));
        assert_eq!(trim_at(None), Dedup::Nothing);
        assert_eq!(trim_at(Some(i64::MAX)), Dedup::Nothing);
        assert!(matches!(trim_at(Some(i64::MIN)), Dedup::Restarted { later_by_ms: i64::MAX, .. }));
    }
}
