//! Gold = recomputed: each session is stored once, and the sessions are those that the events in silver make.
//!
//! The recomputation ([`gold::recompute`](crate::gold::recompute)) starts from silver at the version that gold has read,
//! and uses nothing that gold has stored. Knows nothing of bronze.

use super::finding::{Audit, Kind, MAX_NAMED, Object};
use super::tables::{ScannedTable, TableFiles, TableSize, TableSizes, Tables};
use crate::columns::Rows;
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

/// Dates whose sessions are compared one by one.
const MAX_EXAMINED_DATES: usize = 5;

/// To scripts, a version of -1 says that no version was read yet.
const NO_VERSION: Version = -1;

#[derive(Debug, Clone, Default, Serialize)]
pub struct GoldReport {
    pub sessions: i64,
    pub silver_version: Version,
    /// Silver version that gold has read.
    reached: Version,
    /// Dates whose sessions are not what silver says.
    pub differing: BTreeMap<NaiveDate, Comparison>,
    /// Why gold was not compared with silver, if it was not.
    pub not_compared: Option<&'static str>,
}

impl GoldReport {
    /// `None` before gold has read any.
    pub fn silver_version_read(&self) -> Option<Version> {
        Some(self.reached).filter(|&version| version != NO_VERSION)
    }
}

const KEY_COLUMNS: &[&str] = &[schema::USER_ID, schema::SESSION_ID, schema::SESSION_START_TIME];

/// Sessions of one date, by the hash of their key.
#[derive(Default)]
struct Seen {
    date: String,
    keys: HashSet<u64>,
}

impl Audit<'_> {
    pub async fn check_gold(
        &mut self,
        gold: &Gold,
        tables: &Tables,
        sizes: &mut TableSizes,
    ) -> Result<GoldReport, LakeError> {
        let Some(silver) = &tables.silver else {
            return Ok(GoldReport { reached: NO_VERSION, ..GoldReport::default() });
        };
        let silver_version = silver.scan.head.version;
        let version_read = self.check_version_read(tables.gold.as_ref(), &silver.scan.head);
        let reached = version_read.unwrap_or(NO_VERSION);
        let mut report = GoldReport { silver_version, reached, ..GoldReport::default() };
        let Some(stored) = &tables.gold else { return Ok(report) };
        let size = self.check_keys(stored).await?;
        sizes.insert(stored.name(), size);
        report.sessions = size.rows;
        let is_whole = size.lost == 0 && sizes.get(silver.name()).is_none_or(|size| size.lost == 0);
        // Version 0 creates the table and adds no events, so gold need not have read it.
        let silver_read = match version_read {
            _ if silver_version == 0 => Some(&silver.scan.head),
            version => version.and_then(|version| silver.scan.at(version)),
        };
        match silver_read {
            _ if !is_whole => report.not_compared = Some("files of silver or gold are lost"),
            None => {
                report.not_compared = Some("the log of silver does not reach back to the version that gold has read")
            }
            Some(silver) => report.differing = self.compare_sessions(gold, &stored.scan.head, silver).await?,
        }
        Ok(report)
    }

    /// Compares how far gold has read silver with silver's log. Returns the version that gold has read.
    fn check_version_read(&mut self, gold: Option<&ScannedTable>, silver: &Snapshot) -> Option<Version> {
        let Some(gold) = gold else {
            if !silver.files.is_empty() {
                let detail = "the table does not exist, and `silver/events` has rows";
                self.report(Kind::GoldMissing, schema::TABLE, Object::default(), detail);
            }
            return None;
        };
        let read = gold.txn(APP_ID);
        let shown = read.map_or("nothing".to_owned(), |version| format!("version {version}"));
        let detail = format!("it has read {shown} of `silver/events`, which is at version {}", silver.version);
        // Version 0 creates the table and adds no events.
        if silver.version > 0 && read.is_none_or(|version| version < silver.version) {
            self.report(Kind::GoldBehind, schema::TABLE, Object::app(APP_ID), detail);
        } else if read.is_some_and(|version| version > silver.version) {
            self.report(Kind::GoldAhead, schema::TABLE, Object::app(APP_ID), detail);
        }
        for commit in &gold.commits {
            if let (Some(txn), Some(run)) = (commit.txn(APP_ID), &commit.run)
                && txn != run.silver_version
            {
                let object = Object { app_id: Some(APP_ID.to_owned()), ..Object::version(commit.version) };
                let detail = format!("it records silver version {txn}, its run read up to {}", run.silver_version);
                self.report(Kind::TxnDisagrees, schema::TABLE, object, detail);
            }
        }
        read
    }

    /// Opens every file of gold and reports sessions that are there twice.
    async fn check_keys(&mut self, gold: &ScannedTable) -> Result<TableSize, LakeError> {
        // Files are ordered by path, so by date: only the keys of one date are remembered.
        let files = TableFiles::of(gold, KEY_COLUMNS, "reading gold");
        let mut seen = Seen::default();
        self.read_files(&files, read_keys, |audit, file, keys| {
            let date = crate::gold::layout::partition(file);
            if seen.date != date {
                seen = Seen { date, keys: HashSet::new() };
            }
            for key in keys {
                let hash = xxh3_64(format!("{}\0{}\0{}", key.user_id, key.session_id, key.start.0).as_bytes());
                if !seen.keys.insert(hash) {
                    let detail = format!("stored once more in file `{}`", file.path);
                    audit.report_session(Kind::SessionDoubled, &seen.date, &key, detail);
                }
            }
        })
        .await
    }

    /// Compares the stored sessions with the recomputed ones, some dates at a time.
    async fn compare_sessions(
        &mut self,
        gold: &Gold,
        stored: &Snapshot,
        silver: &Snapshot,
    ) -> Result<BTreeMap<NaiveDate, Comparison>, LakeError> {
        let mut differing = BTreeMap::new();
        let ranges = date_ranges(silver);
        for (done, &dates) in ranges.iter().enumerate() {
            self.progress("recomputing gold", done, Some(ranges.len()));
            let compared = gold.compare(stored, silver, dates).await?;
            differing.extend(compared.into_iter().filter(|(_, comparison)| comparison.differs()));
        }
        for (index, (&date, comparison)) in differing.iter().enumerate() {
            if index < MAX_EXAMINED_DATES {
                self.examine_date(gold, stored, silver, date).await?;
            } else {
                let (stored, recomputed) = (comparison.stored.sessions, comparison.recomputed.sessions);
                let detail = format!("{stored} sessions stored, {recomputed} recomputed");
                self.report(Kind::DateDiffers, schema::TABLE, Object::date(date), detail);
            }
        }
        Ok(differing)
    }

    async fn examine_date(
        &mut self,
        gold: &Gold,
        stored: &Snapshot,
        silver: &Snapshot,
        date: NaiveDate,
    ) -> Result<(), LakeError> {
        let found = gold.differences(stored, silver, date, MAX_NAMED + 1).await?;
        if found.is_empty() {
            // The sessions themselves are right, but nobody looks for them where they are.
            let detail = "its sessions are in files of another date";
            self.report(Kind::DateDiffers, schema::TABLE, Object::date(date), detail);
        }
        for (key, how) in found {
            let (kind, detail) = match how {
                How::Missing => (Kind::SessionMissing, "not stored, and `silver/events` has its events".to_owned()),
                How::Invented => (Kind::SessionInvented, "stored, and `silver/events` does not make it".to_owned()),
                How::Differs(columns) => {
                    let columns = columns.join("`, `");
                    (Kind::SessionDiffers, format!("not what `silver/events` makes, in columns `{columns}`"))
                }
                // Reported when the files were read.
                How::Repeated(_) => continue,
            };
            self.report_session(kind, &date.to_string(), &key, detail);
        }
        Ok(())
    }

    fn report_session(&mut self, kind: Kind, date: &str, key: &Key, detail: String) {
        let object = Object {
            user_id: Some(key.user_id.clone()),
            session_id: Some(key.session_id.clone()),
            session_start_time: Some(key.start.to_string()),
            ..Object::date(date)
        };
        self.report(kind, schema::TABLE, object, detail);
    }
}

fn read_keys(keys: &mut Vec<Key>, batch: &RecordBatch) -> Result<(), ArrowError> {
    let rows = Rows::of(schema::TABLE, batch);
    let users: &StringArray = rows.column(schema::USER_ID)?;
    let sessions: &StringArray = rows.column(schema::SESSION_ID)?;
    let starts: &TimestampMicrosecondArray = rows.column(schema::SESSION_START_TIME)?;
    keys.extend((0..batch.num_rows()).map(|row| Key {
        user_id: users.value(row).to_owned(),
        session_id: sessions.value(row).to_owned(),
        start: Timestamp(starts.value(row)),
    }));
    Ok(())
}
