//! The next input from those of the corpus: a few changes to one of them, now and then to nothing at all.

use super::chance::Chance;
use super::corpus::Corpus;
use super::dictionary::{NAMES, PIECES, VALUES};
use super::{Shape, Target, json};

/// Changes to one input.
const MOST_CHANGES: usize = 4;

/// Input number `number` of the campaign with `seed`.
pub fn input(target: &Target, corpus: &Corpus, seed: u64, number: u64) -> Vec<u8> {
    let mut chance = Chance::of(seed, number);
    let mut bytes = chance.pick(&corpus.entries).cloned().unwrap_or_default();
    for _ in 0..=chance.below(MOST_CHANGES) {
        let donor = chance.pick(&corpus.entries).map_or(&[][..], Vec::as_slice);
        if target.shape == Shape::Json && !chance.one_in(4) {
            bytes = json::mutate(&bytes, donor, &mut chance);
        } else {
            change_bytes(&mut bytes, donor, &mut chance);
        }
        bytes.truncate(target.most_bytes);
    }
    bytes
}

/// One change that knows nothing of what the bytes mean.
pub fn change_bytes(bytes: &mut Vec<u8>, donor: &[u8], chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    match chance.below(10) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = chance.next() as u8;
            }
        }
        3 | 4 => insert(bytes, at, chance.pick(PIECES).copied().unwrap_or_default()),
        5 => {
            let words = if chance.one_in(2) { NAMES } else { VALUES };
            insert(bytes, at, chance.pick(words).copied().unwrap_or_default());
        }
        6 => bytes.truncate(at),
        7 => {
            let end = at + chance.below(bytes.len() - at + 1).min(64);
            bytes.drain(at..end);
        }
        8 => {
            let end = at + chance.below(bytes.len() - at + 1).min(256);
            let again = bytes[at..end].repeat(if chance.one_in(32) { 100 } else { 1 });
            insert(bytes, at, &again);
        }
        _ => {
            let from = chance.below(donor.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&donor[from..]);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    bytes.splice(at..at, new.iter().copied());
}
