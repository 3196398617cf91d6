//! A deployment to check: the committed one, or a copy with a defect.

use super::snapshot::Snapshot;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The committed parameter sets: all defaults, everything that one region can have, and two regions.
pub const PARAMETER_SETS: [&str; 3] = ["default", "vnet", "two-regions"];

pub struct Specimen {
    pub root: PathBuf,
    pub snapshots: Vec<Snapshot>,
}

impl Specimen {
    pub fn committed() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        let read = |name: &&str| Snapshot::new(name, &committed_snapshot(name));
        Specimen { snapshots: PARAMETER_SETS.iter().map(read).collect(), root }
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(path)).unwrap_or_else(|error| panic!("`{path}` is not JSON: {error}"))
    }

    /// Names of the folders below `functions/`.
    pub fn functions(&self) -> BTreeSet<String> {
        let folders = std::fs::read_dir(self.root.join("functions")).expect("a folder");
        folders.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// Problems that `check` finds in any of the snapshots.
    pub fn each(&self, check: impl Fn(&Snapshot) -> Vec<String>) -> Vec<String> {
        let all = self
            .snapshots
            .iter()
            .flat_map(|snapshot| check(snapshot).into_iter().map(|problem| format!("{}: {problem}", snapshot.name)));
        all.collect()
    }
}

pub fn committed_snapshot(name: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("infra/snapshots/{name}.snapshot.json"));
    let text = std::fs::read_to_string(path).expect("the snapshots are committed");
    serde_json::from_str(&text).expect("a snapshot is JSON")
}
