//! Gold compared with the sessions that silver makes: which dates differ, and which of their sessions, and how.
//!
//! Rows are compared as JSON, without the columns that depend on when a row was written. Of a session that is too large to be
//! kept whole only the key, the times and the number of events are compared: of the events beyond its bounds the first content
//! counts, and which one was first is not in silver. Nothing here changes gold.

use super::layout::partition;
use super::recompute::{Dates, Keys};
use super::rows::RowsByDate;
use super::schema::Stamp;
use super::{Gold, schema};
use crate::columns::read::differing;
use crate::columns::{ColumnError, Rows};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::log::Add;
use crate::lake::snapshot::Snapshot;
use arrow::array::{BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::NaiveDate;
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap, HashSet};
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

/// How often a session is stored and recomputed, and the sums of the checksums of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Balance {
    stored: Digest,
    recomputed: Digest,
}

/// The rows of one session as JSON, as stored and as recomputed.
#[derive(Debug, Default)]
struct Sides {
    stored: Vec<Vec<u8>>,
    recomputed: Vec<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Side {
    Stored,
    Recomputed,
}

/// A row of gold, as it is compared.
struct ComparedRow {
    key: Key,
    json: Vec<u8>,
}

/// What is compared does not depend on it.
const ANY_STAMP: Stamp = Stamp { last_updated: Timestamp(0), final_before: Timestamp(0) };

impl Gold {
    /// Every session date within `dates`, as `gold` stores it and as the events of `silver` make it.
    pub async fn compare(
        &self,
        gold: &Snapshot,
        silver: &Snapshot,
        dates: Dates,
    ) -> Result<BTreeMap<NaiveDate, Comparison>, LakeError> {
        let mut found: BTreeMap<NaiveDate, Comparison> = BTreeMap::new();
        self.for_each_row(gold, silver, dates, |side, row| {
            let comparison = found.entry(row.key.start.date()).or_default();
            match side {
                Side::Stored => comparison.stored.add(&row.json),
                Side::Recomputed => comparison.recomputed.add(&row.json),
            }
        })
        .await?;
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
        let dates = Dates::only(date);
        let mut balances: HashMap<u64, Balance> = HashMap::new();
        self.for_each_row(gold, silver, dates, |side, row| {
            let balance = balances.entry(row.key.hash()).or_default();
            match side {
                Side::Stored => balance.stored.add(&row.json),
                Side::Recomputed => balance.recomputed.add(&row.json),
            }
        })
        .await?;
        // Only what differs is kept whole.
        let differing = balances.into_iter().filter(|(_, balance)| balance.stored != balance.recomputed);
        let mut differing: Vec<u64> = differing.map(|(key, _)| key).collect();
        differing.sort_unstable();
        let differing: HashSet<u64> = differing.into_iter().take(max).collect();
        if differing.is_empty() {
            return Ok(Vec::new());
        }
        let mut sides: BTreeMap<Key, Sides> = BTreeMap::new();
        self.for_each_row(gold, silver, dates, |side, row| {
            if differing.contains(&row.key.hash()) {
                let sides = sides.entry(row.key).or_default();
                match side {
                    Side::Stored => sides.stored.push(row.json),
                    Side::Recomputed => sides.recomputed.push(row.json),
                }
            }
        })
        .await?;
        Ok(sides.into_iter().filter_map(|(key, sides)| Some((key, sides.difference()?))).collect())
    }

    /// Calls `visit` with each stored and each recomputed row that starts within `dates`.
    async fn for_each_row(
        &self,
        gold: &Snapshot,
        silver: &Snapshot,
        dates: Dates,
        mut visit: impl FnMut(Side, ComparedRow),
    ) -> Result<(), LakeError> {
        let is_outside = |add: &&Add| partition(add).parse().is_ok_and(|date| !dates.contains(date));
        for add in gold.files.values().filter(|add| !is_outside(add)) {
            let mut stream = Box::pin(self.table.stream(add, &[]));
            while let Some(batch) = stream.try_next().await? {
                let rows = self.table.workers.run("compare sessions", move || compared_rows(&batch, dates)).await??;
                rows.into_iter().for_each(|row| visit(Side::Stored, row));
            }
        }
        let mut sweep = self.sweep(silver, dates, Keys::All, ANY_STAMP).await?;
        while let Some(rows) = sweep.next().await? {
            let rows = self.table.workers.run("compare sessions", move || all_compared_rows(&rows, dates)).await??;
            rows.into_iter().for_each(|row| visit(Side::Recomputed, row));
        }
        Ok(())
    }
}

impl Key {
    fn hash(&self) -> u64 {
        xxh3_64(format!("{}\0{}\0{}", self.user_id, self.session_id, self.start.0).as_bytes())
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

fn all_compared_rows(rows: &RowsByDate, dates: Dates) -> Result<Vec<ComparedRow>, ColumnError> {
    let batches = rows.values().flatten().map(|batch| compared_rows(batch, dates)).collect::<Result<Vec<_>, _>>()?;
    Ok(batches.into_iter().flatten().collect())
}

/// The rows of `batch` that start within `dates`.
fn compared_rows(batch: &RecordBatch, dates: Dates) -> Result<Vec<ComparedRow>, ColumnError> {
    let rows = Rows::of(schema::TABLE, batch);
    let user_ids: &StringArray = rows.column(schema::USER_ID)?;
    let session_ids: &StringArray = rows.column(schema::SESSION_ID)?;
    let starts: &TimestampMicrosecondArray = rows.column(schema::SESSION_START_TIME)?;
    let row = |(row, json): (usize, Vec<u8>)| {
        let start = Timestamp(starts.value(row));
        let (user_id, session_id) = (user_ids.value(row).to_owned(), session_ids.value(row).to_owned());
        dates.contains(start.date()).then_some(ComparedRow { key: Key { user_id, session_id, start }, json })
    };
    Ok(comparable_json(&rows)?.into_iter().enumerate().filter_map(row).collect())
}

/// Each row as JSON, in the order of the rows.
fn comparable_json(rows: &Rows) -> Result<Vec<Vec<u8>>, ColumnError> {
    const WHEN_WRITTEN: [&str; 3] = [schema::IS_FINAL, schema::LAST_UPDATED, schema::SESSION_DATE];
    const OF_TRUNCATED: [&str; 6] = [
        schema::USER_ID,
        schema::SESSION_ID,
        schema::SESSION_START_TIME,
        schema::SESSION_END_TIME,
        schema::TOTAL_EVENTS,
        schema::IS_TRUNCATED,
    ];
    let mut all = rows.as_json(|name| !WHEN_WRITTEN.contains(&name))?;
    let is_truncated: &BooleanArray = rows.column(schema::IS_TRUNCATED)?;
    if is_truncated.true_count() > 0 {
        let short = rows.as_json(|name| OF_TRUNCATED.contains(&name))?;
        for (row, short) in short.into_iter().enumerate().filter(|(row, _)| is_truncated.value(*row)) {
            all[row] = short;
        }
    }
    Ok(all)
}
