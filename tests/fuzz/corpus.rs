//! The inputs that mutation starts from: one file each, in a folder named after the target.

use std::path::Path;

/// Inputs of one target, by file name.
pub struct Corpus {
    pub entries: Vec<Vec<u8>>,
}

impl Corpus {
    /// What is in `folder`; never empty.
    pub fn read(folder: &Path) -> Self {
        let listed = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("list `{}`: {error}", folder.display()));
        let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let entries: Vec<Vec<u8>> =
            paths.iter().map(|path| std::fs::read(path).expect("a file of the corpus")).collect();
        assert!(!entries.is_empty(), "the corpus `{}` is empty", folder.display());
        Corpus { entries }
    }
}
