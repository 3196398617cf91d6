//! What can go wrong with a table, by what the caller has to do about it.

use super::log::Version;
use crate::columns::ColumnError;
use crate::error::{Consequence, Kind};

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A batch is not what its table declares.
    #[error(transparent)]
    Columns(#[from] ColumnError),
    /// Try again later: the store did not answer, or not in time.
    #[error("cannot {attempt} `{object}`")]
    Store { attempt: &'static str, object: String, source: object_store::Error },
    /// Somebody has to look: the table is not what this version writes.
    #[error("table `{table}` is not what this version writes: {difference}; nothing was written")]
    Foreign { table: String, difference: String },
    /// Somebody has to look: the log or a data file cannot be read.
    #[error("cannot read `{object}` of table `{table}`: {detail}")]
    Damaged { table: String, object: String, detail: String },
    /// Somebody has to look: the source numbers its events anew.
    #[error(
        "`{app_id}` delivers sequence number {sequence}, at or below the committed {committed}, but enqueued {later_by_ms} ms \
         later than that one"
    )]
    SequenceRestarted { app_id: String, sequence: i64, committed: i64, later_by_ms: i64 },
    /// Try again later: other writers were faster every time.
    #[error("cannot commit to table `{table}`: lost {attempts} races for a version, the last one for {version}")]
    Contended { table: String, attempts: u32, version: Version },
    /// Try again later: the store does not list yet what others have committed.
    #[error("table `{table}` shows version {seen}, version {wanted} was asked for: it is not there, or not listed yet")]
    NotListedYet { table: String, seen: Version, wanted: Version },
    /// The log no longer reaches back to the version asked for.
    #[error(
        "table `{table}` no longer has the log of version {version}, it was cleaned up; recompute what depends on it \
         from the data"
    )]
    LogGone { table: String, version: Version },
    /// A fault of ours or of a library: columns that do not fit, a blocking task that died.
    #[error("cannot {attempt} for table `{table}`: {detail}")]
    Internal { attempt: &'static str, table: String, detail: String },
}

impl Consequence for LakeError {
    fn kind(&self) -> Kind {
        match self {
            LakeError::Columns(_) | LakeError::Internal { .. } => Kind::Bug,
            LakeError::Store { .. } | LakeError::Contended { .. } | LakeError::NotListedYet { .. } => Kind::Retry,
            LakeError::Foreign { .. }
            | LakeError::Damaged { .. }
            | LakeError::SequenceRestarted { .. }
            | LakeError::LogGone { .. } => Kind::Operator,
        }
    }
}
