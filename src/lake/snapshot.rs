//! What a log says that its table is. Pure.

use super::log::{Commit, MetaData, Protocol, Version};
use deltalake::kernel::Add;
use std::collections::{BTreeMap, HashMap};

/// How far one writing application got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnVersion {
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

/// How much of the log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    Txns,
    TxnsAndFiles,
}

impl Snapshot {
    /// The id that the table was created with.
    pub fn table_id(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| metadata.id.as_str())
    }

    pub fn apply(&mut self, commit: &Commit, replay: Replay) {
        self.version = commit.version;
        for action in &commit.actions {
            if let Some(txn) = &action.txn {
                let progress = TxnVersion { version: txn.version, recorded_ms: txn.last_updated };
                self.txns.insert(txn.app_id.clone(), progress);
            }
            if replay == Replay::TxnsAndFiles {
                if let Some(remove) = &action.remove {
                    self.files.remove(&remove.path);
                }
                if let Some(add) = &action.add {
                    self.files.insert(add.path.clone(), add.clone());
                }
            }
            if action.protocol.is_some() {
                self.protocol.clone_from(&action.protocol);
            }
            if action.meta_data.is_some() {
                self.metadata.clone_from(&action.meta_data);
            }
        }
    }
}
