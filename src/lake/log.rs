//! The Delta log: numbered JSON files, one action on each line.

use super::error::LakeError;
use super::random::Random;
pub use deltalake::kernel::{Add, Remove, Transaction};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Number of a commit; the first is 0.
pub type Version = i64;

/// Member of `commitInfo` by which a writer recognises its own commit after a PUT whose answer was lost.
pub const COMMIT_ID: &str = "commitId";

/// How many log files are read at once.
const READ_AHEAD: usize = 16;

/// One line of a commit. Exactly one member is set; actions that we neither write nor need read as none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Action {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<MetaData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn: Option<Transaction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Remove>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Add>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_info: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Protocol {
    pub min_reader_version: i32,
    pub min_writer_version: i32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reader_features: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writer_features: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaData {
    pub id: String,
    pub format: Format,
    pub schema_string: String,
    pub partition_columns: Vec<String>,
    pub configuration: HashMap<String, Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_time: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Format {
    pub provider: String,
    pub options: HashMap<String, Option<String>>,
}

/// The actions of one version.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    pub version: Version,
    pub actions: Vec<Action>,
}

impl Commit {
    pub fn parse(version: Version, text: &[u8]) -> Result<Self, serde_json::Error> {
        let actions = text
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()?;
        Ok(Commit { version, actions })
    }

    pub fn to_text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::new();
        for action in &self.actions {
            serde_json::to_writer(&mut text, action)?;
            text.push(b'\n');
        }
        Ok(text)
    }

    pub fn info(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
        self.actions.iter().find_map(|action| action.commit_info.as_ref())
    }

    pub fn has_id(&self, id: &str) -> bool {
        self.info().and_then(|info| info.get(COMMIT_ID)).and_then(|found| found.as_str()) == Some(id)
    }

    pub fn txns(&self) -> impl Iterator<Item = &Transaction> {
        self.actions.iter().filter_map(|action| action.txn.as_ref())
    }

    pub fn adds(&self) -> impl Iterator<Item = &Add> {
        self.actions.iter().filter_map(|action| action.add.as_ref())
    }
}

/// The log of one table.
#[derive(Debug, Clone)]
pub struct Log {
    pub table: &'static str,
    /// Rooted at the table.
    pub store: std::sync::Arc<dyn ObjectStore>,
    /// Where its writers take ids and waiting times from.
    pub random: Random,
}

impl Log {
    pub fn path(version: Version) -> Path {
        Path::from(format!("_delta_log/{version:020}.json"))
    }

    /// Versions present above `after`, ascending and without a gap. A gap right behind `after` means that the log
    /// was cleaned up.
    pub async fn versions_after(&self, after: Version) -> Result<Vec<Version>, LakeError> {
        let folder = Path::from("_delta_log");
        let mut found: Vec<Version> = self
            .store
            .list_with_offset(Some(&folder), &Self::path(after))
            .try_filter_map(|object| async move { Ok(version_of(&object.location)) })
            .try_collect()
            .await
            .map_err(|source| LakeError::Store {
                attempt: "list the log of table",
                object: self.table.into(),
                source,
            })?;
        found.retain(|&version| version > after);
        found.sort_unstable();
        let gapless = found.iter().zip(after + 1..).take_while(|(found, expected)| *found == expected).count();
        if gapless == 0 && !found.is_empty() {
            return Err(LakeError::LogGone { table: self.table.into(), version: after + 1 });
        }
        found.truncate(gapless);
        Ok(found)
    }

    /// `None` when there is no such version.
    pub async fn read(&self, version: Version) -> Result<Option<Commit>, LakeError> {
        let path = Self::path(version);
        let store = |source| LakeError::Store { attempt: "read", object: format!("{}/{path}", self.table), source };
        let text = match self.store.get(&path).await {
            Ok(found) => found.bytes().await.map_err(store)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(store(source)),
        };
        let commit = Commit::parse(version, &text).map_err(|error| LakeError::Damaged {
            table: self.table.into(),
            object: path.to_string(),
            detail: error.to_string(),
        })?;
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
}

/// `00000000000000000007.json` is version 7; checkpoints and everything else are none, nor is the last number, which
/// none could follow.
pub(super) fn version_of(path: &Path) -> Option<Version> {
    let digits = path.filename()?.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten().filter(|&version| version < Version::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_twenty_digits_and_one_behind_it() {
        let version = |name: &str| version_of(&Path::from(format!("_delta_log/{name}")));
        assert_eq!(version("00000000000000000007.json"), Some(7));
        assert_eq!(version("09223372036854775806.json"), Some(Version::MAX - 1));
        for name in ["09223372036854775807.json", "99999999999999999999.json", "7.json", "00000000000000000007.crc"] {
            assert_eq!(version(name), None, "{name}");
        }
    }
}
