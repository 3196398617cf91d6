//! Random numbers from a seed.
//!
//! The same seed gives the same numbers for ever, on every machine. So everything here is written out in whole numbers, and
//! uses no algorithm of a library that may change between its versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// True with the probability `fraction`, to about nine digits.
    pub fn chance(&mut self, fraction: f64) -> bool {
        const SCALE: u64 = 1 << 30;
        self.below(SCALE) < (fraction * SCALE as f64) as u64
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// One value of `(weight, value)` pairs, each with a probability in proportion to its weight.
    pub fn weighted<'a, T>(&mut self, from: &'a [(u32, T)]) -> &'a T {
        let mut left = self.below(from.iter().map(|(weight, _)| u64::from(*weight)).sum());
        for (weight, value) in from {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return value,
            }
        }
        &from[from.len() - 1].1
    }

    /// A waiting time with the given mean, which is roughly exponential: the number of halvings is that of coin tosses, and
    /// the time is uniform within one halving. A logarithm would be exact, but its last digit differs between machines.
    pub fn wait(&mut self, mean: u64) -> u64 {
        let halvings = u64::from(self.bits().trailing_zeros());
        let within = self.bits() >> 48;
        // The mean of (halvings + within) is 1.5, in units of 2^16.
        ((u128::from(mean) * u128::from((halvings << 16) + within) * 2) / (3 << 16)) as u64
    }
}

/// The finaliser of SplitMix64: a number that looks random, and is always the same for the same `value`.
pub fn splitmix64(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
