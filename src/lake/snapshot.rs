//! What a log says that its table is at one version: replayed from the last checkpoint and the commits after it.
//!
//! Knows nothing of what the table should look like: [`super::table`] compares.

use super::action::{BEFORE_FIRST, Commit, MetaData, Protocol, Version};
use super::checkpoint::LastCheckpoint;
use super::error::LakeError;
use super::log::Log;
pub use super::log::Replay;
use deltalake::kernel::Add;
use std::collections::{BTreeMap, HashMap};

/// How far one writing application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnVersion {
    /// What the application counts: sequence numbers of a source, or versions of another table.
    pub version: i64,
    /// What the application recorded with it, in milliseconds since the epoch.
    pub recorded_ms: Option<i64>,
}

/// What the log says the table is at one version.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub version: Version,
    pub txns: HashMap<String, TxnVersion>,
    /// By path. Empty when only [`Replay::Txns`] was asked for.
    pub files: BTreeMap<String, Add>,
    pub(super) protocol: Option<Protocol>,
    pub(super) metadata: Option<MetaData>,
}

impl Snapshot {
    /// The table before its first commit.
    pub(super) fn empty() -> Self {
        Snapshot { version: BEFORE_FIRST, ..Snapshot::default() }
    }

    /// What `commit` says by itself.
    pub(super) fn of_one(commit: &Commit) -> Self {
        let mut snapshot = Snapshot::empty();
        snapshot.apply(commit, Replay::TxnsAndFiles);
        snapshot
    }

    /// The table at `last`, or at the newest version below where the log does not reach it. `None` where the log has no such version.
    pub(super) async fn read(log: &Log, last: Version, replay: Replay) -> Result<Option<Self>, LakeError> {
        let mut snapshot = match log.last_checkpoint().await? {
            Some(checkpoint) if checkpoint.version <= last => Self::of_checkpoint(log, &checkpoint, replay).await?,
            _ => Snapshot::empty(),
        };
        let mut versions = log.versions_after(snapshot.version).await?;
        versions.retain(|&version| version <= last);
        for commit in log.read_all(&versions).await? {
            snapshot.apply(&commit, replay);
        }
        Ok((snapshot.version > BEFORE_FIRST).then_some(snapshot))
    }

    pub(super) async fn of_checkpoint(
        log: &Log,
        checkpoint: &LastCheckpoint,
        replay: Replay,
    ) -> Result<Self, LakeError> {
        let mut snapshot = Snapshot::empty();
        snapshot.apply(&log.read_checkpoint(checkpoint, replay).await?, replay);
        Ok(snapshot)
    }

    /// The id that the table was created with.
    pub fn table_id(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| metadata.id.as_str())
    }

    /// Moves on to the state after `commit`.
    pub fn apply(&mut self, commit: &Commit, replay: Replay) {
        self.version = commit.version;
        for action in &commit.actions {
            if let Some(txn) = &action.txn {
                let reached = TxnVersion { version: txn.version, recorded_ms: txn.last_updated };
                self.txns.insert(txn.app_id.clone(), reached);
            }
            if action.protocol.is_some() {
                self.protocol.clone_from(&action.protocol);
            }
            if action.meta_data.is_some() {
                self.metadata.clone_from(&action.meta_data);
            }
        }
        if replay == Replay::TxnsAndFiles {
            // The actions of a commit have no order. A file that it removes and adds is there afterwards: it has got
            // statistics, or a deletion vector.
            for remove in commit.actions.iter().filter_map(|action| action.remove.as_ref()) {
                self.files.remove(&remove.path);
            }
            self.files.extend(commit.adds().map(|add| (add.path.clone(), add.clone())));
        }
    }
}
