//! How many events of a partition a producer sent twice, in bounded memory.
//!
//! Exact while a partition has few distinct keys; beyond, counted in a sample by key. All copies of a key are in the
//! sample or none is, so the estimate is not biased.

use std::collections::HashMap;

/// Distinct keys that are remembered.
const KEYS: usize = 1 << 16;

#[derive(Debug, Clone, Default)]
pub struct Repeats {
    times: HashMap<i64, u32>,
    /// Only keys that end in this many zero bits are looked at.
    zero_bits: u32,
}

impl Repeats {
    /// Keys are hashes already.
    pub fn add(&mut self, key: i64) {
        if !self.is_sampled(key) {
            return;
        }
        *self.times.entry(key).or_default() += 1;
        while self.times.len() > KEYS && self.zero_bits < 63 {
            self.zero_bits += 1;
            let zero_bits = self.zero_bits;
            self.times.retain(|key, _| key.trailing_zeros() >= zero_bits);
        }
    }

    pub fn is_exact(&self) -> bool {
        self.zero_bits == 0
    }

    pub fn count(&self) -> i64 {
        self.times.values().map(|&times| i64::from(times) - 1).sum::<i64>() << self.zero_bits
    }

    fn is_sampled(&self, key: i64) -> bool {
        key.trailing_zeros() >= self.zero_bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn few_keys_are_counted_and_many_estimated() {
        let key = |number: u64| xxh3_64(&number.to_le_bytes()) as i64;
        let mut few = Repeats::default();
        (0..1_000).chain(0..10).chain(0..10).for_each(|number| few.add(key(number)));
        assert_eq!((few.count(), few.is_exact()), (20, true));
        let mut many = Repeats::default();
        (0..400_000).chain(0..40_000).for_each(|number| many.add(key(number)));
        assert!(!many.is_exact() && many.times.len() <= KEYS);
        assert!((36_000..44_000).contains(&many.count()), "{}", many.count());
    }
}
