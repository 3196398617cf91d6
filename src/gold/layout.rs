//! Which gold files a run opens, and how rows are laid out in new ones.
//!
//! Decides by the statistics and tags that the log keeps of each file. Reads and writes nothing.

use super::Settings;
use super::rows;
use super::schema::{self, Stamp};
use super::session::Session;
use crate::columns::Rows;
use crate::event::time::{Span, Timestamp};
use crate::lake::LakeError;
use crate::lake::file::{NewFile, Statistics};
use crate::lake::log::Add;
use arrow::array::{BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute;
use std::collections::{BTreeMap, BTreeSet};

/// Tag of a gold file: the earliest end of a session in it that was not final when it was written, in microseconds.
/// Absent where every session was final.
const EARLIEST_OPEN_END: &str = "clickstream.earliestOpenEnd";
/// Tag of every gold file, which tells "no open session" from "written without tags".
const FINALITY_KNOWN: &str = "clickstream.finalityKnown";

/// Finality is brought up to date each time that the watermark has advanced by this much.
const FINALITY_STEP: Span = Span::from_hours(1);

/// How many files one run may rewrite for finality alone.
const MAX_FINALITY_FILES: usize = 16;

/// The files with sessions that an event at one of `times` (sorted) can touch.
pub fn candidate_files<'a>(files: impl Iterator<Item = &'a Add>, times: &[Timestamp], timeout: Span) -> Vec<&'a Add> {
    files.filter(|add| is_candidate(add, times, timeout)).collect()
}

fn is_candidate(add: &Add, times: &[Timestamp], timeout: Span) -> bool {
    let statistics = Statistics::of(add);
    let starts = instants(&statistics, schema::SESSION_START_TIME);
    let ends = instants(&statistics, schema::SESSION_END_TIME);
    // Without statistics, only opening the file shows what is in it.
    let (Some((earliest, _)), Some((_, latest))) = (starts, ends) else { return true };
    let first = times.partition_point(|&at| at < earliest - timeout);
    times.get(first).is_some_and(|&at| at <= latest + timeout)
}

/// The earliest and the latest instant of a column in a file, where its statistics say so.
pub(super) fn instants(statistics: &Statistics, column: &str) -> Option<(Timestamp, Timestamp)> {
    statistics.instants(column).map(|(earliest, latest)| (Timestamp(earliest), Timestamp(latest)))
}

/// Whether `add` has sessions that became final since it was written, as of the last full hour of the watermark. So a
/// file is rewritten for finality alone at most once an hour.
pub fn is_due_for_finality(add: &Add, watermark: Timestamp, timeout: Span) -> bool {
    let step = FINALITY_STEP.micros();
    let hour = Timestamp(watermark.0.div_euclid(step).saturating_mul(step));
    let final_before = hour - timeout;
    let tag = |name| add.tags.as_ref().and_then(|tags| tags.get(name).cloned().flatten());
    match (tag(FINALITY_KNOWN), tag(EARLIEST_OPEN_END).and_then(|end| end.parse().ok())) {
        (Some(_), Some(end)) => Timestamp(end) < final_before,
        (Some(_), None) => false,
        (None, _) => {
            let ends = instants(&Statistics::of(add), schema::SESSION_END_TIME);
            ends.is_none_or(|(earliest, _)| earliest < final_before)
        }
    }
}

/// A gold file read into memory, and which of its rows are replaced.
#[derive(Debug, Clone)]
pub(super) struct OpenFile {
    pub add: Add,
    pub rows: RecordBatch,
    /// Indices of the rows whose session is replaced; the others are kept.
    pub replaced: BTreeSet<usize>,
}

impl OpenFile {
    pub fn date(&self) -> String {
        partition(&self.add)
    }

    fn kept_rows(&self) -> Result<RecordBatch, LakeError> {
        let keep: BooleanArray = (0..self.rows.num_rows()).map(|row| Some(!self.replaced.contains(&row))).collect();
        compute::filter_record_batch(&self.rows, &keep).map_err(internal)
    }
}

/// The session date of a gold file, as its partition says it.
pub fn partition(add: &Add) -> String {
    add.partition_values.get(schema::SESSION_DATE).cloned().flatten().unwrap_or_default()
}

/// Files that are rewritten although none of their sessions changed: for each date that gets sessions and has no open
/// file, its smallest one, so that a day does not end in thousands of small files; and some that are due for finality.
pub(super) fn to_rewrite_too(
    files: &BTreeMap<String, Add>,
    changed: &[Session],
    opened: &[OpenFile],
    watermark: Option<Timestamp>,
    settings: &Settings,
) -> Vec<Add> {
    let open_dates: BTreeSet<String> = opened.iter().map(OpenFile::date).collect();
    let dates: BTreeSet<String> = changed.iter().map(|session| session.start.date().to_string()).collect();
    let smallest_of = |date: &String| {
        let of_date = files.values().filter(|add| partition(add) == *date);
        let sized = of_date.filter_map(|add| Some((Statistics::of(add).num_records?, add)));
        let smallest = sized.min_by_key(|(rows, _)| *rows);
        smallest.filter(|(rows, _)| *rows < settings.max_file_rows as i64).map(|(_, add)| add)
    };
    let smallest = dates.difference(&open_dates).filter_map(smallest_of);
    let open: BTreeSet<&str> = opened.iter().map(|file| file.add.path.as_str()).collect();
    let is_due = |add: &&Add| {
        let due = |watermark| is_due_for_finality(add, watermark, settings.windowing.timeout);
        watermark.is_some_and(due) && !open.contains(add.path.as_str())
    };
    let due = files.values().filter(is_due).take(MAX_FINALITY_FILES);
    let chosen: BTreeMap<&str, &Add> = smallest.chain(due).map(|add| (add.path.as_str(), add)).collect();
    chosen.into_values().cloned().collect()
}

/// New files that hold the kept rows of `opened` and the sessions in `changed`, by session date. CPU-bound.
pub(super) fn lay_out(
    opened: &[OpenFile],
    changed: &[Session],
    stamp: Stamp,
    max_file_rows: usize,
) -> Result<Vec<NewFile>, LakeError> {
    let mut by_date: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    for file in opened {
        let kept = rows::with_finality(&file.kept_rows()?, stamp)?;
        by_date.entry(file.date()).or_default().push(kept);
    }
    let mut sessions: BTreeMap<String, Vec<Session>> = BTreeMap::new();
    for session in changed {
        sessions.entry(session.start.date().to_string()).or_default().push(session.clone());
    }
    for (date, sessions) in sessions {
        by_date.entry(date).or_default().push(rows::to_rows(&sessions, stamp)?);
    }
    let mut files = Vec::new();
    for (date, batches) in by_date {
        let all = compute::concat_batches(&schema::table().file_schema(), &batches).map_err(internal)?;
        for rows in cut(all, max_file_rows)? {
            files.push(encode(&date, rows, stamp)?);
        }
    }
    Ok(files)
}

/// Cuts `rows` into batches of at most `max_file_rows`. Several batches are ordered by session start, so that each file
/// covers a time of its own.
fn cut(rows: RecordBatch, max_file_rows: usize) -> Result<Vec<RecordBatch>, LakeError> {
    let total = rows.num_rows();
    if total == 0 {
        return Ok(Vec::new());
    }
    if total <= max_file_rows {
        return Ok(vec![rows]);
    }
    let starts: &TimestampMicrosecondArray = Rows::of(schema::TABLE, &rows).column(schema::SESSION_START_TIME)?;
    let order = compute::sort_to_indices(starts, None, None).map_err(internal)?;
    let sorted = compute::take_record_batch(&rows, &order).map_err(internal)?;
    let files = total.div_ceil(max_file_rows);
    let each = total.div_ceil(files);
    Ok((0..files).map(|file| sorted.slice(file * each, each.min(total - file * each))).collect())
}

fn encode(date: &str, rows: RecordBatch, stamp: Stamp) -> Result<NewFile, LakeError> {
    let ends: &TimestampMicrosecondArray = Rows::of(schema::TABLE, &rows).column(schema::SESSION_END_TIME)?;
    let open = ends.values().iter().copied().filter(|&end| Timestamp(end) >= stamp.final_before).min();
    let mut file = NewFile::encode(&schema::table(), Some(date), std::slice::from_ref(&rows))?;
    file.tags.insert(FINALITY_KNOWN.into(), Some("true".into()));
    file.tags.extend(open.map(|end| (EARLIEST_OPEN_END.to_owned(), Some(end.to_string()))));
    Ok(file)
}

fn internal(error: arrow::error::ArrowError) -> LakeError {
    LakeError::Internal { attempt: "lay out sessions", table: schema::TABLE.into(), detail: error.to_string() }
}
