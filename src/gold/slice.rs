//! A slice of silver: the rows that one run reads. Versions of silver's log that follow the one gold has read, or a part of one
//! that is too large for a run.
//!
//! A slice is bounded by what it takes in memory, not only by its number of rows.

use super::read_events::{self, EventReader, ReadEvent};
use super::session_event::{KeyHash, SessionKey};
use super::{Gold, Settings};
use crate::columns::{ColumnError, Rows};
use crate::event::time::{Span, Timestamp};
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::{Add, Version};
use crate::lake::table::Change;
use crate::mutants::{self, Mutant};
use crate::silver::schema as silver;
use arrow::array::{Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use futures::TryStreamExt;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Files that are read at once have at most this many bytes together.
const READ_AHEAD_BYTES: i64 = 1 << 20;

/// How many files are read at once.
const READ_AHEAD: usize = 8;

/// How far gold is within a version of silver that it reads in parts: this many whole files of it, and this many rows of the
/// next. Stored in the commits of the parts. Reading a part again does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resume {
    pub version: Version,
    pub file: usize,
    #[serde(default)]
    pub row: usize,
}

/// What one run does next.
pub(super) enum Work {
    Merge(Slice),
    /// A version that removes rows, and how many newer ones silver has.
    Replace(Change, usize),
}

/// Rows of silver, and where they end.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// Batches of whole versions, ascending; never empty, though a version may have no rows.
    versions: Vec<(Version, Vec<RecordBatch>)>,
    /// Where the next part starts, if the last version is not read to its end.
    pub resume: Option<Resume>,
    /// How many newer versions silver has.
    pub versions_left: usize,
}

impl Slice {
    pub fn last_version(&self) -> Option<Version> {
        self.versions.last().map(|(version, _)| *version)
    }

    pub fn can_be_halved(&self) -> bool {
        self.versions.len() > 1
    }

    /// Keeps the first half of the versions, but at least one.
    pub fn halve(&mut self) {
        let keep = (self.versions.len() / 2).max(1);
        self.versions_left += self.versions.len() - keep;
        self.versions.truncate(keep);
    }

    pub fn into_batches(self) -> Vec<RecordBatch> {
        self.versions.into_iter().flat_map(|(_, batches)| batches).collect()
    }

    fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.versions.iter().flat_map(|(_, batches)| batches)
    }

    /// When and in which sessions its events happened.
    pub fn reach(&self) -> Result<Reach, ColumnError> {
        let mut events = Vec::new();
        for batch in self.batches() {
            let rows = Rows::of(silver::TABLE, batch);
            let user_ids: &StringArray = rows.column(silver::USER_ID)?;
            let session_ids: &StringArray = rows.column(silver::SESSION_ID)?;
            let times: &TimestampMicrosecondArray = rows.column(silver::EVENT_TIME)?;
            let event = |row| {
                let key = SessionKey { user_id: user_ids.value(row), session_id: session_ids.value(row) };
                (key.hash(), Timestamp(times.value(row)))
            };
            events.extend((0..batch.num_rows()).map(event));
        }
        events.sort_unstable();
        events.dedup();
        let mut times: Vec<Timestamp> = events.iter().map(|(_, at)| *at).collect();
        times.sort_unstable();
        Ok(Reach { events, times })
    }
}

/// Which stored sessions some events can touch.
pub(super) struct Reach {
    /// Sorted.
    events: Vec<(KeyHash, Timestamp)>,
    /// Sorted.
    pub times: Vec<Timestamp>,
}

impl Reach {
    /// Whether one of the events can touch a session of this key and window.
    pub fn touches(&self, key: KeyHash, start: Timestamp, end: Timestamp, timeout: Span) -> bool {
        let first = self.events.partition_point(|event| *event < (key, start - timeout));
        self.events.get(first).is_some_and(|&(of, at)| of == key && at <= end + timeout)
    }
}

/// The events of a slice.
pub(super) struct SliceEvents<'a> {
    pub events: Vec<ReadEvent<'a>>,
    /// Keys of events of which only some rows are in the slice.
    pub incomplete: HashSet<KeyHash>,
}

/// Assembles the events in `batches`.
pub(super) fn events(batches: &[RecordBatch]) -> Result<SliceEvents<'_>, ColumnError> {
    let mut reader = EventReader::default();
    for batch in batches {
        reader.read(batch)?;
    }
    let incomplete: HashSet<KeyHash> = reader.incomplete().map(|key| key.hash()).collect();
    Ok(SliceEvents { events: reader.into_complete(), incomplete })
}

/// One data file of a version.
struct SilverFile {
    version: Version,
    /// Its place among the files of its version.
    index: usize,
    is_last: bool,
    /// The first row to read.
    from: usize,
    add: Add,
}

/// What was read of a file.
struct ReadRows {
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// The first row that was not read; `None` at the end of the file.
    stopped_at: Option<usize>,
}

impl Gold {
    /// What follows silver version `read` and, within the version after it, `resume`. `None` when silver has nothing new.
    pub(super) async fn next_work(
        &self,
        read: Option<Version>,
        resume: Option<Resume>,
    ) -> Result<Option<Work>, LakeError> {
        if !self.silver.exists().await? {
            return Ok(None);
        }
        let limit = self.settings.max_slice_versions;
        let changes = self.silver.changes_after(read.unwrap_or(-1), limit).await?;
        let all = changes.unread + changes.read.len();
        let mut changes = changes.read;
        match changes.first() {
            None => return Ok(None),
            Some(first) if removes_rows(first) => return Ok(Some(Work::Replace(changes.swap_remove(0), all - 1))),
            Some(_) => {}
        }
        changes.truncate(fitting_versions(&changes, &self.settings));
        let mut slice = self.read_slice(changes, resume).await?;
        slice.versions_left = all - slice.versions.len() + usize::from(slice.resume.is_some());
        Ok(Some(Work::Merge(slice)))
    }

    async fn read_slice(&self, changes: Vec<Change>, resume: Option<Resume>) -> Result<Slice, LakeError> {
        let mut slice = Slice::default();
        let versions: Vec<Version> = changes.iter().map(|change| change.version).collect();
        let mut files = changes.into_iter().flat_map(|change| files_of(change, resume)).peekable();
        let (mut bytes, mut batches) = (0, Vec::new());
        let mut started = versions.into_iter().peekable();
        while files.peek().is_some() && bytes < self.settings.max_slice_bytes {
            let mut together = Vec::new();
            let mut size = 0;
            while let Some(file) = files.next_if(|file| {
                together.is_empty() || (together.len() < READ_AHEAD && size + file.add.size <= READ_AHEAD_BYTES)
            }) {
                size += file.add.size;
                together.push(file);
            }
            let read = try_join_all(together.iter().map(|file| self.read_rows(&file.add, file.from))).await?;
            for (file, read) in together.into_iter().zip(read) {
                // Versions without files are read as well.
                while let Some(version) = started.next_if(|version| *version < file.version) {
                    slice.versions.push((version, std::mem::take(&mut batches)));
                }
                bytes += read.bytes;
                batches.extend(read.batches);
                let next = match read.stopped_at {
                    Some(row) => Resume { version: file.version, file: file.index, row },
                    None => Resume { version: file.version, file: file.index + 1, row: 0 },
                };
                let is_cut = read.stopped_at.is_some() || (bytes >= self.settings.max_slice_bytes && !file.is_last);
                if is_cut && slice.versions.is_empty() {
                    return Ok(Slice { versions: vec![(file.version, batches)], resume: Some(next), ..slice });
                }
                if is_cut {
                    return Ok(slice);
                }
            }
        }
        // The versions up to the last file read are whole.
        let next_file = files.peek().map(|file| file.version);
        while let Some(version) = started.next_if(|version| next_file.is_none_or(|next| *version < next)) {
            slice.versions.push((version, std::mem::take(&mut batches)));
        }
        Ok(slice)
    }

    /// Reads `add` from row `from` on, until a slice is full.
    async fn read_rows(&self, add: &Add, from: usize) -> Result<ReadRows, LakeError> {
        let mut stream = std::pin::pin!(self.silver.stream(add, read_events::COLUMNS));
        let mut read = ReadRows { batches: Vec::new(), bytes: 0, stopped_at: None };
        let mut row = 0;
        while let Some(batch) = stream.try_next().await? {
            let skipped = from.saturating_sub(row).min(batch.num_rows());
            row += batch.num_rows();
            if skipped == batch.num_rows() {
                continue;
            }
            if read.bytes >= self.settings.max_slice_bytes {
                read.stopped_at = Some(row - batch.num_rows() + skipped);
                break;
            }
            let batch = batch.slice(skipped, batch.num_rows() - skipped);
            read.bytes += batch.get_array_memory_size();
            read.batches.push(batch);
        }
        if let (Some(stopped_at), Some(last)) = (&mut read.stopped_at, read.batches.last_mut()) {
            // An event whose rows are divided between two parts would be complete in neither.
            let cut = last_event(last).filter(|&row| row > 0).unwrap_or(last.num_rows());
            *stopped_at -= last.num_rows() - cut;
            *last = last.slice(0, cut);
        }
        Ok(read)
    }
}

/// The first row of the last event in `batch`, where rows are in the order in which they were written.
fn last_event(batch: &RecordBatch) -> Option<usize> {
    let indices: &Int32Array = Rows::of(silver::TABLE, batch).column(silver::PRODUCT_INDEX).ok()?;
    (0..indices.len()).rfind(|&row| indices.value(row) == 0)
}

fn removes_rows(change: &Change) -> bool {
    change.removes_rows() && !mutants::is(Mutant::RemovedRowsIgnored)
}

/// The files that `change` added, from where `resume` says.
fn files_of(change: Change, resume: Option<Resume>) -> impl Iterator<Item = SilverFile> {
    let resume = resume.filter(|resume| resume.version == change.version);
    let (first, row) = resume.map_or((0, 0), |resume| (resume.file, resume.row));
    let mut added = change.added;
    added.sort_by(|one, other| one.path.cmp(&other.path));
    let count = added.len();
    added.into_iter().enumerate().skip(first).map(move |(index, add)| SilverFile {
        version: change.version,
        index,
        is_last: index + 1 == count,
        from: if index == first { row } else { 0 },
        add,
    })
}

/// The number of versions that add up to a slice by the rows that the log says they have.
fn fitting_versions(changes: &[Change], settings: &Settings) -> usize {
    let mut rows = 0;
    let fits = |change: &&Change| {
        let fits = rows < settings.max_slice_rows && !removes_rows(change);
        rows += change.added.iter().filter_map(|add| Statistics::of(add).num_records).sum::<i64>() as usize;
        fits
    };
    changes.iter().take_while(fits).count()
}
