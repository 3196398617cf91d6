//! What the rows of one commit say of one source, counted: an object of the member [`QUALITY`] of `commitInfo`.
//!
//! Promises that objects add up, in any order, and that those of one commit have a bounded size. Names in them may be a
//! sender's text. Which of the counters a table writes is for its writer to decide: those that are 0 are left out.

use super::histogram::Histogram;
use crate::event::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Member of `commitInfo` that has a list of [`HourCounts`].
pub const QUALITY: &str = "quality";

/// Stands for the names that are not among the [`MAX_NAMES`].
pub const OTHER_NAMES: &str = "(other)";

/// Names of each kind in one object.
const MAX_NAMES: usize = 50;

/// Of all objects of one commit, as JSON.
const MAX_BYTES: usize = 64 << 10;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// How often each name was counted.
pub type NameCounts = BTreeMap<String, u64>;

/// What a commit adds of one source in one hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HourCounts {
    /// `<namespace>/<hub>/<group>/<partition>`, followed by `@<epoch>` unless that is 0.
    pub source: String,
    /// Hours since the epoch, of the invocation that wrote the rows.
    pub hour: i64,
    /// The smallest sequence number, and the largest.
    pub first: i64,
    pub last: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub received: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub events: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub rows: u64,
    /// Events by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: NameCounts,
    /// Unknown members by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: NameCounts,
    /// Events in which an optional column is null, by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub nulls: NameCounts,
    /// Events that happened after the hub received them, by the clock of their producer.
    #[serde(skip_serializing_if = "is_zero")]
    pub ahead: u64,
    /// Events of programs.
    #[serde(skip_serializing_if = "is_zero")]
    pub bots: u64,
    /// From the event to the hub.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub age: Histogram,
    /// From the hub to the invocation.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub lag: Histogram,
    /// Whether names were dropped so that the commit stays small.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl HourCounts {
    /// Nothing is counted yet.
    pub fn new(source: String, at: Timestamp) -> Self {
        HourCounts { source, hour: at.0.div_euclid(MICROS_PER_HOUR), ..HourCounts::default() }
    }

    /// Adds what `other` counts of the same source and hour.
    fn add(&mut self, other: HourCounts) {
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
        self.received += other.received;
        self.events += other.events;
        self.rows += other.rows;
        self.ahead += other.ahead;
        self.bots += other.bots;
        self.age.merge(&other.age);
        self.lag.merge(&other.lag);
        self.cut |= other.cut;
        let names =
            [(&mut self.rejected, other.rejected), (&mut self.unknown, other.unknown), (&mut self.nulls, other.nulls)];
        for (counts, more) in names {
            more.into_iter().for_each(|(name, count)| *counts.entry(name).or_default() += count);
        }
    }

    fn drop_unknown(&mut self) {
        self.cut |= !self.unknown.is_empty();
        self.unknown.clear();
    }

    fn drop_nulls(&mut self) {
        self.cut |= !self.nulls.is_empty();
        self.nulls.clear();
    }
}

/// The objects of one commit from those of its appends: one for each source and hour, in order, within the bounds.
pub fn of_commit(appends: Vec<Value>) -> Value {
    let mut objects: BTreeMap<(String, i64), HourCounts> = BTreeMap::new();
    // All of them were written as `HourCounts` by this process, so none is left out.
    for counts in appends.into_iter().filter_map(|counts| serde_json::from_value::<HourCounts>(counts).ok()) {
        match objects.get_mut(&(counts.source.clone(), counts.hour)) {
            Some(known) => known.add(counts),
            None => drop(objects.insert((counts.source.clone(), counts.hour), counts)),
        }
    }
    let mut objects: Vec<HourCounts> = objects.into_values().collect();
    for counts in &mut objects {
        [&mut counts.rejected, &mut counts.unknown, &mut counts.nulls].into_iter().for_each(bound_names);
    }
    let mut quality = serde_json::json!(objects);
    for drop_names in [HourCounts::drop_unknown, HourCounts::drop_nulls] {
        if quality.to_string().len() > MAX_BYTES {
            objects.iter_mut().for_each(drop_names);
            quality = serde_json::json!(objects);
        }
    }
    quality
}

/// Keeps the names with the largest counts. The others become one, so that the sum stays.
fn bound_names(counts: &mut NameCounts) {
    if counts.len() <= MAX_NAMES {
        return;
    }
    let mut others = counts.remove(OTHER_NAMES).unwrap_or_default();
    let mut names: Vec<(String, u64)> = std::mem::take(counts).into_iter().collect();
    // Sorted by name already, and the sort is stable.
    names.sort_by_key(|(_, count)| Reverse(*count));
    others += names.drain(MAX_NAMES.min(names.len())..).map(|(_, count)| count).sum::<u64>();
    counts.extend(names);
    counts.extend((others > 0).then(|| (OTHER_NAMES.to_owned(), others)));
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(appends: &[Value]) -> Vec<HourCounts> {
        serde_json::from_value(of_commit(appends.to_vec())).expect("it is written as it is read")
    }

    #[test]
    fn objects_of_one_source_and_hour_become_one() {
        let objects = [
            json!({"source": "b", "hour": 1, "first": 0, "last": 0, "rows": 1}),
            json!({"source": "a", "hour": 1, "first": 5, "last": 6, "received": 2, "rejected": {"not_json": 1}, "bots": 1}),
            json!({"source": "a", "hour": 1, "first": 7, "last": 9, "received": 3, "rejected": {"not_json": 2},
                   "unknown": {"x": 1}, "nulls": {"os": 1}, "ahead": 2, "age": {"sum_ms": 3, "max_ms": 3, "buckets": {"2": 1}}}),
            json!({"source": "a", "hour": 2, "first": 10, "last": 10, "received": 1}),
        ];
        let expected = json!([
            {"source": "a", "hour": 1, "first": 5, "last": 9, "received": 5, "rejected": {"not_json": 3}, "unknown": {"x": 1},
             "nulls": {"os": 1}, "ahead": 2, "bots": 1, "age": {"sum_ms": 3, "max_ms": 3, "buckets": {"2": 1}}},
            {"source": "a", "hour": 2, "first": 10, "last": 10, "received": 1},
            {"source": "b", "hour": 1, "first": 0, "last": 0, "rows": 1},
        ]);
        assert_eq!(of_commit(objects.to_vec()), expected);
        assert_eq!(of_commit(objects.into_iter().rev().collect()), expected);
    }

    #[test]
    fn the_names_with_the_largest_counts_are_kept_and_the_sum_stays() {
        let mut unknown: NameCounts = (0..60).map(|number| (format!("n{number:02}"), 1)).collect();
        unknown.extend([("n59".to_owned(), 7), (OTHER_NAMES.to_owned(), 3)]);
        let object = |unknown: &NameCounts| json!({"source": "a", "unknown": unknown});
        let bounded = merged(&[object(&unknown)]).remove(0).unknown;
        assert_eq!(bounded.len(), MAX_NAMES + 1);
        assert_eq!((bounded["n59"], bounded["n00"], bounded["n48"]), (7, 1, 1));
        assert!(!bounded.contains_key("n49"));
        assert_eq!(bounded[OTHER_NAMES], 3 + 10);
        let fifty: NameCounts = (0..50).map(|number| (number.to_string(), 1)).collect();
        assert_eq!(merged(&[object(&fifty)])[0].unknown, fifty);
    }

    #[test]
    fn a_commit_of_many_sources_loses_names_and_says_so() {
        let long = |start: char| -> NameCounts { (0..50).map(|number| (format!("{start}{number:063}"), 1)).collect() };
        let of_sources = |sources: usize, nulls: &NameCounts| {
            let object = |source| json!({"source": format!("s{source:04}"), "received": 9, "unknown": long('u'), "nulls": nulls});
            let objects: Vec<Value> = (0..sources).map(object).collect();
            assert_eq!(of_commit(objects.clone()).as_array().map(Vec::len), Some(sources));
            merged(&objects)
        };
        let few = of_sources(10, &NameCounts::new());
        assert!(few.iter().all(|counts| !counts.cut && counts.unknown.len() == 50));
        let some = of_sources(10, &long('n'));
        assert!(some.iter().all(|counts| counts.cut && counts.unknown.is_empty() && counts.nulls.len() == 50));
        let many = of_sources(30, &long('n'));
        assert!(many.iter().all(|counts| counts.cut && counts.unknown.is_empty() && counts.nulls.is_empty()));
        assert!(many.iter().all(|counts| counts.received == 9));
    }
}
