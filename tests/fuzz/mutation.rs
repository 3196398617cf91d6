//! The next input, from those of the corpus: a few changes to one of them.

use super::bytes::{self, Rng};
use super::{Shape, Target, json};
use std::path::Path;

/// The inputs of one target, one file each, in the folder that is named after the target.
pub struct Corpus {
    pub entries: Vec<Vec<u8>>,
}

impl Corpus {
    /// Reads `folder`, in the order of the file names. Never empty.
    pub fn read(folder: &Path) -> Self {
        let listed =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list `{}`: {error}", folder.display()));
        let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let entries: Vec<Vec<u8>> =
            paths.iter().map(|path| std::fs::read(path).expect("a file of the corpus")).collect();
        assert!(!entries.is_empty(), "the corpus `{}` is empty", folder.display());
        Corpus { entries }
    }
}

/// Changes to one input of the corpus.
const MAX_CHANGES: usize = 4;

/// Input number `number` of the campaign with `seed`.
pub fn input(target: &Target, corpus: &Corpus, seed: u64, number: u64) -> Vec<u8> {
    let mut rng = Rng::of(seed, number);
    let mut bytes = rng.pick(&corpus.entries).cloned().unwrap_or_default();
    for _ in 0..=rng.below(MAX_CHANGES) {
        let donor = rng.pick(&corpus.entries).map_or(&[][..], Vec::as_slice);
        if target.shape == Shape::Json && !rng.one_in(4) {
            bytes = json::change(&bytes, donor, &mut rng);
        } else {
            bytes::change(&mut bytes, donor, &mut rng);
        }
        bytes.truncate(target.max_bytes);
    }
    bytes
}
