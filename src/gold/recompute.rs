//! Gold from nothing: sessions recomputed from all of silver, and where the stored ones differ.
//!
//! Nothing here looks at how gold came about; it is what gold is checked against, and mended with. Memory is bounded
//! twice: all dates are taken in slices of consecutive ones, as many as have events enough for one pass; and a slice that
//! has more is taken in passes, each over the visits of one hash bucket.

use super::fact::{Fact, column};
use super::layout::partition;
use super::merge;
use super::rows::{self, Stamp};
use super::session::Session;
use super::slice::facts_of;
use super::{Gold, schema};
use crate::event::time::{MICROS_PER_SECOND, Timestamp};
use crate::lake::LakeError;
use crate::lake::arrow::array::{RecordBatch, TimestampMicrosecondArray};
use crate::lake::arrow::json::LineDelimitedWriter;
use crate::lake::file::Statistics;
use crate::lake::log::Add;
use crate::lake::table::Snapshot;
use crate::silver::schema as silver;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Silver rows that one pass holds at most, about.
const PASS_ROWS: i64 = 1_000_000;

/// Silver files that are read at once.
const READ_AHEAD: usize = 8;

const DAY_MICROS: i64 = 86_400 * MICROS_PER_SECOND;

/// Session dates, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Dates {
    pub const ALL: Dates = Dates { from: NaiveDate::MIN, to: NaiveDate::MAX };

    pub fn contains(&self, date: NaiveDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// First instant, and the first one behind, in microseconds.
    fn instants(&self) -> (i64, i64) {
        let start = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map_or(0, |at| at.and_utc().timestamp_micros());
        (start(self.from), start(self.to).saturating_add(DAY_MICROS))
    }
}

/// How many sessions a date has, and a sum over them that does not depend on their order.
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

impl Gold {
    /// Every session date within `dates`, as `gold` has it and as the events of `silver` make it.
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
                add_digests(&batch, dates, |date, row| found.entry(date).or_default().stored.add(row))?;
            }
        }
        let files: Vec<&Add> = silver.files.values().collect();
        for bucket in Bucket::all(&files, dates) {
            let batch = self.rows_of(&files, dates, bucket).await?;
            add_digests(&batch, dates, |date, row| found.entry(date).or_default().recomputed.add(row))?;
        }
        Ok(found)
    }

    /// The sessions of one bucket that start within `dates`, as gold would have them.
    pub(super) async fn rows_of(&self, files: &[&Add], dates: Dates, bucket: Bucket) -> Result<RecordBatch, LakeError> {
        let sessions = self.sessions_of(files, dates, bucket).await?;
        rows::to_rows(&sessions, Stamp { last_updated: Timestamp(0), final_before: Timestamp(0) })
    }

    /// The sessions that start on `date`, from the events of `silver`.
    pub(super) async fn sessions_on(&self, silver: &Snapshot, date: NaiveDate) -> Result<Vec<Session>, LakeError> {
        let files: Vec<&Add> = silver.files.values().collect();
        self.sessions_of(&files, Dates { from: date, to: date }, Bucket { index: 0, of: 1 }).await
    }

    /// The sessions of one bucket that start within `dates`. A session can reach into neighbouring days, by however
    /// much: the window read is widened until no session that matters touches its edge.
    async fn sessions_of(&self, files: &[&Add], dates: Dates, bucket: Bucket) -> Result<Vec<Session>, LakeError> {
        let (start, end) = dates.instants();
        let mut margin = DAY_MICROS;
        loop {
            let window = (start.saturating_sub(margin), end.saturating_add(margin));
            let facts = self.facts_within(files, window, bucket).await?;
            let windowing = self.settings.windowing;
            let fold = move || merge::fold(facts, &windowing);
            let mut sessions = self.table.workers.run("fold sessions", fold).await?;
            let timeout = windowing.timeout_micros;
            let cut_off = |session: &Session| {
                let reaches_in = session.end.0 >= start && session.start.0 < end;
                let at_edge = session.start.0 - window.0 <= timeout || window.1 - session.end.0 <= timeout;
                reaches_in && at_edge
            };
            if dates == Dates::ALL || !sessions.iter().any(cut_off) {
                sessions.retain(|session| dates.contains(session.start.date()));
                return Ok(sessions);
            }
            margin = margin.saturating_mul(2);
        }
    }

    async fn facts_within(&self, files: &[&Add], window: (i64, i64), bucket: Bucket) -> Result<Vec<Fact>, LakeError> {
        let wanted: Vec<&Add> = files.iter().copied().filter(|add| may_hold(add, window)).collect();
        let read = async |add: &Add| facts_of(&self.silver, add, move |user, visit| bucket.holds(user, visit)).await;
        let mut of_files = std::pin::pin!(futures::stream::iter(wanted).map(read).buffered(READ_AHEAD));
        let mut facts = Vec::new();
        while let Some(of_file) = of_files.try_next().await? {
            facts.extend(of_file.into_iter().filter(|fact| (window.0..window.1).contains(&fact.place.at)));
        }
        Ok(facts)
    }
}

fn may_hold(add: &Add, window: (i64, i64)) -> bool {
    let times = Statistics::of(add).instants(silver::EVENT_TIME);
    times.is_none_or(|(earliest, latest)| latest >= window.0 && earliest < window.1)
}

/// All dates there are, cut where the events between two cuts are about as many as one pass takes.
pub fn slices(silver: &Snapshot) -> Vec<Dates> {
    let mut rows_from: BTreeMap<NaiveDate, i64> = BTreeMap::new();
    for add in silver.files.values() {
        let statistics = Statistics::of(add);
        if let (Some((earliest, _)), Some(rows)) = (statistics.instants(silver::EVENT_TIME), statistics.num_records) {
            *rows_from.entry(Timestamp(earliest).date()).or_default() += rows;
        }
    }
    let mut slices = Vec::new();
    let (mut from, mut rows) = (NaiveDate::MIN, 0);
    for (date, more) in rows_from {
        rows += more;
        let Some(next) = date.succ_opt().filter(|_| rows >= PASS_ROWS) else { continue };
        slices.push(Dates { from, to: date });
        (from, rows) = (next, 0);
    }
    slices.push(Dates { from, to: NaiveDate::MAX });
    slices
}

/// The visits of one pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    index: u64,
    of: u64,
}

impl Bucket {
    /// So many that each has about as many rows as one pass takes.
    pub(super) fn all(files: &[&Add], dates: Dates) -> impl Iterator<Item = Bucket> + use<> {
        let (start, end) = dates.instants();
        let window = (start.saturating_sub(DAY_MICROS), end.saturating_add(DAY_MICROS));
        let near = files.iter().filter(|add| may_hold(add, window));
        let rows: i64 = near.filter_map(|add| Statistics::of(add).num_records).sum();
        let of = (rows / PASS_ROWS + 1) as u64;
        (0..of).map(move |index| Bucket { index, of })
    }

    pub(super) fn holds(self, user_id: &str, session_id: &str) -> bool {
        self.of == 1 || (xxh3_64(user_id.as_bytes()) ^ xxh3_64(session_id.as_bytes())) % self.of == self.index
    }
}

/// Gives each row of `batch` with its date to `add`: all columns but the two that depend on when it was written.
fn add_digests(batch: &RecordBatch, dates: Dates, mut add: impl FnMut(NaiveDate, &[u8])) -> Result<(), LakeError> {
    let starts: &TimestampMicrosecondArray = column(batch, schema::SESSION_START_TIME)?;
    let lines = comparable_lines(batch).map_err(|error| LakeError::Internal {
        attempt: "compare sessions",
        table: schema::TABLE.into(),
        detail: error.to_string(),
    })?;
    let rows = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    for (start, line) in starts.values().iter().zip(rows) {
        let date = Timestamp(*start).date();
        if dates.contains(date) {
            add(date, line);
        }
    }
    Ok(())
}

pub(super) fn comparable_lines(batch: &RecordBatch) -> Result<Vec<u8>, crate::lake::arrow::error::ArrowError> {
    let schema = batch.schema();
    let kept = |name: &str| name != schema::IS_FINAL && name != schema::LAST_UPDATED && name != schema::SESSION_DATE;
    let columns: Vec<usize> =
        schema.fields().iter().enumerate().filter(|(_, field)| kept(field.name())).map(|(index, _)| index).collect();
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch.project(&columns)?)?;
    writer.finish()?;
    Ok(writer.into_inner())
}
