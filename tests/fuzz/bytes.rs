//! Changes to bytes that know nothing of what the bytes mean, and the random numbers that choose them.

use super::dictionary::{NAMES, PIECES, VALUES};

/// SplitMix64: the same number gives the same choices on every machine.
pub struct Rng(u64);

impl Rng {
    /// The choices of adjacent numbers have nothing in common.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut rng = Rng(seed);
        let start = rng.next();
        Rng(start ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of them, or `None` if there is nothing to choose from.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// Makes one change. `donor` is another input of the target.
pub fn change(bytes: &mut Vec<u8>, donor: &[u8], rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    match rng.below(10) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.next() as u8;
            }
        }
        3 | 4 => insert(bytes, at, rng.pick(PIECES).copied().unwrap_or_default()),
        5 => {
            let words = if rng.one_in(2) { NAMES } else { VALUES };
            insert(bytes, at, rng.pick(words).copied().unwrap_or_default());
        }
        6 => bytes.truncate(at),
        7 => {
            let end = at + rng.below(bytes.len() - at + 1).min(64);
            bytes.drain(at..end);
        }
        8 => {
            let end = at + rng.below(bytes.len() - at + 1).min(256);
            let again = bytes[at..end].repeat(if rng.one_in(32) { 100 } else { 1 });
            insert(bytes, at, &again);
        }
        _ => {
            let from = rng.below(donor.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&donor[from..]);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    bytes.splice(at..at, new.iter().copied());
}
