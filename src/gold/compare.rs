//! Gold compared with the sessions that silver makes: which dates differ, and which of their sessions, and how.
//!
//! Rows are compared as JSON, without the columns that depend on when a row was written. Nothing here changes gold.

use super::layout::partition;
use super::recompute::{Bucket, Dates};
use super::{Gold, schema};
use crate::columns::read::differing;
use crate::columns::{ColumnError, Rows};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::log::Add;
use crate::lake::snapshot::Snapshot;
use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::NaiveDate;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// How many sessions a date has, and a checksum over them that does not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Digest {
    pub sessions: i64,
    pub sum: u64,
}

impl Digest {
    fn add(&mut self, row: &[u8]) {
        self.sessions += 1;
        self.sum = self.sum.wrapping_add(xxh3_64(row));
    }
}

/// One date, as stored and as recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Comparison {
    pub stored: Digest,
    pub recomputed: Digest,
}

impl Comparison {
    pub fn differs(&self) -> bool {
        self.stored != self.recomputed
    }
}

/// What distinguishes a session from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub user_id: String,
    pub session_id: String,
    pub start: Timestamp,
}

/// How a stored session differs from the recomputed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Missing,
    /// Silver has no events for it.
    Invented,
    /// Stored this many times.
    Repeated(usize),
    /// In these columns.
    Differs(Vec<String>),
}

/// The rows of one session as JSON, as stored and as recomputed.
#[derive(Debug, Default)]
struct Sides {
    stored: Vec<Vec<u8>>,
    recomputed: Vec<Vec<u8>>,
}

impl Gold {
    /// Every session date within `dates`, as `gold` stores it and as the events of `silver` make it.
    pub async fn compare(
        &self,
        gold: &Snapshot,
        silver: &Snapshot,
        dates: Dates,
    ) -> Result<BTreeMap<NaiveDate, Comparison>, LakeError> {
        let mut found: BTreeMap<NaiveDate, Comparison> = BTreeMap::new();
        for add in gold.files.values() {
            if partition(add).parse().is_ok_and(|date| !dates.contains(date)) {
                continue;
            }
            for batch in self.table.read(add, &[]).await? {
                for_each_date(&batch, dates, |date, row| found.entry(date).or_default().stored.add(row))?;
            }
        }
        let files: Vec<&Add> = silver.files.values().collect();
        for bucket in Bucket::all(&files, dates) {
            for batch in self.recompute_rows(&files, dates, bucket).await? {
                for_each_date(&batch, dates, |date, row| found.entry(date).or_default().recomputed.add(row))?;
            }
        }
        Ok(found)
    }

    /// The sessions of `date` that differ, at most `max` of them.
    pub async fn differences(
        &self,
        gold: &Snapshot,
        silver: &Snapshot,
        date: NaiveDate,
        max: usize,
    ) -> Result<Vec<(Key, How)>, LakeError> {
        let files: Vec<&Add> = silver.files.values().collect();
        let dates = Dates::only(date);
        let mut found = Vec::new();
        for bucket in Bucket::all(&files, dates) {
            let mut sides: BTreeMap<Key, Sides> = BTreeMap::new();
            for add in gold.files.values().filter(|add| partition(add).parse().is_ok_and(|of| dates.contains(of))) {
                for batch in self.table.read(add, &[]).await? {
                    for_each_key(&batch, |key, row| {
                        if bucket.contains(&key.user_id, &key.session_id) && dates.contains(key.start.date()) {
                            sides.entry(key).or_default().stored.push(row);
                        }
                    })?;
                }
            }
            for batch in self.recompute_rows(&files, dates, bucket).await? {
                for_each_key(&batch, |key, row| sides.entry(key).or_default().recomputed.push(row))?;
            }
            found.extend(sides.into_iter().filter_map(|(key, sides)| Some((key, sides.difference()?))));
            if found.len() >= max {
                break;
            }
        }
        found.truncate(max);
        Ok(found)
    }
}

impl Sides {
    fn difference(&self) -> Option<How> {
        match (self.stored.as_slice(), self.recomputed.as_slice()) {
            ([stored], [recomputed]) if stored == recomputed => None,
            ([stored], [recomputed]) => Some(How::Differs(differing(stored, recomputed))),
            ([], _) => Some(How::Missing),
            (_, []) => Some(How::Invented),
            (stored, _) => Some(How::Repeated(stored.len())),
        }
    }
}

/// Calls `visit` with each row of `batch` and what distinguishes its session.
fn for_each_key(batch: &RecordBatch, mut visit: impl FnMut(Key, Vec<u8>)) -> Result<(), ColumnError> {
    let rows = Rows::of(schema::TABLE, batch);
    let user_ids: &StringArray = rows.column(schema::USER_ID)?;
    let session_ids: &StringArray = rows.column(schema::SESSION_ID)?;
    let starts: &TimestampMicrosecondArray = rows.column(schema::SESSION_START_TIME)?;
    for (row, json) in comparable_rows(batch)?.into_iter().enumerate() {
        let key = Key {
            user_id: user_ids.value(row).to_owned(),
            session_id: session_ids.value(row).to_owned(),
            start: Timestamp(starts.value(row)),
        };
        visit(key, json);
    }
    Ok(())
}

/// Calls `visit` with each row of `batch` that starts within `dates`, and its date.
fn for_each_date(
    batch: &RecordBatch,
    dates: Dates,
    mut visit: impl FnMut(NaiveDate, &[u8]),
) -> Result<(), ColumnError> {
    let starts: &TimestampMicrosecondArray = Rows::of(schema::TABLE, batch).column(schema::SESSION_START_TIME)?;
    for (start, json) in starts.values().iter().zip(comparable_rows(batch)?) {
        let date = Timestamp(*start).date();
        if dates.contains(date) {
            visit(date, &json);
        }
    }
    Ok(())
}

/// Each row as JSON, in the order of the rows, without the columns that depend on when it was written.
fn comparable_rows(batch: &RecordBatch) -> Result<Vec<Vec<u8>>, ColumnError> {
    let when_written = [schema::IS_FINAL, schema::LAST_UPDATED, schema::SESSION_DATE];
    Rows::of(schema::TABLE, batch).as_json(|name| !when_written.contains(&name))
}
