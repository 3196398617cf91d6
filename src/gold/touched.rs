//! The hours whose sessions a commit to gold touched, as the commit says them to readers that follow gold.

use crate::event::time::Timestamp;
use chrono::NaiveDate;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Member of `commitInfo`: sorted inclusive ranges of hours since the epoch.
pub const TOUCHED_HOURS: &str = "touchedHours";

/// A commit says at most this many ranges.
const MAX_RANGES: usize = 1_000;

/// UTC hours in which touched sessions start, as hours since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TouchedHours(BTreeSet<i64>);

impl TouchedHours {
    /// The 24 hours of `date`.
    pub fn all_of(date: NaiveDate) -> Self {
        let midnight = date.and_hms_opt(0, 0, 0).map_or(0, |at| at.and_utc().timestamp() / 3_600);
        TouchedHours((midnight..midnight + 24).collect())
    }

    pub fn add(&mut self, start: Timestamp) {
        self.0.insert(start.hours());
    }

    pub fn extend(&mut self, other: TouchedHours) {
        self.0.extend(other.0);
    }

    /// As JSON: `[[489120, 489122]]`. The nearest ranges are joined until there are few enough: a superset costs its readers
    /// work, and nothing else.
    pub fn to_json(&self) -> Value {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for &hour in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == hour => *last = hour,
                _ => ranges.push((hour, hour)),
            }
        }
        json!(joined(ranges))
    }
}

fn joined(ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let surplus = ranges.len().saturating_sub(MAX_RANGES);
    // The ends of the smallest gaps.
    let mut gaps: Vec<(i64, usize)> = (1..ranges.len()).map(|at| (ranges[at].0 - ranges[at - 1].1, at)).collect();
    gaps.sort_unstable();
    let closed: BTreeSet<usize> = gaps.into_iter().take(surplus).map(|(_, at)| at).collect();
    let mut all: Vec<(i64, i64)> = Vec::new();
    for (at, range) in ranges.into_iter().enumerate() {
        match all.last_mut() {
            Some((_, last)) if closed.contains(&at) => *last = range.1,
            _ => all.push(range),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hours: impl IntoIterator<Item = i64>) -> TouchedHours {
        TouchedHours(hours.into_iter().collect())
    }

    #[test]
    fn hours_become_ranges() {
        assert_eq!(of([]).to_json(), json!([]));
        assert_eq!(of([489_122, 489_120, 489_121, 489_130]).to_json(), json!([[489_120, 489_122], [489_130, 489_130]]));
        let mut hours = TouchedHours::default();
        hours.add(Timestamp(3_599_999_999));
        hours.add(Timestamp(-1));
        assert_eq!(hours.to_json(), json!([[-1, 0]]));
    }

    #[test]
    fn too_many_ranges_are_joined_where_they_are_nearest() {
        let apart = (0..1_001).map(|range| range * 10);
        let json = of(apart.chain([5_003])).to_json();
        let ranges = json.as_array().expect("ranges");
        assert_eq!(ranges.len(), 1_000);
        assert!(ranges.contains(&json!([5_000, 5_010])), "the two smallest gaps are closed");
    }
}
