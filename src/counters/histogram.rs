//! How long things took: sum, maximum and counts by size.
//!
//! Promises a size that does not depend on how many times are added, and the same result in any order. A quantile of it is
//! the upper bound of a bucket, at most 2.5 times too high. Does not know what is measured.

use crate::event::time::Span;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Upper bounds in milliseconds: 1, 2, 5, 10 and so on to 5 * 10^9, which is 58 days.
const BOUNDS: [u64; 30] = {
    let mut bounds = [0; 30];
    let (mut at, mut power) = (0, 1);
    while at < bounds.len() {
        bounds[at] = [1, 2, 5][at % 3] * power;
        power *= if at % 3 == 2 { 10 } else { 1 };
        at += 1;
    }
    bounds
};

/// One for each bound, and one for what is above the last.
const BUCKETS: usize = BOUNDS.len() + 1;

/// Spans of time, in whole milliseconds. As JSON, what is 0 is left out:
/// `{"sum_ms": 131400, "max_ms": 950, "buckets": {"6": 900, "9": 98}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    #[serde(skip_serializing_if = "is_zero")]
    sum_ms: u64,
    #[serde(skip_serializing_if = "is_zero")]
    max_ms: u64,
    #[serde(skip_serializing_if = "Buckets::are_empty")]
    buckets: Buckets,
}

/// How many spans are at most as long as the bound of that number, and longer than the bound before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Buckets([u64; BUCKETS]);

impl Histogram {
    /// A negative span counts as 0: two clocks disagree.
    #[inline]
    pub fn add(&mut self, span: Span) {
        let ms = u64::try_from(span.millis()).unwrap_or_default();
        self.sum_ms = self.sum_ms.saturating_add(ms);
        self.max_ms = self.max_ms.max(ms);
        self.buckets.0[BOUNDS.partition_point(|&bound| bound < ms)] += 1;
    }

    /// Adds all that `other` has.
    pub fn merge(&mut self, other: &Histogram) {
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
        let pairs = self.buckets.0.iter_mut().zip(other.buckets.0);
        pairs.for_each(|(count, more)| *count = count.saturating_add(more));
    }

    /// How many spans were added.
    pub fn count(&self) -> u64 {
        self.buckets.0.iter().fold(0, |sum, &count| sum.saturating_add(count))
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.are_empty()
    }
}

impl Buckets {
    fn are_empty(&self) -> bool {
        self.0.iter().all(|&count| count == 0)
    }
}

impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().enumerate().filter(|(_, count)| **count > 0))
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut buckets = Buckets::default();
        for (at, count) in BTreeMap::<usize, u64>::deserialize(deserializer)? {
            *buckets.0.get_mut(at).ok_or_else(|| D::Error::custom(format_args!("there is no bucket {at}")))? = count;
        }
        Ok(buckets)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(milliseconds: &[i64]) -> Histogram {
        let mut histogram = Histogram::default();
        milliseconds.iter().for_each(|&ms| histogram.add(Span::from_millis(ms)));
        histogram
    }

    #[test]
    fn a_span_is_in_the_first_bucket_whose_bound_is_not_below_it() {
        assert_eq!((BOUNDS[0], BOUNDS[6], BOUNDS[9], BOUNDS[29]), (1, 100, 1_000, 5_000_000_000));
        assert!(BOUNDS.is_sorted());
        let bucket = |span: Span| {
            let mut histogram = Histogram::default();
            histogram.add(span);
            histogram.buckets.0.iter().position(|&count| count == 1)
        };
        for (at, &bound) in BOUNDS.iter().enumerate() {
            let bound = Span::from_millis(bound as i64);
            assert_eq!(bucket(bound), Some(at));
            assert_eq!(bucket(Span::from_micros(bound.micros() + 1_000)), Some(at + 1));
        }
        assert_eq!(bucket(Span::ZERO), Some(0));
        assert_eq!(bucket(Span::from_millis(-5)), Some(0));
        assert_eq!(bucket(Span::from_micros(1_999)), Some(0), "whole milliseconds, rounded down");
        assert_eq!(bucket(Span::MAX), Some(30));
    }

    #[test]
    fn what_is_zero_is_left_out_and_read_back() {
        let cases = [
            (of(&[]), json!({})),
            (of(&[0, -3]), json!({"buckets": {"0": 2}})),
            (of(&[80, 100, 950]), json!({"sum_ms": 1130, "max_ms": 950, "buckets": {"6": 2, "9": 1}})),
        ];
        for (histogram, expected) in cases {
            assert_eq!(json!(histogram), expected);
            assert_eq!(serde_json::from_value::<Histogram>(expected.clone()).unwrap(), histogram);
            assert_eq!(serde_json::from_str::<Histogram>(&expected.to_string()).unwrap(), histogram);
        }
        assert!(serde_json::from_value::<Histogram>(json!({"buckets": {"31": 1}})).is_err());
    }

    #[test]
    fn two_histograms_add_up() {
        let (first, second) = (of(&[3, 70, 9_000]), of(&[0, 70, 4]));
        let mut both = first.clone();
        both.merge(&second);
        assert_eq!(both, of(&[0, 3, 4, 70, 70, 9_000]));
        assert_eq!((both.count(), first.count(), Histogram::default().is_empty()), (6, 3, true));
    }
}
