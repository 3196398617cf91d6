//! A scan of all that is left of a table's log, without trust.
//!
//! Opening a table stops silently at a hole in the log, and believes a checkpoint about what came before it. The scan
//! reads every commit that is there and reports what cannot be right. Two things are legal and no anomaly: the oldest
//! commits up to a checkpoint may be cleaned up; a file may be added again without new rows (`dataChange` false), to give
//! it statistics.

use super::action::{BEFORE_FIRST, Commit, Version};
use super::error::LakeError;
use super::log::{READ_AHEAD, Replay};
use super::snapshot::Snapshot;
use super::table::Table;
use futures::StreamExt;
use std::collections::{HashMap, HashSet};

/// What the log says, and what is wrong with it.
#[derive(Debug, Default)]
pub struct LogScan {
    /// The table at its last version. Commits that are missing count as empty.
    pub head: Snapshot,
    /// The table at the version that was asked for, where that is not the last one.
    marked: Option<Snapshot>,
    /// Number of commits that were read.
    pub commits: usize,
    /// The commit that added a file's rows, for files whose rows nobody has moved.
    pub added_in: HashMap<String, Version>,
    pub anomalies: Vec<Anomaly>,
}

/// Something in a log that no correct writer produces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anomaly {
    CommitsMissing {
        from: Version,
        to: Version,
        /// A checkpoint covers them, so a reader of the table does not notice.
        covered: bool,
    },
    CommitUnreadable {
        version: Version,
        detail: String,
    },
    CheckpointUnreadable {
        detail: String,
    },
    /// The checkpoint contradicts the commits before it.
    CheckpointDiffers {
        version: Version,
        detail: String,
    },
    AddedTwice {
        version: Version,
        path: String,
    },
    TxnWentBack {
        version: Version,
        app_id: String,
        from: i64,
        to: i64,
    },
}

impl Table {
    /// Scans the log and passes each commit to `visit`, in order. `mark` is a version whose files are wanted too. `None`
    /// when there is no table. An error means that the store did not answer or that the table is foreign.
    pub async fn scan_log(
        &self,
        mark: Option<Version>,
        visit: impl FnMut(&Commit) + Send,
    ) -> Result<Option<LogScan>, LakeError> {
        let versions = self.log.versions().await?;
        let mut scan = LogScan::default();
        let checkpoint = self.trusted_checkpoint(&mut scan.anomalies).await?;
        if versions.is_empty() && checkpoint.is_none() {
            return Ok(None);
        }
        let mut scanner = Scanner::new(scan, checkpoint, mark, visit);
        let commits = futures::stream::iter(versions)
            .map(|version| async move { (version, self.log.read(version).await) })
            .buffered(READ_AHEAD);
        futures::pin_mut!(commits);
        while let Some((version, read)) = commits.next().await {
            match read {
                Ok(Some(commit)) => scanner.step(&commit),
                // Cleaned up since it was listed. The next commit shows whether that leaves a hole.
                Ok(None) => {}
                Err(LakeError::Damaged { detail, .. }) => {
                    scanner.scan.anomalies.push(Anomaly::CommitUnreadable { version, detail });
                    scanner.skip(version);
                }
                Err(error) => return Err(error),
            }
        }
        let scan = scanner.finish();
        self.verify(&scan.head)?;
        Ok(Some(scan))
    }

    /// The checkpoint that every reader of the table starts from.
    async fn trusted_checkpoint(&self, anomalies: &mut Vec<Anomaly>) -> Result<Option<Snapshot>, LakeError> {
        let read = async {
            match self.log.last_checkpoint().await? {
                Some(found) => Snapshot::of_checkpoint(&self.log, &found, Replay::TxnsAndFiles).await.map(Some),
                None => Ok(None),
            }
        };
        match read.await {
            Err(LakeError::Damaged { object, detail, .. }) => {
                anomalies.push(Anomaly::CheckpointUnreadable { detail: format!("cannot read `{object}`: {detail}") });
                Ok(None)
            }
            read => read,
        }
    }
}

impl LogScan {
    /// The table at the version that was asked for, if the log reaches it.
    pub fn at(&self, version: Version) -> Option<&Snapshot> {
        match &self.marked {
            Some(marked) if marked.version == version => Some(marked),
            _ => (self.head.version == version).then_some(&self.head),
        }
    }
}

struct Scanner<V> {
    scan: LogScan,
    /// Until the scan has passed it.
    checkpoint: Option<Snapshot>,
    mark: Option<Version>,
    /// Whether all commits up to the current one were read, so that the state is known without a checkpoint.
    complete: bool,
    /// Last commit that is there, readable or not. `None` before the first.
    last: Option<Version>,
    visit: V,
}

impl<V: FnMut(&Commit)> Scanner<V> {
    fn new(mut scan: LogScan, checkpoint: Option<Snapshot>, mark: Option<Version>, visit: V) -> Self {
        scan.head.version = BEFORE_FIRST;
        Scanner { scan, checkpoint, mark, complete: true, last: None, visit }
    }

    fn step(&mut self, commit: &Commit) {
        self.check_gap(commit.version);
        self.last = Some(commit.version);
        self.scan.commits += 1;
        self.check_txns(commit);
        self.check_adds(commit);
        self.scan.head.apply(commit, Replay::TxnsAndFiles);
        (self.visit)(commit);
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.version == commit.version) {
            self.pass_checkpoint();
        }
        if self.mark == Some(commit.version) {
            self.scan.marked = Some(self.scan.head.clone());
        }
    }

    /// Passes a commit that is there and cannot be read.
    fn skip(&mut self, version: Version) {
        self.check_gap(version);
        self.last = Some(version);
        self.complete = false;
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.version == version) {
            self.pass_checkpoint();
        }
    }

    /// Looks at what is between the last commit and `next`: nothing, a checkpoint, or a hole.
    fn check_gap(&mut self, next: Version) {
        let checkpoint = self.checkpoint.as_ref().map(|checkpoint| checkpoint.version);
        let covered_to = checkpoint.unwrap_or(BEFORE_FIRST);
        let from = match self.last {
            Some(last) => last + 1,
            // The oldest commits may be cleaned up as far as a checkpoint covers them.
            None => next.min(covered_to + 1),
        };
        if from < next {
            let covered = next - 1 <= covered_to;
            self.scan.anomalies.push(Anomaly::CommitsMissing { from, to: next - 1, covered });
        }
        if self.last.map_or(next > 0, |last| last + 1 < next) {
            self.complete = false;
        }
        if checkpoint.is_some_and(|version| version < next) {
            self.pass_checkpoint();
        }
    }

    /// Compares the checkpoint with the commits that were read, or continues from it where some of them were missing.
    fn pass_checkpoint(&mut self) {
        let Some(checkpoint) = self.checkpoint.take() else { return };
        if !self.complete || checkpoint.version > self.scan.head.version {
            self.scan.head = checkpoint;
        } else if let Some(detail) = difference(&self.scan.head, &checkpoint) {
            self.scan.anomalies.push(Anomaly::CheckpointDiffers { version: checkpoint.version, detail });
        }
        if self.mark == Some(self.scan.head.version) {
            self.scan.marked = Some(self.scan.head.clone());
        }
    }

    fn check_txns(&mut self, commit: &Commit) {
        for txn in commit.txns() {
            let before = self.scan.head.txns.get(&txn.app_id).map(|reached| reached.version);
            if let Some(from) = before.filter(|&from| from > txn.version) {
                let (version, app_id, to) = (commit.version, txn.app_id.clone(), txn.version);
                self.scan.anomalies.push(Anomaly::TxnWentBack { version, app_id, from, to });
            }
        }
    }

    fn check_adds(&mut self, commit: &Commit) {
        let removed: HashSet<&str> = commit
            .actions
            .iter()
            .filter_map(|action| action.remove.as_ref())
            .map(|remove| remove.path.as_str())
            .collect();
        let mut added = HashSet::new();
        for add in commit.adds() {
            let again =
                add.data_change && self.scan.head.files.contains_key(&add.path) && !removed.contains(add.path.as_str());
            if again || !added.insert(add.path.as_str()) {
                self.scan.anomalies.push(Anomaly::AddedTwice { version: commit.version, path: add.path.clone() });
            }
            // A commit that removes files as well moves rows of older commits.
            if add.data_change && removed.is_empty() {
                self.scan.added_in.insert(add.path.clone(), commit.version);
            }
        }
    }

    fn finish(mut self) -> LogScan {
        if let (Some(last), Some(checkpoint)) = (self.last, self.checkpoint.as_ref().map(|found| found.version)) {
            self.scan.anomalies.push(Anomaly::CommitsMissing { from: last + 1, to: checkpoint, covered: true });
        }
        self.pass_checkpoint();
        let files = &self.scan.head.files;
        self.scan.added_in.retain(|path, _| files.contains_key(path));
        self.scan
    }
}

/// The first point in which a checkpoint contradicts the commits before it.
fn difference(replayed: &Snapshot, checkpoint: &Snapshot) -> Option<String> {
    let lost = replayed.files.keys().find(|path| !checkpoint.files.contains_key(*path));
    let extra = checkpoint.files.keys().find(|path| !replayed.files.contains_key(*path));
    let txn = replayed
        .txns
        .iter()
        .find(|(app_id, reached)| checkpoint.txns.get(*app_id).map(|found| found.version) != Some(reached.version));
    if let Some(path) = lost {
        return Some(format!("file `{path}` is not in it"));
    }
    if let Some(path) = extra {
        return Some(format!("file `{path}` is in it and was removed or never added"));
    }
    txn.map(|(app_id, reached)| format!("`txn` {} of `{app_id}` is not in it", reached.version))
}
