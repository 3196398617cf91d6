//! Sequence numbers as ranges: consecutive numbers are one entry, so that memory grows with the gaps and not with the
//! events. Knows nothing of tables.

use crate::event::ids::SequenceNumber;

/// Ranges that may gather, beyond twice those that are needed, before neighbours are joined.
const MAX_UNSETTLED: usize = 1 << 14;

/// From `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SequenceRange {
    pub first: SequenceNumber,
    pub last: SequenceNumber,
}

impl SequenceRange {
    pub fn only(number: SequenceNumber) -> Self {
        SequenceRange { first: number, last: number }
    }

    pub fn count(self) -> i64 {
        self.last.0 - self.first.0 + 1
    }
}

/// Whether `next` is the number that follows `number`.
pub(super) fn is_next(number: SequenceNumber, next: SequenceNumber) -> bool {
    number.0.checked_add(1) == Some(next.0)
}

/// Which numbers were seen, and which of them more than once.
#[derive(Debug, Clone, Default)]
pub(super) struct SequenceRanges {
    seen: Vec<SequenceRange>,
    /// How many ranges were left when they were last joined.
    settled: usize,
    /// Sorted once [`SequenceRanges::settle`] was called.
    repeated: Vec<SequenceRange>,
}

impl SequenceRanges {
    /// The numbers in `numbers`, in any order.
    pub fn of(mut numbers: Vec<SequenceNumber>) -> Self {
        numbers.sort_unstable();
        let mut ranges = SequenceRanges::default();
        numbers.into_iter().for_each(|number| ranges.add(SequenceRange::only(number)));
        ranges.settle();
        ranges
    }

    pub fn add(&mut self, range: SequenceRange) {
        match self.seen.last_mut() {
            Some(last) if is_next(last.last, range.first) => last.last = range.last,
            _ => self.seen.push(range),
        }
        if self.seen.len() > 2 * self.settled + MAX_UNSETTLED {
            self.settle();
        }
    }

    pub fn combine(&mut self, other: &SequenceRanges) {
        self.repeated.extend(&other.repeated);
        other.seen.iter().for_each(|&range| self.add(range));
    }

    /// Sorts the ranges, joins neighbours, and records what overlaps. Call it before asking for anything below.
    pub fn settle(&mut self) {
        self.seen.sort_unstable();
        let mut joined: Vec<SequenceRange> = Vec::with_capacity(self.seen.len());
        for range in self.seen.drain(..) {
            match joined.last_mut() {
                Some(last) if range.first <= last.last => {
                    let overlap = SequenceRange { first: range.first, last: range.last.min(last.last) };
                    last.last = last.last.max(range.last);
                    match self.repeated.last_mut() {
                        Some(before) if is_next(before.last, overlap.first) => before.last = overlap.last,
                        _ => self.repeated.push(overlap),
                    }
                }
                Some(last) if is_next(last.last, range.first) => last.last = range.last,
                _ => joined.push(range),
            }
        }
        self.seen = joined;
        self.settled = self.seen.len();
        self.repeated.sort_unstable();
    }

    pub fn ranges(&self) -> &[SequenceRange] {
        &self.seen
    }

    /// Whether a number in `range` was seen.
    pub fn meets(&self, range: SequenceRange) -> bool {
        let following = self.seen.partition_point(|seen| seen.last < range.first);
        self.seen.get(following).is_some_and(|seen| seen.first <= range.last)
    }

    pub fn first(&self) -> Option<SequenceNumber> {
        self.seen.first().map(|range| range.first)
    }

    pub fn last(&self) -> Option<SequenceNumber> {
        self.seen.last().map(|range| range.last)
    }

    /// What is missing between the first number and the last.
    pub fn gaps(&self) -> impl Iterator<Item = SequenceRange> {
        self.seen.windows(2).map(|pair| SequenceRange {
            first: SequenceNumber(pair[0].last.0 + 1),
            last: SequenceNumber(pair[1].first.0 - 1),
        })
    }

    /// A number that was seen three times is in two of these.
    pub fn repeated(&self) -> &[SequenceRange] {
        &self.repeated
    }
}

/// How many numbers are in `ranges`.
pub(super) fn count(ranges: impl IntoIterator<Item = SequenceRange>) -> i64 {
    ranges.into_iter().map(SequenceRange::count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Whatever the files are, and in whatever order they are read, the ranges are what counting one by one gives.
        #[test]
        fn ranges_are_what_counting_gives(files in prop::collection::vec(prop::collection::vec(0..60i64, 1..30), 1..8)) {
            let mut ranges = SequenceRanges::default();
            let mut counted: BTreeMap<i64, i64> = BTreeMap::new();
            for numbers in files {
                numbers.iter().for_each(|&number| *counted.entry(number).or_default() += 1);
                ranges.combine(&SequenceRanges::of(numbers.into_iter().map(SequenceNumber).collect()));
            }
            ranges.settle();
            let (first, last) = (*counted.keys().next().unwrap(), *counted.keys().last().unwrap());
            prop_assert_eq!((ranges.first(), ranges.last()), (Some(SequenceNumber(first)), Some(SequenceNumber(last))));
            for number in 0..60 {
                prop_assert_eq!(ranges.meets(SequenceRange::only(SequenceNumber(number))), counted.contains_key(&number));
            }
            let missing = (first..=last).filter(|number| !counted.contains_key(number)).count() as i64;
            prop_assert_eq!(count(ranges.gaps()), missing);
            let extra: i64 = counted.values().map(|times| times - 1).sum();
            prop_assert_eq!(count(ranges.repeated().iter().copied()), extra);
        }
    }
}
