//! Gold from nothing: sessions recomputed from all of silver, and where the stored ones differ.
//!
//! Nothing here looks at how gold came about; it is what gold is checked against, and mended with. Memory is bounded
//! twice: all dates are taken in slices of consecutive ones, as many as have events enough for one pass; and a slice that
//! has more is taken in passes, each over the visits of one hash bucket.

use super::layout::partition;
use super::merge;
use super::micro_batch::events_of;
use super::rows;
use super::schema::Stamp;
use super::session::Session;
use super::session_event::SessionEvent;
use super::{Gold, schema};
use crate::columns::{ColumnError, Rows};
use crate::event::time::{MICROS_PER_SECOND, Timestamp};
use crate::lake::LakeError;
use crate::lake::arrow::array::{RecordBatch, TimestampMicrosecondArray};
use crate::lake::file::Statistics;
use crate::lake::log::Add;
use crate::lake::snapshot::Snapshot;
use crate::silver::schema as silver;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Silver rows that one pass holds at most, about.
const PASS_ROWS: i64 = 250_000;

/// Events that are sessions at the same time: a session takes several times the memory of its events.
const FOLD_EVENTS: usize = 8_192;

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
            for batch in self.rows_of(&files, dates, bucket).await? {
                add_digests(&batch, dates, |date, row| found.entry(date).or_default().recomputed.add(row))?;
            }
        }
        Ok(found)
    }

    /// The sessions of one bucket that start within `dates`, as gold would have them.
    pub(super) async fn rows_of(
        &self,
        files: &[&Add],
        dates: Dates,
        bucket: Bucket,
    ) -> Result<Vec<RecordBatch>, LakeError> {
        let stamp = Stamp { last_updated: Timestamp(0), final_before: Timestamp(0) };
        self.fold_within(files, dates, bucket, move |sessions| Ok(rows::to_rows(&sessions, stamp)?)).await
    }

    /// The sessions that start on `date`, from the events of `silver`.
    pub(super) async fn sessions_on(&self, silver: &Snapshot, date: NaiveDate) -> Result<Vec<Session>, LakeError> {
        let files: Vec<&Add> = silver.files.values().collect();
        let dates = Dates { from: date, to: date };
        let folded = self.fold_within(&files, dates, Bucket { index: 0, of: 1 }, Ok).await?;
        Ok(folded.into_iter().flatten().collect())
    }

    /// What `make` makes of the sessions of one bucket that start within `dates`, some at a time. A session can reach into
    /// neighbouring days, by however much: the window read is widened until no session that matters touches its edge.
    async fn fold_within<T, M>(
        &self,
        files: &[&Add],
        dates: Dates,
        bucket: Bucket,
        make: M,
    ) -> Result<Vec<T>, LakeError>
    where
        T: Send + 'static,
        M: Fn(Vec<Session>) -> Result<T, LakeError> + Copy + Send + 'static,
    {
        let (start, end) = dates.instants();
        let windowing = self.settings.windowing;
        let mut margin = DAY_MICROS;
        loop {
            let window = (start.saturating_sub(margin), end.saturating_add(margin));
            let facts = self.facts_within(files, window, bucket).await?;
            let cut_off = move |session: &Session| {
                let reaches_in = session.end.0 >= start && session.start.0 < end;
                let timeout = windowing.timeout_micros;
                let at_edge = session.start.0 - window.0 <= timeout || window.1 - session.end.0 <= timeout;
                dates != Dates::ALL && reaches_in && at_edge
            };
            let work = move || {
                let mut made = Vec::new();
                for part in by_visit(facts) {
                    let mut sessions = merge::fold(part, &windowing);
                    if sessions.iter().any(cut_off) {
                        return Ok::<_, LakeError>(None);
                    }
                    sessions.retain(|session| dates.contains(session.start.date()));
                    made.push(make(sessions)?);
                }
                Ok(Some(made))
            };
            if let Some(made) = self.table.workers.run("fold sessions", work).await?? {
                return Ok(made);
            }
            margin = margin.saturating_mul(2);
        }
    }

    async fn facts_within(
        &self,
        files: &[&Add],
        window: (i64, i64),
        bucket: Bucket,
    ) -> Result<Vec<SessionEvent>, LakeError> {
        let wanted: Vec<&Add> = files.iter().copied().filter(|add| may_hold(add, window)).collect();
        let read = async |add: &Add| events_of(&self.silver, add, move |user, visit| bucket.holds(user, visit)).await;
        let mut of_files = std::pin::pin!(futures::stream::iter(wanted).map(read).buffered(READ_AHEAD));
        let mut facts = Vec::new();
        while let Some(of_file) = of_files.try_next().await? {
            facts.extend(of_file.into_iter().filter(|fact| (window.0..window.1).contains(&fact.place.at)));
        }
        Ok(facts)
    }
}

/// Facts in parts of about [`FOLD_EVENTS`], those of a visit in the same one.
fn by_visit(facts: Vec<SessionEvent>) -> Vec<Vec<SessionEvent>> {
    let of = facts.len() / FOLD_EVENTS + 1;
    let mut parts = vec![Vec::new(); of];
    for fact in facts {
        let part = visit_hash(fact.visit.user_id.as_str(), fact.visit.session_id.as_str()) >> 32;
        parts[part as usize % of].push(fact);
    }
    parts
}

/// Passes take its low bits, parts of a pass its high ones.
fn visit_hash(user_id: &str, session_id: &str) -> u64 {
    xxh3_64(user_id.as_bytes()) ^ xxh3_64(session_id.as_bytes())
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
        self.of == 1 || visit_hash(user_id, session_id) % self.of == self.index
    }
}

/// Gives each row of `batch` with its date to `add`: all columns but the two that depend on when it was written.
fn add_digests(batch: &RecordBatch, dates: Dates, mut add: impl FnMut(NaiveDate, &[u8])) -> Result<(), LakeError> {
    let starts: &TimestampMicrosecondArray = Rows::of(schema::TABLE, batch).column(schema::SESSION_START_TIME)?;
    for (start, line) in starts.values().iter().zip(comparable_lines(batch)?) {
        let date = Timestamp(*start).date();
        if dates.contains(date) {
            add(date, &line);
        }
    }
    Ok(())
}

/// Each row as JSON, in the order of the rows, without what depends on when it was written.
pub(super) fn comparable_lines(batch: &RecordBatch) -> Result<Vec<Vec<u8>>, ColumnError> {
    let when_written = [schema::IS_FINAL, schema::LAST_UPDATED, schema::SESSION_DATE];
    Rows::of(schema::TABLE, batch).as_json(|name| !when_written.contains(&name))
}
