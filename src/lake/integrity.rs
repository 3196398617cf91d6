//! A walk along all that is left of a table's log, believing none of it.
//!
//! Opening a table stops quietly where the log has a hole, and takes a checkpoint's word for what came before. The walk
//! reads every commit that is there and says what cannot be right. Legal, and no flaw: commits up to a checkpoint may be
//! cleaned up from the oldest on; a file may be added again without being news (`dataChange` false), to give it statistics.

use super::error::LakeError;
use super::log::{Commit, Version, version_of};
use super::snapshot::{Replay, Snapshot};
use super::table::Table;
use crate::error::with_causes;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::{HashMap, HashSet};

/// How many log files are read at once.
const READ_AHEAD: usize = 16;

/// What the log says, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Walk {
    /// The table at its last version; across a hole as if nothing were missing.
    pub head: Snapshot,
    /// The table at the version that was asked for, where that is not the last one.
    marked: Option<Snapshot>,
    /// Commits that were read.
    pub commits: usize,
    /// The commit that brought a file's rows, for files that no compaction has moved.
    pub added_in: HashMap<String, Version>,
    pub flaws: Vec<Flaw>,
}

/// Something in a log that no writer leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    CommitsMissing {
        from: Version,
        to: Version,
        /// A checkpoint covers them: who opens the table does not notice.
        covered: bool,
    },
    CommitUnreadable {
        version: Version,
        detail: String,
    },
    CheckpointUnreadable {
        detail: String,
    },
    /// It does not say what the commits before it say.
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
    /// Walks the log and shows each commit to `visit`, in order. `mark` is a version of which the files are wanted too.
    /// `None` when there is no table. Errors mean that the store did not answer or that the table is foreign.
    pub async fn walk(
        &self,
        mark: Option<Version>,
        visit: impl FnMut(&Commit) + Send,
    ) -> Result<Option<Walk>, LakeError> {
        let versions = self.versions_present().await?;
        let mut walk = Walk::default();
        let checkpoint = self.checkpoint_believed(&mut walk.flaws).await?;
        if versions.is_empty() && checkpoint.is_none() {
            return Ok(None);
        }
        let mut walker = Walker::new(walk, checkpoint, mark, visit);
        let commits = futures::stream::iter(versions)
            .map(|version| async move { (version, self.log.read(version).await) })
            .buffered(READ_AHEAD);
        futures::pin_mut!(commits);
        while let Some((version, read)) = commits.next().await {
            match read {
                Ok(Some(commit)) => {
                    for action in &commit.actions {
                        self.verify(action.protocol.as_ref(), action.meta_data.as_ref())?;
                    }
                    walker.step(&commit);
                }
                // Cleaned up since we looked; the next one shows whether that leaves a hole.
                Ok(None) => {}
                Err(LakeError::Damaged { detail, .. }) => {
                    walker.walk.flaws.push(Flaw::CommitUnreadable { version, detail });
                    walker.skip(version);
                }
                Err(error) => return Err(error),
            }
        }
        let walk = walker.finish();
        self.verify(walk.head.protocol.as_ref(), walk.head.metadata.as_ref())?;
        Ok(Some(walk))
    }

    async fn versions_present(&self) -> Result<Vec<Version>, LakeError> {
        let folder = Path::from("_delta_log");
        let listed = self.store.list(Some(&folder)).try_filter_map(async |object| Ok(version_of(&object.location)));
        let mut found: Vec<Version> = listed.try_collect().await.map_err(|source| LakeError::Store {
            attempt: "list the log of table",
            object: self.spec.name.into(),
            source,
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// The checkpoint that opening the table would start from.
    async fn checkpoint_believed(&self, flaws: &mut Vec<Flaw>) -> Result<Option<Snapshot>, LakeError> {
        let read = async {
            match self.last_checkpoint().await? {
                Some(checkpoint) => self.read_checkpoint(checkpoint, Replay::TxnsAndFiles).await.map(Some),
                None => Ok(None),
            }
        };
        match read.await {
            Err(error @ LakeError::Damaged { .. }) => {
                flaws.push(Flaw::CheckpointUnreadable { detail: with_causes(&error) });
                Ok(None)
            }
            read => read,
        }
    }
}

impl Walk {
    /// The table at the version that was asked for, if the log reaches it.
    pub fn at(&self, version: Version) -> Option<&Snapshot> {
        match &self.marked {
            Some(marked) if marked.version == version => Some(marked),
            _ => (self.head.version == version).then_some(&self.head),
        }
    }
}

struct Walker<V> {
    walk: Walk,
    /// Until the walk has passed it.
    checkpoint: Option<Snapshot>,
    mark: Option<Version>,
    /// All commits up to the current one were seen, so the state is known without a checkpoint.
    complete: bool,
    /// Last commit seen or known to be unreadable; `None` before the first.
    last: Option<Version>,
    visit: V,
}

impl<V: FnMut(&Commit)> Walker<V> {
    fn new(mut walk: Walk, checkpoint: Option<Snapshot>, mark: Option<Version>, visit: V) -> Self {
        walk.head.version = -1;
        Walker { walk, checkpoint, mark, complete: true, last: None, visit }
    }

    fn step(&mut self, commit: &Commit) {
        self.close_gap(commit.version);
        self.last = Some(commit.version);
        self.walk.commits += 1;
        self.check_txns(commit);
        self.check_adds(commit);
        self.walk.head.apply(commit, Replay::TxnsAndFiles);
        (self.visit)(commit);
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.version == commit.version) {
            self.meet_checkpoint();
        }
        if self.mark == Some(commit.version) {
            self.walk.marked = Some(self.walk.head.clone());
        }
    }

    /// Past a commit that is there and cannot be read.
    fn skip(&mut self, version: Version) {
        self.close_gap(version);
        self.last = Some(version);
        self.complete = false;
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.version == version) {
            self.meet_checkpoint();
        }
    }

    /// What lies between the last commit and `next`, or the end: nothing, a checkpoint, or a hole.
    fn close_gap(&mut self, next: Version) {
        let checkpoint = self.checkpoint.as_ref().map(|checkpoint| checkpoint.version);
        let covered_to = checkpoint.unwrap_or(-1);
        let from = match self.last {
            Some(last) => last + 1,
            // The oldest commits may be cleaned up, those that a checkpoint has.
            None => next.min(covered_to + 1),
        };
        if from < next {
            let covered = next - 1 <= covered_to;
            self.walk.flaws.push(Flaw::CommitsMissing { from, to: next - 1, covered });
        }
        if self.last.map_or(next > 0, |last| last + 1 < next) {
            self.complete = false;
        }
        if checkpoint.is_some_and(|version| version < next) {
            self.meet_checkpoint();
        }
    }

    /// Compares the checkpoint with what was walked, or goes on from it where the walk has not seen everything.
    fn meet_checkpoint(&mut self) {
        let Some(checkpoint) = self.checkpoint.take() else { return };
        if !self.complete || checkpoint.version > self.walk.head.version {
            self.walk.head = checkpoint;
        } else if let Some(detail) = difference(&self.walk.head, &checkpoint) {
            self.walk.flaws.push(Flaw::CheckpointDiffers { version: checkpoint.version, detail });
        }
        if self.mark == Some(self.walk.head.version) {
            self.walk.marked = Some(self.walk.head.clone());
        }
    }

    fn check_txns(&mut self, commit: &Commit) {
        for txn in commit.txns() {
            let before = self.walk.head.txns.get(&txn.app_id).map(|progress| progress.version);
            if let Some(from) = before.filter(|&from| from > txn.version) {
                let (version, app_id, to) = (commit.version, txn.app_id.clone(), txn.version);
                self.walk.flaws.push(Flaw::TxnWentBack { version, app_id, from, to });
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
                add.data_change && self.walk.head.files.contains_key(&add.path) && !removed.contains(add.path.as_str());
            if again || !added.insert(add.path.as_str()) {
                self.walk.flaws.push(Flaw::AddedTwice { version: commit.version, path: add.path.clone() });
            }
            if add.data_change {
                self.walk.added_in.insert(add.path.clone(), commit.version);
            }
        }
    }

    fn finish(mut self) -> Walk {
        if let (Some(last), Some(checkpoint)) = (self.last, self.checkpoint.as_ref().map(|found| found.version)) {
            self.walk.flaws.push(Flaw::CommitsMissing { from: last + 1, to: checkpoint, covered: true });
        }
        self.meet_checkpoint();
        let files = &self.walk.head.files;
        self.walk.added_in.retain(|path, _| files.contains_key(path));
        self.walk
    }
}

/// What a checkpoint says otherwise than the commits before it; `None` when nothing.
fn difference(walked: &Snapshot, checkpoint: &Snapshot) -> Option<String> {
    let lost = walked.files.keys().find(|path| !checkpoint.files.contains_key(*path));
    let extra = checkpoint.files.keys().find(|path| !walked.files.contains_key(*path));
    let txn = walked
        .txns
        .iter()
        .find(|(app_id, progress)| checkpoint.txns.get(*app_id).map(|found| found.version) != Some(progress.version));
    if let Some(path) = lost {
        return Some(format!("file `{path}` is not in it"));
    }
    if let Some(path) = extra {
        return Some(format!("file `{path}` is in it and was removed or never added"));
    }
    txn.map(|(app_id, progress)| format!("`txn` {} of `{app_id}` is not in it", progress.version))
}
