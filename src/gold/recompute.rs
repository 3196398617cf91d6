//! Sessions recomputed from all of silver, without a look at what gold has stored.
//!
//! Memory is bounded in two ways. All dates are split into ranges of consecutive dates, each with about as many events
//! as one pass can hold ([`date_ranges`]). A range that has more is recomputed in several passes, each over the session
//! keys of one hash bucket.

use super::layout::instants;
use super::merge;
use super::micro_batch::events_of;
use super::rows;
use super::schema::Stamp;
use super::session::Session;
use super::session_event::SessionEvent;
use super::{Gold, Windowing};
use crate::event::time::{Span, Timestamp};
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::Add;
use crate::lake::snapshot::Snapshot;
use crate::silver::schema as silver;
use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// About how many rows of silver one pass holds.
const PASS_ROWS: i64 = 250_000;

/// About how many events are folded at once: a session occupies several times the memory of its events.
const FOLD_EVENTS: usize = 8_192;

/// How many silver files are read at once.
const READ_AHEAD: usize = 8;

const DAY: Span = Span::from_days(1);

/// A range of session dates, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Dates {
    pub const ALL: Dates = Dates { from: NaiveDate::MIN, to: NaiveDate::MAX };

    pub fn only(date: NaiveDate) -> Self {
        Dates { from: date, to: date }
    }

    pub fn contains(&self, date: NaiveDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    fn times(&self) -> TimeRange {
        let start = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map_or(0, |at| at.and_utc().timestamp_micros());
        TimeRange { start: Timestamp(start(self.from)), end: Timestamp(start(self.to)) + DAY }
    }
}

/// From `start` up to, but not including, `end`.
#[derive(Debug, Clone, Copy)]
struct TimeRange {
    start: Timestamp,
    end: Timestamp,
}

impl TimeRange {
    fn widened_by(self, margin: Span) -> Self {
        TimeRange { start: self.start - margin, end: self.end + margin }
    }

    fn contains(&self, at: Timestamp) -> bool {
        (self.start..self.end).contains(&at)
    }

    /// Whether `add`, a file of silver, can have events in this range.
    fn overlaps(&self, add: &Add) -> bool {
        let times = instants(&Statistics::of(add), silver::EVENT_TIME);
        times.is_none_or(|(earliest, latest)| latest >= self.start && earliest < self.end)
    }
}

/// Which session keys one pass is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    index: u64,
    of: u64,
}

impl Bucket {
    /// All session keys.
    const WHOLE: Bucket = Bucket { index: 0, of: 1 };

    /// As many buckets as it needs for each to have about as many rows as one pass can hold.
    pub(super) fn all(files: &[&Add], dates: Dates) -> impl Iterator<Item = Bucket> + use<> {
        let times = dates.times().widened_by(DAY);
        let near = files.iter().filter(|add| times.overlaps(add));
        let rows: i64 = near.filter_map(|add| Statistics::of(add).num_records).sum();
        let of = (rows / PASS_ROWS + 1) as u64;
        (0..of).map(move |index| Bucket { index, of })
    }

    pub(super) fn contains(self, user_id: &str, session_id: &str) -> bool {
        self.of == 1 || hash(user_id, session_id) % self.of == self.index
    }
}

/// Of a session key. Buckets use its low bits, [`by_key`] its high ones.
fn hash(user_id: &str, session_id: &str) -> u64 {
    xxh3_64(user_id.as_bytes()) ^ xxh3_64(session_id.as_bytes())
}

impl Gold {
    /// The sessions of one bucket that start within `dates`, as rows of gold.
    pub(super) async fn recompute_rows(
        &self,
        files: &[&Add],
        dates: Dates,
        bucket: Bucket,
    ) -> Result<Vec<RecordBatch>, LakeError> {
        let stamp = Stamp { last_updated: Timestamp(0), final_before: Timestamp(0) };
        self.fold_within(files, dates, bucket, move |sessions| Ok(rows::to_rows(&sessions, stamp)?)).await
    }

    /// The sessions that start on `date`.
    pub(super) async fn recompute_date(&self, silver: &Snapshot, date: NaiveDate) -> Result<Vec<Session>, LakeError> {
        let files: Vec<&Add> = silver.files.values().collect();
        let folded = self.fold_within(&files, Dates::only(date), Bucket::WHOLE, Ok).await?;
        Ok(folded.into_iter().flatten().collect())
    }

    /// Folds the events of one bucket and calls `make` with the sessions that start within `dates`, some of them at a
    /// time. A session can extend into neighbouring days, however many. So the range of events that is read is widened
    /// until no session that matters reaches its edge.
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
        let windowing = self.settings.windowing;
        let mut margin = DAY;
        loop {
            let read = dates.times().widened_by(margin);
            let events = self.events_within(files, read, bucket).await?;
            let work = move || fold_parts(events, read, dates, &windowing, make);
            if let Some(made) = self.table.workers.run("fold sessions", work).await?? {
                return Ok(made);
            }
            margin = margin.saturating_mul(2);
        }
    }

    async fn events_within(
        &self,
        files: &[&Add],
        times: TimeRange,
        bucket: Bucket,
    ) -> Result<Vec<SessionEvent>, LakeError> {
        let near: Vec<&Add> = files.iter().copied().filter(|add| times.overlaps(add)).collect();
        let wanted = move |user_id: &str, session_id: &str| bucket.contains(user_id, session_id);
        let read = async |add: &Add| events_of(&self.silver, add, wanted).await;
        let mut files = std::pin::pin!(futures::stream::iter(near).map(read).buffered(READ_AHEAD));
        let mut events = Vec::new();
        while let Some(of_file) = files.try_next().await? {
            events.extend(of_file.into_iter().filter(|event| times.contains(event.at())));
        }
        Ok(events)
    }
}

/// `events` are those within `read`. `None` where a session that matters may have more events outside of it.
fn fold_parts<T>(
    events: Vec<SessionEvent>,
    read: TimeRange,
    dates: Dates,
    windowing: &Windowing,
    make: impl Fn(Vec<Session>) -> Result<T, LakeError>,
) -> Result<Option<Vec<T>>, LakeError> {
    let wanted = dates.times();
    let may_be_cut = |session: &Session| {
        let matters = session.end >= wanted.start && session.start < wanted.end;
        let is_at_edge = session.start - read.start <= windowing.timeout || read.end - session.end <= windowing.timeout;
        dates != Dates::ALL && matters && is_at_edge
    };
    let mut made = Vec::new();
    for part in by_key(events) {
        let mut sessions = merge::fold(part, windowing);
        if sessions.iter().any(may_be_cut) {
            return Ok(None);
        }
        sessions.retain(|session| dates.contains(session.start.date()));
        made.push(make(sessions)?);
    }
    Ok(Some(made))
}

/// `events` in parts of about [`FOLD_EVENTS`], with all events of a session key in the same part.
fn by_key(events: Vec<SessionEvent>) -> Vec<Vec<SessionEvent>> {
    let count = events.len() / FOLD_EVENTS + 1;
    let mut parts = vec![Vec::new(); count];
    for event in events {
        let part = hash(event.key.user_id.as_str(), event.key.session_id.as_str()) >> 32;
        parts[part as usize % count].push(event);
    }
    parts
}

/// Ranges that cover all dates, each with about as many events as one pass can hold.
pub fn date_ranges(silver: &Snapshot) -> Vec<Dates> {
    let mut rows_from: BTreeMap<NaiveDate, i64> = BTreeMap::new();
    for add in silver.files.values() {
        let statistics = Statistics::of(add);
        if let (Some((earliest, _)), Some(rows)) = (instants(&statistics, silver::EVENT_TIME), statistics.num_records) {
            *rows_from.entry(earliest.date()).or_default() += rows;
        }
    }
    let mut ranges = Vec::new();
    let (mut from, mut rows) = (NaiveDate::MIN, 0);
    for (date, more) in rows_from {
        rows += more;
        let Some(next) = date.succ_opt().filter(|_| rows >= PASS_ROWS) else { continue };
        ranges.push(Dates { from, to: date });
        (from, rows) = (next, 0);
    }
    ranges.push(Dates { from, to: NaiveDate::MAX });
    ranges
}
