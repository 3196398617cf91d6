//! Gold: every session once, and the sessions that silver makes.

use super::Looking;
use super::files::{Files, Sum};
use super::finding::{Kind, NAMED, Object};
use super::logs::Walked;
use super::origin::column;
use crate::event::time::Timestamp;
use crate::gold::compare::{Comparison, How, Key};
use crate::gold::recompute::date_ranges;
use crate::gold::{APP_ID, Gold, schema};
use crate::lake::LakeError;
use crate::lake::arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use crate::lake::arrow::error::ArrowError;
use crate::lake::log::Version;
use crate::lake::snapshot::Snapshot;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// Dates whose sessions are looked into one by one.
const LOOKED_INTO: usize = 5;

#[derive(Debug, Clone, Default, Serialize)]
pub struct GoldReport {
    pub sessions: i64,
    pub silver_version: Version,
    /// Silver version that gold has reached.
    pub reached: Version,
    /// Dates whose sessions are not what silver says.
    pub differing: BTreeMap<NaiveDate, Comparison>,
    /// Why gold was not held against silver, if it was not.
    pub not_compared: Option<&'static str>,
}

const KEY: &[&str] = &[schema::USER_ID, schema::SESSION_ID, schema::SESSION_START_TIME];

/// Sessions of one date, by the hash of what tells them apart.
#[derive(Default)]
struct Seen {
    date: String,
    keys: HashSet<u64>,
}

impl Looking<'_> {
    /// Opens every file; a session that is there twice is a finding.
    pub async fn read_gold(&mut self, gold: &Walked) -> Result<Sum, LakeError> {
        // By path, so by date: only the keys of one date are remembered.
        let files = Files::of(&gold.table, &gold.walk, KEY, "reading gold");
        let mut seen = Seen::default();
        self.read_files(&files, read_keys, |looking, add, keys| {
            let date = crate::gold::layout::partition(add);
            if seen.date != date {
                seen = Seen { date, keys: HashSet::new() };
            }
            for key in keys {
                let hash = xxh3_64(format!("{}\0{}\0{}", key.user_id, key.session_id, key.start.0).as_bytes());
                if !seen.keys.insert(hash) {
                    looking.tell_session(Kind::SessionDoubled, &seen.date, &key, format!("again in `{}`", add.path));
                }
            }
        })
        .await
    }

    /// How far gold got, against the log of silver.
    pub fn check_reached(&mut self, gold: Option<&Walked>, silver: &Snapshot) -> Version {
        let Some(gold) = gold else {
            if !silver.files.is_empty() {
                self.findings.add(Kind::GoldMissing, schema::TABLE, Object::default(), "the table does not exist");
            }
            return -1;
        };
        let reached = gold.reached(APP_ID).unwrap_or(-1);
        let detail = format!("it has reached version {reached} of `silver/events`, which is at {}", silver.version);
        let object = Object { app_id: Some(APP_ID.to_owned()), ..Object::default() };
        // Version 0 makes the table and brings no events.
        if reached < silver.version && silver.version > 0 {
            self.findings.add(Kind::GoldBehind, schema::TABLE, object, detail);
        } else if reached > silver.version {
            self.findings.add(Kind::GoldAhead, schema::TABLE, object, detail);
        }
        for entry in &gold.entries {
            let txn = entry.txns.iter().find(|(app_id, _)| app_id == APP_ID).map(|(_, version)| *version);
            if let (Some(txn), Some(run)) = (txn, &entry.run)
                && txn != run.silver_version
            {
                let object =
                    Object { app_id: Some(APP_ID.to_owned()), ..Object::versions(entry.version, entry.version) };
                let detail = format!("it records silver version {txn}, its run took up to {}", run.silver_version);
                self.findings.add(Kind::TxnDisagrees, schema::TABLE, object, detail);
            }
        }
        reached
    }

    /// Sessions stored against sessions recomputed, one range of dates after the other.
    pub async fn compare_gold(
        &mut self,
        gold: &Gold,
        stored: &Snapshot,
        silver: &Snapshot,
    ) -> Result<BTreeMap<NaiveDate, Comparison>, LakeError> {
        let mut differing = BTreeMap::new();
        let ranges = date_ranges(silver);
        for (done, &dates) in ranges.iter().enumerate() {
            self.progress("recomputing gold", done, ranges.len());
            let compared = gold.compare(stored, silver, dates).await?;
            differing.extend(compared.into_iter().filter(|(_, comparison)| comparison.differs()));
        }
        for (index, (&date, comparison)) in differing.iter().enumerate() {
            if index < LOOKED_INTO {
                self.name_sessions(gold, stored, silver, date).await?;
            } else {
                let (stored, recomputed) = (comparison.stored.sessions, comparison.recomputed.sessions);
                let object = Object { session_date: Some(date.to_string()), ..Object::default() };
                let detail = format!("{stored} sessions stored, {recomputed} recomputed");
                self.findings.add(Kind::DateDiffers, schema::TABLE, object, detail);
            }
        }
        Ok(differing)
    }

    async fn name_sessions(
        &mut self,
        gold: &Gold,
        stored: &Snapshot,
        silver: &Snapshot,
        date: NaiveDate,
    ) -> Result<(), LakeError> {
        let found = gold.differences(stored, silver, date, NAMED + 1).await?;
        if found.is_empty() {
            // It is there in the file of another date, where nobody looks for it.
            let object = Object { session_date: Some(date.to_string()), ..Object::default() };
            self.findings.add(Kind::DateDiffers, schema::TABLE, object, "its sessions are in files of another date");
        }
        for (key, how) in found {
            let (kind, detail) = match how {
                How::Missing => (Kind::SessionMissing, "silver has its events".to_owned()),
                How::Invented => (Kind::SessionInvented, "silver has no such session".to_owned()),
                How::Differs(columns) => (Kind::SessionDiffers, format!("in columns {}", columns.join(", "))),
                // Named when the files were read.
                How::Repeated(_) => continue,
            };
            self.tell_session(kind, &date.to_string(), &key, detail);
        }
        Ok(())
    }

    fn tell_session(&mut self, kind: Kind, date: &str, key: &Key, detail: String) {
        let object = Object {
            session_date: Some(date.to_owned()),
            user_id: Some(key.user_id.clone()),
            session_id: Some(key.session_id.clone()),
            session_start_time: Some(key.start.to_string()),
            ..Object::default()
        };
        self.findings.add(kind, schema::TABLE, object, detail);
    }
}

fn read_keys(keys: &mut Vec<Key>, batch: &RecordBatch) -> Result<(), ArrowError> {
    let users: &StringArray = column(batch, schema::USER_ID)?;
    let sessions: &StringArray = column(batch, schema::SESSION_ID)?;
    let starts: &TimestampMicrosecondArray = column(batch, schema::SESSION_START_TIME)?;
    keys.extend((0..batch.num_rows()).map(|row| Key {
        user_id: users.value(row).to_owned(),
        session_id: sessions.value(row).to_owned(),
        start: Timestamp(starts.value(row)),
    }));
    Ok(())
}
