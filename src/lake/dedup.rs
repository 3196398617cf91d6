//! Which rows of an append are not yet in one version of the table. Pure: knows no rows, only where each of them comes
//! from.

use super::snapshot::TxnVersion;
use crate::columns::SourcePosition;
use crate::mutants::{self, Mutant};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Enqueued times of one source may be coarse (whole seconds in one host mode): up to this difference they are the same.
const CLOCK_GRAIN: Duration = Duration::from_secs(1);

/// What is left of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dedup {
    /// The row at this index and all after it are new.
    Keep { from: usize },
    /// All rows are in the table.
    Nothing,
    /// The source has restarted its numbering: `sequence` is not above `committed`, but was enqueued later.
    Restarted { sequence: i64, committed: i64, later_by: Duration },
}

/// Decides for each append, given as a source and the positions of its rows, what is new in a table that has the rows up
/// to `known`. Appends of one source that share a commit are compared with each other too: an overlapping redelivery may
/// be waiting for the same commit as the first delivery.
pub fn deduplicate<'a>(
    appends: impl Iterator<Item = (&'a str, &'a [SourcePosition])>,
    known: &HashMap<String, TxnVersion>,
) -> Vec<Dedup> {
    let mut in_this_commit: BTreeMap<&str, TxnVersion> = BTreeMap::new();
    let deduplicate_one = |(app_id, positions): (&'a str, &[SourcePosition])| {
        let committed = in_this_commit.get(app_id).or_else(|| known.get(app_id)).copied();
        let dedup = dedup(positions, committed);
        if let (Dedup::Keep { .. }, Some(last)) = (&dedup, positions.last()) {
            let reached = TxnVersion { version: last.sequence, recorded_ms: Some(last.enqueued_ms) };
            in_this_commit.insert(app_id, reached);
        }
        dedup
    };
    appends.map(deduplicate_one).collect()
}

fn dedup(positions: &[SourcePosition], committed: Option<TxnVersion>) -> Dedup {
    let Some(committed) = committed else {
        return if positions.is_empty() { Dedup::Nothing } else { Dedup::Keep { from: 0 } };
    };
    let known = committed.version + i64::from(mutants::is(Mutant::DedupOffByOne));
    let from = positions.partition_point(|position| position.sequence <= known);
    if let (Some(last_known), Some(recorded_ms)) = (positions[..from].last(), committed.recorded_ms) {
        let later_by_ms = last_known.enqueued_ms.saturating_sub(recorded_ms);
        let later_by = Duration::from_millis(u64::try_from(later_by_ms).unwrap_or_default());
        if later_by > CLOCK_GRAIN {
            return Dedup::Restarted { sequence: last_known.sequence, committed: committed.version, later_by };
        }
    }
    if from == positions.len() { Dedup::Nothing } else { Dedup::Keep { from } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers from `first` to `last`, each accepted at the second of its number.
    fn positions(first: i64, last: i64) -> Vec<SourcePosition> {
        (first..=last).map(|sequence| SourcePosition { sequence, enqueued_ms: sequence * 1_000 }).collect()
    }

    fn committed(version: i64, recorded_ms: i64) -> Option<TxnVersion> {
        Some(TxnVersion { version, recorded_ms: Some(recorded_ms) })
    }

    #[test]
    fn rows_up_to_the_committed_number_are_removed() {
        let batch = positions(3, 6);
        assert_eq!(dedup(&batch, None), Dedup::Keep { from: 0 });
        assert_eq!(dedup(&batch, committed(2, 2_000)), Dedup::Keep { from: 0 });
        assert_eq!(dedup(&batch, committed(4, 4_000)), Dedup::Keep { from: 2 });
        assert_eq!(dedup(&batch, committed(6, 6_000)), Dedup::Nothing);
        assert_eq!(dedup(&[], None), Dedup::Nothing);
    }

    #[test]
    fn appends_of_one_source_are_compared_with_each_other() {
        let (first, overlapping, other) = (positions(1, 3), positions(2, 5), positions(2, 3));
        let appends = [("a", first.as_slice()), ("a", &overlapping), ("b", &other)];
        let keep = |from| Dedup::Keep { from };
        assert_eq!(deduplicate(appends.into_iter(), &HashMap::new()), [keep(0), keep(2), keep(0)]);
    }

    #[test]
    fn a_known_number_at_a_later_time_is_another_event() {
        let batch = positions(3, 6);
        assert_eq!(dedup(&batch, committed(4, 3_000)), Dedup::Keep { from: 2 }, "a second is the grain of the clock");
        let restarted = Dedup::Restarted { sequence: 4, committed: 4, later_by: Duration::from_millis(1_001) };
        assert_eq!(dedup(&batch, committed(4, 2_999)), restarted);
    }

    #[test]
    fn the_time_in_the_log_may_be_any_number() {
        let known = [SourcePosition { sequence: 5, enqueued_ms: 1_000 }];
        let recorded_at = |recorded_ms| dedup(&known, Some(TxnVersion { version: 9, recorded_ms }));
        assert_eq!(recorded_at(None), Dedup::Nothing);
        assert_eq!(recorded_at(Some(i64::MAX)), Dedup::Nothing);
        let longest = Duration::from_millis(i64::MAX as u64);
        assert!(matches!(recorded_at(Some(i64::MIN)), Dedup::Restarted { later_by, .. } if later_by == longest));
    }
}
