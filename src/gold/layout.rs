//! Which gold files an activation opens, and how rows are laid out in new ones.

use super::Settings;
use super::rows;
use super::schema::{self, Stamp};
use super::session::Session;
use crate::columns::Rows;
use crate::event::time::{MICROS_PER_SECOND, Timestamp};
use crate::lake::LakeError;
use crate::lake::arrow::array::{BooleanArray, RecordBatch, TimestampMicrosecondArray};
use crate::lake::arrow::compute;
use crate::lake::file::{NewFile, Statistics};
use crate::lake::log::Add;
use std::collections::{BTreeMap, BTreeSet};

/// Tag of a gold file: earliest end of a session in it that was not final, in microseconds. No tag, no such session.
const EARLIEST_OPEN_END: &str = "clickstream.earliestOpenEnd";
/// Tag of every gold file, so that the absence of the other one means something.
const FINALITY_KNOWN: &str = "clickstream.finalityKnown";

/// Finality is brought up to date in steps of this much watermark progress.
const FINALITY_STEP_MICROS: i64 = 3_600 * MICROS_PER_SECOND;

/// Files that one activation rewrites for finality alone.
const FINALITY_FILES: usize = 16;

/// The files in which an event of one of `times` (sorted) can touch a session.
pub fn candidate_files<'a>(files: impl Iterator<Item = &'a Add>, times: &[i64], timeout_micros: i64) -> Vec<&'a Add> {
    files.filter(|add| is_within_reach(add, times, timeout_micros)).collect()
}

fn is_within_reach(add: &Add, times: &[i64], timeout_micros: i64) -> bool {
    let statistics = Statistics::of(add);
    let starts = statistics.instants(schema::SESSION_START_TIME);
    let ends = statistics.instants(schema::SESSION_END_TIME);
    // A file that nothing is known of has to be opened.
    let (Some((earliest, _)), Some((_, latest))) = (starts, ends) else { return true };
    let first = times.partition_point(|&at| at < earliest.saturating_sub(timeout_micros));
    times.get(first).is_some_and(|&at| at <= latest.saturating_add(timeout_micros))
}

/// The files with sessions that became final since they were written, as of the last full hour of the watermark: a
/// file is rewritten for finality alone at most once an hour.
pub fn due_for_finality(add: &Add, watermark: Timestamp, timeout_micros: i64) -> bool {
    let hour = watermark.0.div_euclid(FINALITY_STEP_MICROS).saturating_mul(FINALITY_STEP_MICROS);
    let final_before = hour.saturating_sub(timeout_micros);
    let tag = |name| add.tags.as_ref().and_then(|tags| tags.get(name).cloned().flatten());
    match (tag(FINALITY_KNOWN), tag(EARLIEST_OPEN_END).and_then(|end| end.parse::<i64>().ok())) {
        (Some(_), Some(end)) => end < final_before,
        (Some(_), None) => false,
        (None, _) => {
            let ends = Statistics::of(add).instants(schema::SESSION_END_TIME);
            ends.is_none_or(|(earliest, _)| earliest < final_before)
        }
    }
}

/// A gold file read into memory, and the rows of it that stay.
#[derive(Debug, Clone)]
pub struct OpenFile {
    pub add: Add,
    pub rows: RecordBatch,
    /// Rows whose session is replaced.
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

pub fn partition(add: &Add) -> String {
    add.partition_values.get(schema::SESSION_DATE).cloned().flatten().unwrap_or_default()
}

/// Files that no changed session forces open: for each date that gets sessions and has none of its files open, its
/// smallest one, so that a day does not end in thousands of small files; and some that are due for finality.
pub fn to_rewrite_too(
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
        smallest.filter(|(rows, _)| *rows < settings.file_rows as i64).map(|(_, add)| add)
    };
    let smallest = dates.difference(&open_dates).filter_map(smallest_of);
    let open: BTreeSet<&str> = opened.iter().map(|file| file.add.path.as_str()).collect();
    let is_due = |add: &&Add| {
        let due = |watermark| due_for_finality(add, watermark, settings.windowing.timeout_micros);
        watermark.is_some_and(due) && !open.contains(add.path.as_str())
    };
    let due = files.values().filter(is_due).take(FINALITY_FILES);
    let chosen: BTreeMap<&str, &Add> = smallest.chain(due).map(|add| (add.path.as_str(), add)).collect();
    chosen.into_values().cloned().collect()
}

/// New files that hold the kept rows of `opened` and the sessions `changed`, by session date. CPU-bound.
pub fn lay_out(
    opened: &[OpenFile],
    changed: &[Session],
    stamp: Stamp,
    file_rows: usize,
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
        for rows in cut(all, file_rows)? {
            files.push(encode(&date, rows, stamp)?);
        }
    }
    Ok(files)
}

/// Batches of about `file_rows` rows; ordered by start once there is more than one, so that each covers its own time.
fn cut(rows: RecordBatch, file_rows: usize) -> Result<Vec<RecordBatch>, LakeError> {
    let total = rows.num_rows();
    if total == 0 {
        return Ok(Vec::new());
    }
    if total <= file_rows {
        return Ok(vec![rows]);
    }
    let starts: &TimestampMicrosecondArray = Rows::of(schema::TABLE, &rows).column(schema::SESSION_START_TIME)?;
    let order = compute::sort_to_indices(starts, None, None).map_err(internal)?;
    let sorted = compute::take_record_batch(&rows, &order).map_err(internal)?;
    let files = total.div_ceil(file_rows);
    let each = total.div_ceil(files);
    Ok((0..files).map(|file| sorted.slice(file * each, each.min(total - file * each))).collect())
}

fn encode(date: &str, rows: RecordBatch, stamp: Stamp) -> Result<NewFile, LakeError> {
    let ends: &TimestampMicrosecondArray = Rows::of(schema::TABLE, &rows).column(schema::SESSION_END_TIME)?;
    let open = ends.values().iter().copied().filter(|&end| end >= stamp.final_before.0).min();
    let mut file = NewFile::encode(&schema::table(), Some(date), std::slice::from_ref(&rows))?;
    file.tags.insert(FINALITY_KNOWN.into(), Some("true".into()));
    file.tags.extend(open.map(|end| (EARLIEST_OPEN_END.to_owned(), Some(end.to_string()))));
    Ok(file)
}

fn internal(error: crate::lake::arrow::error::ArrowError) -> LakeError {
    LakeError::Internal { attempt: "lay out sessions", table: schema::TABLE.into(), detail: error.to_string() }
}
