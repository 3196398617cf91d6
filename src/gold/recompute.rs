//! Sessions recomputed from silver, without a look at what gold has stored.
//!
//! A *sweep* walks through event time in windows, each with about as many rows of silver as memory allows. What a window
//! leaves open is carried into the next one as stored sessions are: as bytes. So memory is bounded whatever the number of
//! sessions, and a session comes out as soon as no later event can reach it.

use super::layout::instants;
use super::merge::{self, Stored};
use super::read_events::{self, EventReader};
use super::rows::{self, RowsByDate};
use super::schema::{self, Stamp};
use super::session::Session;
use super::session_event::{KeyHash, SessionKey};
use super::state;
use super::{Gold, Windowing};
use crate::columns::{ColumnError, Rows};
use crate::event::time::{Span, Timestamp};
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::Add;
use crate::lake::snapshot::Snapshot;
use crate::silver::schema as silver;
use arrow::array::{BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute;
use chrono::NaiveDate;
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// About how many rows of silver a window has.
const WINDOW_ROWS: i64 = 50_000;

/// A range of dates is recomputed at once if it has about this many rows.
const RANGE_ROWS: i64 = 1_000_000;

/// The shortest window. All its rows are in memory at once.
const SHORTEST: Span = Span::from_millis(1);

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

    fn start(&self) -> Timestamp {
        midnight(self.from)
    }

    /// The first instant after them.
    fn end(&self) -> Timestamp {
        midnight(self.to) + DAY
    }
}

fn midnight(date: NaiveDate) -> Timestamp {
    Timestamp(date.and_hms_opt(0, 0, 0).map_or(0, |at| at.and_utc().timestamp_micros()))
}

/// Which session keys are recomputed.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    All,
    Of(Arc<HashSet<KeyHash>>),
    /// Those whose hash has this remainder.
    Bucket {
        index: u64,
        of: u64,
    },
}

impl Keys {
    pub fn contains(&self, key: KeyHash) -> bool {
        match self {
            Keys::All => true,
            Keys::Of(keys) => keys.contains(&key),
            Keys::Bucket { index, of } => key.0 % of == *index,
        }
    }

    /// All keys, in `of` parts.
    pub fn parts(of: u64) -> impl Iterator<Item = Keys> {
        (0..of).map(move |index| if of == 1 { Keys::All } else { Keys::Bucket { index, of } })
    }
}

/// A session that later events may still reach.
struct Open {
    user_id: String,
    session_id: String,
    start: Timestamp,
    end: Timestamp,
    state: Vec<u8>,
}

/// The walk through event time.
pub(super) struct Sweep<'g> {
    gold: &'g Gold,
    files: Vec<Add>,
    dates: Dates,
    keys: Keys,
    stamp: Stamp,
    /// Everything before this is read.
    at: Timestamp,
    open: Vec<Open>,
    is_done: bool,
}

impl Gold {
    /// The sessions with these keys that start within `dates`, as the events in `files` of silver make them.
    pub(super) async fn sweep(
        &self,
        silver: &Snapshot,
        dates: Dates,
        keys: Keys,
        stamp: Stamp,
    ) -> Result<Sweep<'_>, LakeError> {
        let files: Vec<Add> = silver.files.values().cloned().collect();
        let mut margin = DAY;
        loop {
            let from = if dates == Dates::ALL { Timestamp(i64::MIN) } else { dates.start() - margin };
            let (files, keys) = (files.clone(), keys.clone());
            let mut sweep = Sweep { gold: self, files, dates, keys, stamp, at: from, open: Vec::new(), is_done: false };
            if dates == Dates::ALL || sweep.reaches_start(from).await? {
                return Ok(sweep);
            }
            // A session that reaches into these dates may have begun before what was read.
            margin = margin.saturating_mul(2);
        }
    }
}

impl Sweep<'_> {
    /// Walks up to the first date. `false` where an open session may have more events before `from`.
    async fn reaches_start(&mut self, from: Timestamp) -> Result<bool, LakeError> {
        while self.at < self.dates.start() && !self.is_done {
            self.step(self.dates.start()).await?;
        }
        let timeout = self.gold.settings.windowing.timeout;
        Ok(self.open.iter().all(|open| open.start - from > timeout))
    }

    /// The next sessions that are complete, by their date; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RowsByDate>, LakeError> {
        while !self.is_done {
            let complete = self.step(Timestamp(i64::MAX)).await?;
            if !complete.is_empty() {
                return Ok(Some(complete));
            }
        }
        Ok(None)
    }

    /// Reads the next window, which ends at `limit` at the latest. The sessions that are complete then.
    async fn step(&mut self, limit: Timestamp) -> Result<RowsByDate, LakeError> {
        let mut end = self.next_end().min(limit);
        let batches = loop {
            match self.read(end).await? {
                Some(batches) => break batches,
                None => end = self.at + Span::from_micros((end - self.at).micros() / 2),
            }
        };
        let open = std::mem::take(&mut self.open);
        let window = Window { end, dates: self.dates, windowing: self.gold.settings.windowing, stamp: self.stamp };
        let work = move || window.close(open, &batches);
        let (complete, open) = self.gold.table.workers.run("fold sessions", work).await??;
        (self.at, self.open) = (end, open);
        self.is_done = end == Timestamp(i64::MAX) || (end >= self.dates.end() && self.open.is_empty());
        Ok(complete)
    }

    /// The end of a window with about as many rows as it may have, as far as the log tells; the end of time after the last
    /// event.
    fn next_end(&self) -> Timestamp {
        let files: Vec<(Timestamp, Timestamp, i64)> =
            self.files.iter().filter_map(|add| self.times_and_rows(add)).collect();
        let earliest = files.iter().map(|(earliest, _, _)| *earliest).min();
        let latest = files.iter().map(|(_, latest, _)| *latest).max();
        let Some((earliest, latest)) = earliest.zip(latest) else { return Timestamp(i64::MAX) };
        let start = earliest.max(self.at);
        let mut end = latest + Span::from_micros(1);
        while rows_within(&files, start, end) > WINDOW_ROWS && end - start > SHORTEST {
            end = start + Span::from_micros((end - start).micros() / 2);
        }
        end
    }

    /// Event times and number of rows of a file with events that are not read yet.
    fn times_and_rows(&self, add: &Add) -> Option<(Timestamp, Timestamp, i64)> {
        let statistics = Statistics::of(add);
        let (earliest, latest) = instants(&statistics, silver::EVENT_TIME)?;
        (latest >= self.at).then_some((earliest, latest, statistics.num_records.unwrap_or(0)))
    }

    /// The rows from `self.at` up to `end`. `None` where they are too many and a shorter window has fewer.
    async fn read(&self, end: Timestamp) -> Result<Option<Vec<RecordBatch>>, LakeError> {
        let gold = self.gold;
        let may_be_shorter = end - self.at > SHORTEST;
        let wanted = Arc::new(self.wanted(end));
        let (mut read, mut bytes) = (Vec::new(), 0);
        for add in self.files.iter().filter(|add| self.overlaps(add, end)) {
            let mut stream = std::pin::pin!(gold.silver.stream(add, read_events::COLUMNS));
            while let Some(batch) = stream.try_next().await? {
                let wanted = wanted.clone();
                let select = move || wanted.select(&batch);
                let selected = gold.silver.workers.run("read events", select).await?;
                let selected = selected.map_err(|error| LakeError::damaged(gold.silver.spec.name, add, &error))?;
                if selected.num_rows() > 0 {
                    bytes += selected.get_array_memory_size();
                    read.push(selected);
                }
                if may_be_shorter && bytes > 2 * gold.settings.max_slice_bytes {
                    return Ok(None);
                }
            }
        }
        Ok(Some(read))
    }

    fn overlaps(&self, add: &Add, end: Timestamp) -> bool {
        let times = instants(&Statistics::of(add), silver::EVENT_TIME);
        times.is_none_or(|(earliest, latest)| latest >= self.at && earliest < end)
    }

    fn wanted(&self, end: Timestamp) -> WantedRows {
        // After the last date only what continues a session that is open.
        let open = (end > self.dates.end()).then(|| self.open.iter().map(|open| open.key().hash()).collect());
        WantedRows { from: self.at, end, keys: self.keys.clone(), last: self.dates.end(), open }
    }
}

/// About how many rows `files` have from `start` up to `end`, if the rows of a file are evenly distributed.
fn rows_within(files: &[(Timestamp, Timestamp, i64)], start: Timestamp, end: Timestamp) -> i64 {
    let within = |&(earliest, latest, rows): &(Timestamp, Timestamp, i64)| {
        let length = (latest - earliest).micros().saturating_add(1);
        let shared = (latest.min(end) - earliest.max(start)).micros().saturating_add(1).clamp(0, length);
        (i128::from(rows) * i128::from(shared) / i128::from(length.max(1))) as i64
    };
    files.iter().map(within).sum()
}

/// Which rows of silver a window has.
struct WantedRows {
    from: Timestamp,
    end: Timestamp,
    keys: Keys,
    /// From here on only rows of `open`.
    last: Timestamp,
    open: Option<HashSet<KeyHash>>,
}

impl WantedRows {
    fn select(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let rows = Rows::of(silver::TABLE, batch);
        let column_error = |error: ColumnError| error.detail;
        let times: &TimestampMicrosecondArray = rows.column(silver::EVENT_TIME).map_err(column_error)?;
        let user_ids: &StringArray = rows.column(silver::USER_ID).map_err(column_error)?;
        let session_ids: &StringArray = rows.column(silver::SESSION_ID).map_err(column_error)?;
        let mut mask = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let at = Timestamp(times.value(row));
            let is_within = (self.from..self.end).contains(&at);
            mask.push(
                is_within && {
                    let key = SessionKey::new(user_ids.value(row), session_ids.value(row));
                    let key = key.ok_or_else(|| format!("an id is empty in row {row} of a batch"))?.hash();
                    let continues = || at < self.last || self.open.as_ref().is_none_or(|open| open.contains(&key));
                    self.keys.contains(key) && continues()
                },
            );
        }
        compute::filter_record_batch(batch, &BooleanArray::from(mask)).map_err(|error| error.to_string())
    }
}

impl Open {
    fn of(key: SessionKey, session: &Session) -> Self {
        let (start, end) = session.window();
        let (user_id, session_id) = (key.user_id.to_owned(), key.session_id.to_owned());
        Open { user_id, session_id, start, end, state: state::write(session) }
    }

    fn key(&self) -> SessionKey<'_> {
        SessionKey { user_id: &self.user_id, session_id: &self.session_id }
    }

    fn stored(&self) -> Stored<'_> {
        Stored { key: self.key(), start: self.start, end: self.end, state: &self.state }
    }
}

/// What happens to the sessions of one window.
struct Window {
    end: Timestamp,
    dates: Dates,
    windowing: Windowing,
    stamp: Stamp,
}

impl Window {
    /// Merges the rows in `batches` into the `open` sessions. The rows of those that are complete, and those that stay open.
    /// CPU-bound.
    fn close(&self, mut open: Vec<Open>, batches: &[RecordBatch]) -> Result<(RowsByDate, Vec<Open>), LakeError> {
        let mut reader = EventReader::default();
        for batch in batches {
            reader.read(batch)?;
        }
        let stored: Vec<Stored> = open.iter().map(Open::stored).collect();
        let own_state = |source: &dyn std::fmt::Display| LakeError::Internal {
            attempt: "read what was just written",
            table: schema::TABLE.into(),
            detail: source.to_string(),
        };
        let merged =
            merge::merge(&stored, reader.into_all(), &self.windowing).map_err(|error| own_state(&error.source))?;
        let mut stay: Vec<Open> = Vec::new();
        let mut complete = Vec::new();
        for (key, session) in merged.changed {
            let (start, end) = session.window();
            if !self.is_complete(end) {
                stay.extend((start < self.dates.end()).then(|| Open::of(key, &session)));
            } else if self.dates.contains(start.date()) {
                complete.push((key, session));
            }
        }
        let mut rows = RowsByDate::new();
        rows::add_rows(complete, self.stamp, &mut rows)?;
        let untouched = (0..stored.len()).filter(|index| !merged.replaced.contains(index));
        let (kept, done): (Vec<usize>, Vec<usize>) = untouched.partition(|&index| !self.is_complete(stored[index].end));
        let done = done.into_iter().map(|index| stored[index]).filter(|done| self.dates.contains(done.start.date()));
        let done =
            done.map(|done| Ok((done.key, state::read(done.state)?))).collect::<Result<Vec<_>, state::StateError>>();
        rows::add_rows(done.map_err(|error| own_state(&error))?, self.stamp, &mut rows)?;
        let kept: HashSet<usize> = kept.into_iter().collect();
        let mut index = 0..;
        open.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
        open.append(&mut stay);
        Ok((rows, open))
    }

    /// Whether no event after the window can reach a session that ends at `end`.
    fn is_complete(&self, end: Timestamp) -> bool {
        self.end == Timestamp(i64::MAX) || !self.windowing.are_neighbours(end, self.end)
    }
}

/// Ranges that cover all dates, each with about as many rows of silver.
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
        let Some(next) = date.succ_opt().filter(|_| rows >= RANGE_ROWS) else { continue };
        ranges.push(Dates { from, to: date });
        (from, rows) = (next, 0);
    }
    ranges.push(Dates { from, to: NaiveDate::MAX });
    ranges
}
