//! Sessions as rows of gold.

use super::schema::{self, Row, Stamp};
use super::session::Session;
use super::session_event::SessionKey;
use super::state;
use super::summary::Summary;
use crate::columns::ColumnError;
use arrow::array::RecordBatch;
use std::collections::BTreeMap;

/// How many sessions become a batch of rows at once: a session takes several times the memory of its row.
const BATCH_SESSIONS: usize = 4_096;

/// Rows of one session date each, by that date.
pub type RowsByDate = BTreeMap<String, Vec<RecordBatch>>;

/// Adds the rows of `sessions` to those of their dates.
pub fn add_rows(sessions: Vec<(SessionKey, Session)>, stamp: Stamp, rows: &mut RowsByDate) -> Result<(), ColumnError> {
    let mut by_date: BTreeMap<String, Vec<(SessionKey, Session)>> = BTreeMap::new();
    for (key, session) in sessions {
        by_date.entry(session.window().0.date().to_string()).or_default().push((key, session));
    }
    for (date, sessions) in by_date {
        let batches = rows.entry(date).or_default();
        for sessions in sessions.chunks(BATCH_SESSIONS) {
            batches.push(batch(sessions, stamp)?);
        }
    }
    Ok(())
}

fn batch<'a>(sessions: &[(SessionKey<'a>, Session<'a>)], stamp: Stamp) -> Result<RecordBatch, ColumnError> {
    let row = |(key, session): &(SessionKey<'a>, Session<'a>)| Row {
        key: *key,
        summary: Summary::of(session),
        state: state::write(session),
        stamp,
    };
    let rows: Vec<Row<'a>> = sessions.iter().map(row).collect();
    schema::table().record_batch(&schema::columns(), &rows)
}

/// The number of sessions in `rows`.
pub fn count(rows: &RowsByDate) -> i64 {
    rows.values().flatten().map(|batch| batch.num_rows() as i64).sum()
}
