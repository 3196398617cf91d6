//! Chance, from a seed. Whole numbers only, and no algorithm of a library that may change between its versions, so
//! that a seed means the same bytes for ever.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..limit`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// True in `fraction` of all throws, to about nine digits.
    pub fn chance(&mut self, fraction: f64) -> bool {
        const SCALE: u64 = 1 << 30;
        self.below(SCALE) < (fraction * SCALE as f64) as u64
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// One of `(weight, value)` pairs, the heavier the likelier.
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

    /// A waiting time with the given mean, exponential but for straight pieces: tosses of a coin count the halvings,
    /// and within one it is uniform. No logarithm, whose last digit differs between machines.
    pub fn wait(&mut self, mean: u64) -> u64 {
        let halvings = u64::from(self.bits().trailing_zeros());
        let within = self.bits() >> 48;
        // Mean of (halvings + within) is 1.5, in units of 2^16.
        ((u128::from(mean) * u128::from((halvings << 16) + within) * 2) / (3 << 16)) as u64
    }
}

/// A number that looks random but belongs to its argument (the finaliser of SplitMix64).
pub fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
