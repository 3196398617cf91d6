//! What a Delta log consists of: numbered commits, each a text with one JSON action on every line.
//!
//! Pure: text in, text out. Actions that this crate neither writes nor needs are read as an [`Action`] with no member
//! set, so a log of another writer can be read as well.

pub use deltalake::kernel::{Add, Remove, Transaction};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Number of a commit, and of the table's state after it. The first is 0.
pub type Version = i64;

/// Stands for the state of a table before its first commit.
pub(super) const BEFORE_FIRST: Version = -1;

/// Member of `commitInfo` by which a writer recognises its own commit after a PUT whose answer was lost.
pub(super) const COMMIT_ID: &str = "commitId";

/// One line of a commit. At most one member is set.
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
    /// Of a checkpoint of version 2: a file that holds more of its actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_info: Option<serde_json::Map<String, serde_json::Value>>,
}

impl From<Transaction> for Action {
    fn from(txn: Transaction) -> Self {
        Action { txn: Some(txn), ..Action::default() }
    }
}

impl From<Remove> for Action {
    fn from(remove: Remove) -> Self {
        Action { remove: Some(remove), ..Action::default() }
    }
}

impl From<Add> for Action {
    fn from(add: Add) -> Self {
        Action { add: Some(add), ..Action::default() }
    }
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
    /// In milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_time: Option<i64>,
}

impl MetaData {
    /// The value of a table property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.configuration.get(name).and_then(Option::as_deref)
    }
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

    fn id(&self) -> Option<&str> {
        self.info()?.get(COMMIT_ID)?.as_str()
    }

    /// Whether both are the same attempt of the same writer.
    pub(super) fn is_same_as(&self, other: &Commit) -> bool {
        self.id().is_some_and(|id| other.id() == Some(id))
    }

    pub fn txns(&self) -> impl Iterator<Item = &Transaction> {
        self.actions.iter().filter_map(|action| action.txn.as_ref())
    }

    pub fn adds(&self) -> impl Iterator<Item = &Add> {
        self.actions.iter().filter_map(|action| action.add.as_ref())
    }
}
