//! Stored sessions: the rows of gold that a run replaces, found without holding whole files in memory.
//!
//! Only the keys, the windows and the states of the rows that are looked for are kept. The other rows of a file are read again
//! when the file is rewritten, and copied as they are.

use super::Gold;
use super::layout::{Rewritten, internal};
use super::merge::Stored;
use super::schema;
use super::session_event::{KeyHash, SessionKey};
use crate::columns::{ColumnError, Rows};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::log::Add;
use arrow::array::{BinaryArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// How many gold files are read at once.
const READ_AHEAD: usize = 2;

/// The columns of sessions that events are merged into.
pub(super) const WITH_STATE: &[&str] =
    &[schema::USER_ID, schema::SESSION_ID, schema::SESSION_START_TIME, schema::SESSION_END_TIME, schema::STATE];

/// The columns of sessions that are only removed.
pub(super) const KEY_AND_WINDOW: &[&str] =
    &[schema::USER_ID, schema::SESSION_ID, schema::SESSION_START_TIME, schema::SESSION_END_TIME];

/// Decides by key and window which stored sessions are looked for.
pub(super) type Wanted = Arc<dyn Fn(KeyHash, Timestamp, Timestamp) -> bool + Send + Sync>;

/// The rows of one gold file that were looked for.
#[derive(Debug, Clone)]
pub(super) struct FoundRows {
    pub add: Add,
    /// Some columns of these rows.
    batches: Vec<RecordBatch>,
    /// Where each of them is in the file.
    numbers: Vec<usize>,
}

impl Gold {
    /// The sessions in `files` that `wanted` accepts. Files without any are left out.
    pub(super) async fn find_rows(
        &self,
        files: Vec<Add>,
        columns: &'static [&'static str],
        wanted: Wanted,
    ) -> Result<Vec<FoundRows>, LakeError> {
        let find = |add: Add| self.find_in(add, columns, wanted.clone());
        let found = futures::stream::iter(files).map(find).buffered(READ_AHEAD);
        found.try_filter(|found| std::future::ready(!found.numbers.is_empty())).try_collect().await
    }

    async fn find_in(
        &self,
        add: Add,
        columns: &'static [&'static str],
        wanted: Wanted,
    ) -> Result<FoundRows, LakeError> {
        let mut rows = 0;
        let mut stream = Box::pin(self.table.stream(&add, columns));
        let (mut batches, mut numbers) = (Vec::new(), Vec::new());
        while let Some(batch) = stream.try_next().await? {
            let count = batch.num_rows();
            let wanted = wanted.clone();
            let select = move || select(&batch, &*wanted);
            let (selected, indices) = self.table.workers.run("look for sessions", select).await??;
            if selected.num_rows() > 0 {
                batches.push(selected);
                numbers.extend(indices.into_iter().map(|index| rows + index));
            }
            rows += count;
        }
        drop(stream);
        Ok(FoundRows { add, batches, numbers })
    }
}

fn select(
    batch: &RecordBatch,
    wanted: &(dyn Fn(KeyHash, Timestamp, Timestamp) -> bool + Send + Sync),
) -> Result<(RecordBatch, Vec<usize>), LakeError> {
    let columns = KeyColumns::of(batch)?;
    let is_wanted = |row: usize| {
        let (start, end) = columns.window(row);
        wanted(columns.key(row).hash(), start, end)
    };
    let indices: Vec<usize> = (0..batch.num_rows()).filter(|&row| is_wanted(row)).collect();
    let mut mask = vec![false; batch.num_rows()];
    indices.iter().for_each(|&row| mask[row] = true);
    let selected = compute::filter_record_batch(batch, &BooleanArray::from(mask)).map_err(internal)?;
    Ok((selected, indices))
}

impl FoundRows {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    /// All of them, as a merge takes them.
    pub fn stored(&self) -> Result<Vec<Stored<'_>>, ColumnError> {
        let mut all = Vec::with_capacity(self.numbers.len());
        for batch in &self.batches {
            let columns = KeyColumns::of(batch)?;
            let states: &BinaryArray = Rows::of(schema::TABLE, batch).column(schema::STATE)?;
            all.extend((0..batch.num_rows()).map(|row| {
                let (start, end) = columns.window(row);
                Stored { key: columns.key(row), start, end, state: states.value(row) }
            }));
        }
        Ok(all)
    }

    /// Where the found row `index` is in the file.
    pub fn number(&self, index: usize) -> usize {
        self.numbers[index]
    }

    /// When the found sessions start.
    pub fn starts(&self) -> Result<Vec<Timestamp>, ColumnError> {
        let mut starts = Vec::with_capacity(self.numbers.len());
        for batch in &self.batches {
            let columns = KeyColumns::of(batch)?;
            starts.extend((0..batch.num_rows()).map(|row| columns.window(row).0));
        }
        Ok(starts)
    }

    /// The file without any of the found rows.
    pub fn into_removed(self) -> Rewritten {
        Rewritten { add: self.add, replaced: self.numbers.into_iter().collect() }
    }
}

struct KeyColumns<'a> {
    user_ids: &'a StringArray,
    session_ids: &'a StringArray,
    starts: &'a TimestampMicrosecondArray,
    ends: &'a TimestampMicrosecondArray,
}

impl<'a> KeyColumns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ColumnError> {
        let rows = Rows::of(schema::TABLE, batch);
        Ok(KeyColumns {
            user_ids: rows.column(schema::USER_ID)?,
            session_ids: rows.column(schema::SESSION_ID)?,
            starts: rows.column(schema::SESSION_START_TIME)?,
            ends: rows.column(schema::SESSION_END_TIME)?,
        })
    }

    fn key(&self, row: usize) -> SessionKey<'a> {
        SessionKey { user_id: self.user_ids.value(row), session_id: self.session_ids.value(row) }
    }

    fn window(&self, row: usize) -> (Timestamp, Timestamp) {
        (Timestamp(self.starts.value(row)), Timestamp(self.ends.value(row)))
    }
}
