//! Sequence numbers as runs: consecutive ones are one entry, so that memory follows the gaps and not the events.

/// Runs that may gather before neighbours are joined.
const UNSETTLED: usize = 1 << 14;

/// Which numbers were seen, and which of them twice. Ranges include both ends.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    runs: Vec<(i64, i64)>,
    settled: usize,
    /// Sorted once [`Runs::settle`] was called.
    doubled: Vec<(i64, i64)>,
}

impl Runs {
    /// The numbers in `numbers`, in whatever order.
    pub fn of(mut numbers: Vec<i64>) -> Self {
        numbers.sort_unstable();
        let mut runs = Runs::default();
        for number in numbers {
            runs.add((number, number));
        }
        runs.settle();
        runs
    }

    pub fn add(&mut self, run: (i64, i64)) {
        match self.runs.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(run.0) => last.1 = run.1,
            _ => self.runs.push(run),
        }
        if self.runs.len() > 2 * self.settled + UNSETTLED {
            self.settle();
        }
    }

    pub fn combine(&mut self, other: &Runs) {
        self.doubled.extend(&other.doubled);
        other.runs.iter().for_each(|&run| self.add(run));
    }

    /// Sorts, joins neighbours, and notes what overlaps.
    pub fn settle(&mut self) {
        self.runs.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(self.runs.len());
        for run in self.runs.drain(..) {
            match joined.last_mut() {
                Some(last) if run.0 <= last.1 => {
                    let again = (run.0, run.1.min(last.1));
                    last.1 = last.1.max(run.1);
                    match self.doubled.last_mut() {
                        Some(before) if before.1 + 1 == again.0 => before.1 = again.1,
                        _ => self.doubled.push(again),
                    }
                }
                Some(last) if last.1 + 1 == run.0 => last.1 = run.1,
                _ => joined.push(run),
            }
        }
        self.runs = joined;
        self.settled = self.runs.len();
        self.doubled.sort_unstable();
    }

    pub fn first(&self) -> Option<i64> {
        self.runs.first().map(|run| run.0)
    }

    pub fn last(&self) -> Option<i64> {
        self.runs.last().map(|run| run.1)
    }

    /// What is missing between the first and the last.
    pub fn gaps(&self) -> impl Iterator<Item = (i64, i64)> {
        self.runs.windows(2).map(|pair| (pair[0].1 + 1, pair[1].0 - 1))
    }

    /// Each range once for each time too many.
    pub fn doubled(&self) -> &[(i64, i64)] {
        &self.doubled
    }
}

/// How many numbers are in `ranges`.
pub fn count(ranges: impl IntoIterator<Item = (i64, i64)>) -> i64 {
    ranges.into_iter().map(|(first, last)| last - first + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Whatever the files are and in whatever order they come, it is what counting one by one gives.
        #[test]
        fn runs_are_what_counting_gives(files in prop::collection::vec(prop::collection::vec(0..60i64, 1..30), 1..8)) {
            let mut runs = Runs::default();
            let mut counted: BTreeMap<i64, i64> = BTreeMap::new();
            for numbers in files {
                numbers.iter().for_each(|&number| *counted.entry(number).or_default() += 1);
                runs.combine(&Runs::of(numbers));
            }
            runs.settle();
            let (first, last) = (*counted.keys().next().unwrap(), *counted.keys().last().unwrap());
            prop_assert_eq!((runs.first(), runs.last()), (Some(first), Some(last)));
            let missing = (first..=last).filter(|number| !counted.contains_key(number)).count() as i64;
            prop_assert_eq!(count(runs.gaps()), missing);
            let extra: i64 = counted.values().map(|times| times - 1).sum();
            prop_assert_eq!(count(runs.doubled().iter().copied()), extra);
        }
    }
}
