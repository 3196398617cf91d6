//! The log of one table on the store: which commits are there, and what is in them.

pub use super::action::{Action, Add, Commit, Remove, Transaction, Version};
use super::error::LakeError;
use super::store::{Random, fetch};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use std::sync::Arc;

/// How many log files are read at once.
pub(super) const READ_AHEAD: usize = 16;

/// How much of the log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    Txns,
    TxnsAndFiles,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub(super) table: &'static str,
    /// Rooted at the table.
    pub(super) store: Arc<dyn ObjectStore>,
    /// Where its writers get ids and waiting times from.
    pub(super) random: Random,
}

impl Log {
    pub fn path(version: Version) -> Path {
        Path::from(format!("_delta_log/{version:020}.json"))
    }

    /// Versions present above `after`, ascending and without a gap. A gap right after `after` means that the log was
    /// cleaned up.
    pub async fn versions_after(&self, after: Version) -> Result<Vec<Version>, LakeError> {
        let offset = Self::path(after);
        let mut found = self.listed(self.store.list_with_offset(Some(&folder()), &offset)).await?;
        found.retain(|&version| version > after);
        let gapless = found.iter().zip(after + 1..).take_while(|(found, expected)| *found == expected).count();
        if gapless == 0 && !found.is_empty() {
            return Err(LakeError::LogGone { table: self.table.into(), version: after + 1 });
        }
        found.truncate(gapless);
        Ok(found)
    }

    /// All versions present, ascending, whatever is missing between them.
    pub(super) async fn versions(&self) -> Result<Vec<Version>, LakeError> {
        self.listed(self.store.list(Some(&folder()))).await
    }

    async fn listed(
        &self,
        objects: impl futures::Stream<Item = object_store::Result<object_store::ObjectMeta>>,
    ) -> Result<Vec<Version>, LakeError> {
        let versions = objects.try_filter_map(async |object| Ok(version_of(&object.location)));
        let mut found: Vec<Version> = versions.try_collect().await.map_err(|source| LakeError::Store {
            attempt: "list the log of table",
            object: self.table.into(),
            source,
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// `None` when there is no such version.
    pub async fn read(&self, version: Version) -> Result<Option<Commit>, LakeError> {
        let path = Self::path(version);
        let Some(text) = self.get(&path).await? else { return Ok(None) };
        let commit = Commit::parse(version, &text).map_err(|error| self.damaged(path.as_ref(), error.to_string()))?;
        Ok(Some(commit))
    }

    /// The commits of `versions`, in that order.
    pub async fn read_all(&self, versions: &[Version]) -> Result<Vec<Commit>, LakeError> {
        futures::stream::iter(versions.to_vec())
            .map(|version| async move {
                self.read(version).await?.ok_or_else(|| LakeError::LogGone { table: self.table.into(), version })
            })
            .buffered(READ_AHEAD)
            .try_collect()
            .await
    }

    /// `None` when there is no such file.
    pub(super) async fn get(&self, path: &Path) -> Result<Option<Bytes>, LakeError> {
        match fetch(self.store.as_ref(), path).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(LakeError::store("read", self.table, path, source)),
        }
    }

    pub(super) fn damaged(&self, object: &str, detail: String) -> LakeError {
        LakeError::Damaged { table: self.table.into(), object: object.into(), detail }
    }
}

fn folder() -> Path {
    Path::from("_delta_log")
}

/// `00000000000000000007.json` is version 7. Other files have no version, and neither has the highest number there is:
/// no version could follow it.
fn version_of(path: &Path) -> Option<Version> {
    let digits = path.filename()?.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten().filter(|&version| version < Version::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_twenty_digits_and_one_that_can_follow_it() {
        let version = |name: &str| version_of(&Path::from(format!("_delta_log/{name}")));
        assert_eq!(version("00000000000000000007.json"), Some(7));
        assert_eq!(version("09223372036854775806.json"), Some(Version::MAX - 1));
        for name in ["09223372036854775807.json", "99999999999999999999.json", "7.json", "00000000000000000007.crc"] {
            assert_eq!(version(name), None, "{name}");
        }
    }
}
