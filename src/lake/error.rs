//! What can go wrong with a table. Each variant says in its first words who has to do something about it.

use super::action::{Add, Version};
use crate::columns::ColumnError;
use crate::error::{Consequence, Kind};
use object_store::path::Path;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Retry, unless the store refuses what it is asked for: the store did not answer, or not in time.
    #[error("cannot {attempt} `{object}`")]
    Store { attempt: &'static str, object: String, source: object_store::Error },
    /// Retry: other writers were faster every time.
    #[error("cannot commit to table `{table}`: another writer was faster in each of {attempts} attempts; try again")]
    Contended { table: String, attempts: u32 },
    /// Retry: the store does not list yet what others have committed.
    #[error(
        "cannot read version {wanted} of table `{table}`: the store lists {}; try again, it may list more then",
        up_to(*.seen)
    )]
    NotListedYet { table: String, seen: Option<Version>, wanted: Version },
    /// Operator: nothing has created the table yet, or its log was removed.
    #[error("cannot read table `{table}`: it does not exist; the first append creates it")]
    NoTable { table: String },
    /// Operator: the table is not what this version writes.
    #[error(
        "cannot use table `{table}`: {difference}; nothing was written; run the version that wrote the table, or move it \
         elsewhere and have it created again"
    )]
    Foreign { table: String, difference: String },
    /// Operator: somebody has switched on something that this version cannot keep.
    #[error("cannot use table `{table}`: {what}; nothing was written to it; {remedy}")]
    Unsupported { table: String, what: String, remedy: String },
    /// Operator: the log or a data file cannot be read.
    #[error("cannot read `{object}` of table `{table}`: {detail}; restore it from a copy, or move the table elsewhere")]
    Damaged { table: String, object: String, detail: String },
    /// Operator: the source counts from the start again.
    #[error(
        "cannot append rows of `{app_id}`: sequence number {sequence} is not above the committed {committed}, but was \
         enqueued {} ms later",
        .later_by.as_millis()
    )]
    SequenceRestarted { app_id: String, sequence: i64, committed: i64, later_by: Duration },
    /// Operator: the log no longer reaches back to the version asked for.
    #[error(
        "cannot read version {version} of table `{table}`: its log was cleaned up; recompute what depends on it from the \
         data"
    )]
    LogGone { table: String, version: Version },
    /// Bug: a batch is not what its table declares.
    #[error(transparent)]
    Columns(#[from] ColumnError),
    /// Bug, of ours or of a library: what is valid cannot be encoded.
    #[error("cannot {attempt} for table `{table}`: {detail}")]
    Internal { attempt: &'static str, table: String, detail: String },
    /// Bug: work panicked on a thread of its own.
    #[error("cannot {attempt}: {detail}")]
    Panicked { attempt: &'static str, detail: String },
}

impl LakeError {
    /// `attempt` at `path` of `table` failed in the store.
    pub(super) fn store(attempt: &'static str, table: &str, path: &Path, source: object_store::Error) -> Self {
        LakeError::Store { attempt, object: format!("{table}/{path}"), source }
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, LakeError::Store { source: object_store::Error::NotFound { .. }, .. })
    }

    /// What is in the data file `add` of `table` cannot be used.
    pub fn damaged(table: &str, add: &Add, detail: &impl std::fmt::Display) -> Self {
        LakeError::Damaged { table: table.into(), object: add.path.clone(), detail: detail.to_string() }
    }
}

impl Consequence for LakeError {
    fn kind(&self) -> Kind {
        match self {
            LakeError::Store { source, .. } => kind_of(source),
            LakeError::Contended { .. } | LakeError::NotListedYet { .. } => Kind::Retry,
            LakeError::NoTable { .. }
            | LakeError::Foreign { .. }
            | LakeError::Unsupported { .. }
            | LakeError::Damaged { .. }
            | LakeError::SequenceRestarted { .. }
            | LakeError::LogGone { .. } => Kind::Operator,
            LakeError::Columns(_) | LakeError::Internal { .. } | LakeError::Panicked { .. } => Kind::Bug,
        }
    }
}

/// The store has answered, and will answer the same until a person changes a permission, a setting or a file. Every other
/// failure may pass.
fn kind_of(error: &object_store::Error) -> Kind {
    use object_store::Error as E;
    match error {
        E::NotFound { .. }
        | E::PermissionDenied { .. }
        | E::Unauthenticated { .. }
        | E::NotSupported { .. }
        | E::UnknownConfigurationKey { .. } => Kind::Operator,
        _ => Kind::Retry,
    }
}

fn up_to(seen: Option<Version>) -> String {
    seen.map_or("no version".to_owned(), |version| format!("versions up to {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(source: object_store::Error) -> LakeError {
        LakeError::store("read", "numbers", &Path::from("_delta_log/7.json"), source)
    }

    #[test]
    fn a_store_that_refuses_needs_an_operator_and_one_that_is_away_a_retry() {
        let (path, source) = (String::new, || "as the store says it".into());
        let refused = [
            object_store::Error::NotFound { path: path(), source: source() },
            object_store::Error::PermissionDenied { path: path(), source: source() },
            object_store::Error::Unauthenticated { path: path(), source: source() },
        ];
        assert!(refused.into_iter().all(|error| store(error).kind() == Kind::Operator));
        let away = object_store::Error::Generic { store: "azure", source: source() };
        assert_eq!(store(away).kind(), Kind::Retry);
    }

    #[test]
    fn no_version_is_said_in_words() {
        let error = |seen| LakeError::NotListedYet { table: "numbers".into(), seen, wanted: 3 }.to_string();
        let message = |seen: &str| {
            format!(
                "cannot read version 3 of table `numbers`: the store lists {seen}; try again, it may list more then"
            )
        };
        assert_eq!(error(None), message("no version"));
        assert_eq!(error(Some(2)), message("versions up to 2"));
    }
}
