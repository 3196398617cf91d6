//! Which gold files a run opens, and how rows are laid out in new ones.
//!
//! Decides by the statistics and tags that the log keeps of each file. Reads and writes nothing.

use super::Settings;
use super::schema::{self, Stamp};
use crate::columns::{ColumnError, Rows};
use crate::event::time::{Span, Timestamp};
use crate::lake::LakeError;
use crate::lake::file::{NewFile, Statistics};
use crate::lake::log::Add;
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow::compute;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Tag of a gold file: the earliest end of a session in it that was not final when it was written, in microseconds.
/// Absent where every session was final.
const EARLIEST_OPEN_END: &str = "clickstream.earliestOpenEnd";
/// Tag of every gold file, which tells "no open session" from "written without tags".
const FINALITY_KNOWN: &str = "clickstream.finalityKnown";

/// Finality is brought up to date each time that the watermark has advanced by this much.
const FINALITY_STEP: Span = Span::from_hours(1);

/// How many files one run may rewrite for finality alone.
const MAX_FINALITY_FILES: usize = 16;

/// How many bytes a gold file takes in memory at most. One session may need more.
const MAX_FILE_MEMORY: usize = 32 << 20;

/// A gold file, and which of its rows are replaced.
#[derive(Debug, Clone)]
pub(super) struct Rewritten {
    pub add: Add,
    pub replaced: BTreeSet<usize>,
}

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

/// The session date of a gold file, as its partition says it.
pub fn partition(add: &Add) -> String {
    add.partition_values.get(schema::SESSION_DATE).cloned().flatten().unwrap_or_default()
}

/// Files that are rewritten although none of their sessions changed: for each of `dates` that gets sessions and has no file
/// among `rewritten`, its smallest one, so that a day does not end in thousands of small files; and some that are due for
/// finality.
pub(super) fn to_rewrite_too(
    files: &BTreeMap<String, Add>,
    dates: BTreeSet<String>,
    rewritten: &[Rewritten],
    watermark: Option<Timestamp>,
    settings: &Settings,
) -> Vec<Rewritten> {
    let open_dates: BTreeSet<String> = rewritten.iter().map(|file| partition(&file.add)).collect();
    let smallest_of = |date: &String| {
        let of_date = files.values().filter(|add| partition(add) == *date);
        let sized = of_date.filter_map(|add| Some((Statistics::of(add).num_records?, add)));
        let smallest = sized.min_by_key(|(rows, _)| *rows);
        smallest.filter(|(rows, _)| *rows < settings.max_file_rows as i64).map(|(_, add)| add)
    };
    let smallest = dates.difference(&open_dates).filter_map(smallest_of);
    let open: BTreeSet<&str> = rewritten.iter().map(|file| file.add.path.as_str()).collect();
    let is_due = |add: &&Add| {
        let due = |watermark| is_due_for_finality(add, watermark, settings.windowing.timeout);
        watermark.is_some_and(due) && !open.contains(add.path.as_str())
    };
    let due = files.values().filter(is_due).take(MAX_FINALITY_FILES);
    let chosen: BTreeMap<&str, &Add> = smallest.chain(due).map(|add| (add.path.as_str(), add)).collect();
    chosen.into_values().map(|add| Rewritten { add: add.clone(), replaced: BTreeSet::new() }).collect()
}

/// Divides `rows` of one date among `files` of that date, by session start, so that each file keeps a time of its own. The
/// rows of each file, in the order of `files`.
pub(super) fn divide(rows: &RecordBatch, files: &[Rewritten]) -> Result<Vec<RecordBatch>, LakeError> {
    if files.len() < 2 {
        return Ok(vec![rows.clone()]);
    }
    let earliest =
        |file: &Rewritten| instants(&Statistics::of(&file.add), schema::SESSION_START_TIME).map(|(at, _)| at);
    let mut starts: Vec<(Option<Timestamp>, usize)> = files.iter().map(earliest).zip(0..).collect();
    starts.sort_unstable();
    let mut chosen: Vec<Vec<u32>> = vec![Vec::new(); files.len()];
    let column: &TimestampMicrosecondArray = Rows::of(schema::TABLE, rows).column(schema::SESSION_START_TIME)?;
    for (row, &start) in (0..).zip(column.values()) {
        let after = starts.partition_point(|(earliest, _)| *earliest <= Some(Timestamp(start)));
        chosen[starts[after.saturating_sub(1)].1].push(row);
    }
    let take = |rows_of: Vec<u32>| compute::take_record_batch(rows, &UInt32Array::from(rows_of)).map_err(internal);
    chosen.into_iter().map(take).collect()
}

/// The rows in `batches`, which are those of one file in order, that are not among `replaced`, as they would be written at
/// `stamp`. CPU-bound.
pub(super) fn kept_rows(
    batches: Vec<RecordBatch>,
    replaced: &BTreeSet<usize>,
    stamp: Stamp,
) -> Result<Vec<RecordBatch>, LakeError> {
    let mut first = 0;
    let kept = batches.into_iter().map(|batch| {
        let (start, end) = (first, first + batch.num_rows());
        first = end;
        if replaced.range(start..end).next().is_none() {
            return with_finality(&batch, stamp);
        }
        let keep: BooleanArray = (start..end).map(|row| Some(!replaced.contains(&row))).collect();
        with_finality(&compute::filter_record_batch(&batch, &keep).map_err(internal)?, stamp)
    });
    kept.collect()
}

/// `rows` with `is_final` as of `stamp`. Nothing else can differ: their sessions have not changed.
fn with_finality(rows: &RecordBatch, stamp: Stamp) -> Result<RecordBatch, LakeError> {
    let ends: &TimestampMicrosecondArray = Rows::of(schema::TABLE, rows).column(schema::SESSION_END_TIME)?;
    let finals: BooleanArray = ends.values().iter().map(|&end| Some(Timestamp(end) < stamp.final_before)).collect();
    let schema = rows.schema();
    let fields = schema.fields().iter().zip(rows.columns());
    let columns = fields.map(|(field, values)| match field.name() == schema::IS_FINAL {
        true => Arc::new(finals.clone()) as ArrayRef,
        false => values.clone(),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).map_err(internal)
}

/// Encodes `batches`, rows of one date, as one file, or as several where they are too many. CPU-bound.
pub(super) fn encode(
    date: &str,
    batches: &[RecordBatch],
    stamp: Stamp,
    max_file_rows: usize,
) -> Result<Vec<NewFile>, LakeError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let memory: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let files = rows.div_ceil(max_file_rows).max(memory.div_ceil(MAX_FILE_MEMORY)).min(rows);
    match files {
        0 => Ok(Vec::new()),
        1 => Ok(vec![encode_one(date, batches, stamp)?]),
        files => {
            let order = by_start(batches)?;
            let each = rows.div_ceil(files);
            order.chunks(each).map(|rows| encode_one(date, &[taken(batches, rows)?], stamp)).collect()
        }
    }
}

/// Where each row is, ordered by session start, so that each file covers a time of its own.
fn by_start(batches: &[RecordBatch]) -> Result<Vec<(usize, usize)>, ColumnError> {
    let mut order = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        let starts: &TimestampMicrosecondArray = Rows::of(schema::TABLE, batch).column(schema::SESSION_START_TIME)?;
        order.extend(starts.values().iter().enumerate().map(|(row, &start)| (start, (index, row))));
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, place)| place).collect())
}

fn taken(batches: &[RecordBatch], rows: &[(usize, usize)]) -> Result<RecordBatch, LakeError> {
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    compute::interleave_record_batch(&batches, rows).map_err(internal)
}

fn encode_one(date: &str, batches: &[RecordBatch], stamp: Stamp) -> Result<NewFile, LakeError> {
    let mut open: Option<i64> = None;
    for batch in batches {
        let ends: &TimestampMicrosecondArray = Rows::of(schema::TABLE, batch).column(schema::SESSION_END_TIME)?;
        let earliest = ends.values().iter().copied().filter(|&end| Timestamp(end) >= stamp.final_before).min();
        open = open.into_iter().chain(earliest).min();
    }
    let mut file = NewFile::encode(&schema::table(), Some(date), batches)?;
    file.tags.insert(FINALITY_KNOWN.into(), Some("true".into()));
    file.tags.extend(open.map(|end| (EARLIEST_OPEN_END.to_owned(), Some(end.to_string()))));
    Ok(file)
}

pub(super) fn internal(error: arrow::error::ArrowError) -> LakeError {
    LakeError::Internal { attempt: "lay out sessions", table: schema::TABLE.into(), detail: error.to_string() }
}
