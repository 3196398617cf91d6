//! Which sessions of a date are not what silver says, and in what: for a person who has to understand it.

use super::layout::partition;
use super::recompute::{Bucket, Dates, comparable_lines};
use super::{Gold, schema};
use crate::columns::Rows;
use crate::columns::read::differing;
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use crate::lake::log::Add;
use crate::lake::snapshot::Snapshot;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// What tells a session from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub user_id: String,
    pub session_id: String,
    pub start: Timestamp,
}

/// How a stored session is not the recomputed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Missing,
    /// Silver does not make it.
    Invented,
    /// Stored so many times.
    Repeated(usize),
    /// In these columns.
    Differs(Vec<String>),
}

#[derive(Debug, Default)]
struct Sides {
    stored: Vec<String>,
    recomputed: Vec<String>,
}

impl Gold {
    /// The sessions of `date` that differ, at most `most` of them.
    pub async fn differences(
        &self,
        gold: &Snapshot,
        silver: &Snapshot,
        date: NaiveDate,
        most: usize,
    ) -> Result<Vec<(Key, How)>, LakeError> {
        let files: Vec<&Add> = silver.files.values().collect();
        let dates = Dates { from: date, to: date };
        let mut found = Vec::new();
        for bucket in Bucket::all(&files, dates) {
            let mut sides: BTreeMap<Key, Sides> = BTreeMap::new();
            for add in gold.files.values().filter(|add| partition(add).parse().is_ok_and(|of| dates.contains(of))) {
                for batch in self.table.read(add, &[]).await? {
                    each_row(&batch, |key, row| {
                        if bucket.holds(&key.user_id, &key.session_id) && dates.contains(key.start.date()) {
                            sides.entry(key).or_default().stored.push(row);
                        }
                    })?;
                }
            }
            for recomputed in self.rows_of(&files, dates, bucket).await? {
                each_row(&recomputed, |key, row| sides.entry(key).or_default().recomputed.push(row))?;
            }
            found.extend(sides.into_iter().filter_map(|(key, sides)| Some((key, sides.how()?))));
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }
}

impl Sides {
    fn how(&self) -> Option<How> {
        match (self.stored.as_slice(), self.recomputed.as_slice()) {
            ([stored], [recomputed]) if stored == recomputed => None,
            ([stored], [recomputed]) => Some(How::Differs(differing(stored.as_bytes(), recomputed.as_bytes()))),
            ([], _) => Some(How::Missing),
            (_, []) => Some(How::Invented),
            (stored, _) => Some(How::Repeated(stored.len())),
        }
    }
}

fn each_row(batch: &RecordBatch, mut take: impl FnMut(Key, String)) -> Result<(), LakeError> {
    let rows = Rows::of(schema::TABLE, batch);
    let users: &StringArray = rows.column(schema::USER_ID)?;
    let sessions: &StringArray = rows.column(schema::SESSION_ID)?;
    let starts: &TimestampMicrosecondArray = rows.column(schema::SESSION_START_TIME)?;
    for (row, line) in comparable_lines(batch)?.into_iter().enumerate() {
        let key = Key {
            user_id: users.value(row).to_owned(),
            session_id: sessions.value(row).to_owned(),
            start: Timestamp(starts.value(row)),
        };
        take(key, String::from_utf8_lossy(&line).into_owned());
    }
    Ok(())
}
