//! Checkpoints: the log so far in one file, so that opening a table stays cheap.
//!
//! Made by deltalake on a handle of its own, off the path of the commit that was due for one. It is never waited for
//! and may fail: the next one makes up for it.

use super::error::LakeError;
use super::log::Version;
use super::table::Table;
use deltalake::DeltaTable;
use deltalake::checkpoints::create_checkpoint;
use deltalake::logstore::{StorageConfig, default_logstore};

/// Versions from one checkpoint to the next.
pub const CHECKPOINT_EVERY: Version = 100;

impl Table {
    /// Starts a checkpoint in the background when `version` is due for one. While one is under way the next is left
    /// out: a table that grows faster than it can be checkpointed must not be slowed down by it.
    pub fn checkpoint_if_due(&self, version: Version) {
        if version > 0 && version % CHECKPOINT_EVERY == 0 {
            let Ok(alone) = self.checkpointing.clone().try_acquire_owned() else { return };
            let table = self.clone();
            self.workers.see_to(async move {
                let _alone = alone;
                if let Err(error) = table.checkpoint(version).await {
                    let error = crate::error::with_causes(&error);
                    tracing::warn!(table = table.spec.name, version, error, "cannot write a checkpoint");
                }
            });
        }
    }

    /// Writes the checkpoint of `version`.
    pub async fn checkpoint(&self, version: Version) -> Result<(), LakeError> {
        let url = self.lake.table_url(self.spec.name);
        let log_store = default_logstore(self.store.clone(), self.lake.root(), &url, &StorageConfig::default());
        let mut handle = DeltaTable::new(log_store);
        let failed = |error: deltalake::DeltaTableError| LakeError::Internal {
            attempt: "write a checkpoint",
            table: self.spec.name.into(),
            detail: error.to_string(),
        };
        handle.load_version(version as _).await.map_err(failed)?;
        create_checkpoint(&handle, None).await.map_err(failed)
    }
}
