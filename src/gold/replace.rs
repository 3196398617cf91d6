//! A version of silver that removes rows: somebody deleted or changed events. A union cannot forget, so such a version is not
//! merged. The sessions whose rows it changed are recomputed from what silver has then.
//!
//! A version can change any number of rows, so it is done in parts, each for some of the session keys.

use super::Gold;
use super::commit::{Plan, Replacement};
use super::read_events;
use super::recompute::{Dates, Keys};
use super::schema::{self, Stamp};
use super::session_event::{KeyHash, SessionKey};
use super::sessionize::Progress;
use super::slice::Resume;
use super::stored::KEY_AND_WINDOW;
use crate::columns::{ColumnError, Rows};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::{Add, Remove};
use crate::lake::snapshot::{Replay, Snapshot};
use crate::lake::table::Change;
use crate::silver::schema as silver;
use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use futures::TryStreamExt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// About how many rows of silver one part compares.
const PART_ROWS: i64 = 200_000;

/// The bytes of a row in a file are at least this many, which bounds the rows of a file without statistics.
const MIN_ROW_BYTES: i64 = 32;

impl Gold {
    /// The commit that brings the sessions up to date whose events `change` removed, added or altered.
    pub(super) async fn plan_replacement(
        &self,
        base: &Snapshot,
        change: Change,
        progress: &Progress,
    ) -> Result<Plan, LakeError> {
        let started_at = self.clock.now();
        let mut run = progress.run_to(Some(change.version));
        run.gold_version = base.version + 1;
        run.watermark = run.watermark.max(run.watermark_before);
        let stamp = self.stamp(run.watermark);
        let silver = self.silver_after(&change).await?;
        let parts: Vec<Keys> = Keys::parts(parts(&change)).collect();
        let first = progress.partial.as_ref().map_or(0, |(resume, _)| resume.file);
        let mut replacement = Replacement::default();
        let mut next = first;
        while next < parts.len() {
            let keys = self.changed_keys(&change, &parts[next]).await?;
            next += 1;
            if keys.is_empty() {
                continue;
            }
            replacement = self.recompute_keys(base, &silver, keys, stamp).await?;
            break;
        }
        run.sessions_written += super::rows::count(&replacement.rows);
        run.sessions_replaced += replacement.rewritten.iter().map(|file| file.replaced.len() as i64).sum::<i64>();
        let resume = (next < parts.len()).then_some(Resume { version: change.version, file: next, row: 0 });
        let plan = self.complete(base, replacement, run, started_at, stamp).await?;
        Ok(Plan { resume, ..plan })
    }

    /// Silver as `change` left it. Where it left a deletion vector that was purged since, silver as it is now: what gold reads
    /// of later versions it will read again, and a union takes no harm from that.
    async fn silver_after(&self, change: &Change) -> Result<Snapshot, LakeError> {
        match self.silver.snapshot_at(change.version, Replay::TxnsAndFiles).await {
            Err(LakeError::Unsupported { .. }) => self.silver.snapshot(Replay::TxnsAndFiles).await,
            silver => silver,
        }
    }

    /// Recomputes the sessions of `keys` from `silver`. They replace all stored sessions of these keys.
    pub(super) async fn recompute_keys(
        &self,
        base: &Snapshot,
        silver: &Snapshot,
        keys: Keys,
        stamp: Stamp,
    ) -> Result<Replacement, LakeError> {
        let mut replacement = Replacement::default();
        let wanted = keys.clone();
        let wanted = Arc::new(move |key, _: Timestamp, _: Timestamp| wanted.contains(key));
        let files = base.files.values().cloned().collect();
        for found in self.find_rows(files, KEY_AND_WINDOW, wanted).await? {
            found.starts()?.into_iter().for_each(|start| replacement.touched.add(start));
            replacement.rewritten.push(found.into_removed());
        }
        let mut sweep = self.sweep(silver, Dates::ALL, keys, stamp).await?;
        while let Some(rows) = sweep.next().await? {
            for batch in rows.values().flatten() {
                let starts: &TimestampMicrosecondArray =
                    Rows::of(schema::TABLE, batch).column(schema::SESSION_START_TIME)?;
                starts.values().iter().for_each(|&start| replacement.touched.add(Timestamp(start)));
            }
            replacement.extend(Replacement { rows, ..Replacement::default() });
        }
        Ok(replacement)
    }

    /// Which of `keys` have rows that are only in the removed or only in the added files of `change`. All of them where a
    /// removed file does not exist any more.
    async fn changed_keys(&self, change: &Change, keys: &Keys) -> Result<Keys, LakeError> {
        let mut rows = ChangedRows::default();
        for remove in &change.removed {
            match self.count_rows(&as_add(remove), keys, -1, rows).await {
                Err(error) if error.is_not_found() => return Ok(keys.clone()),
                counted => rows = counted?,
            }
        }
        for add in &change.added {
            rows = self.count_rows(add, keys, 1, rows).await?;
        }
        Ok(Keys::Of(Arc::new(rows.0.into_values().map(|(_, key)| key).collect::<HashSet<_>>())))
    }

    async fn count_rows(
        &self,
        add: &Add,
        keys: &Keys,
        step: i64,
        mut rows: ChangedRows,
    ) -> Result<ChangedRows, LakeError> {
        let mut stream = Box::pin(self.silver.stream(add, read_events::COLUMNS));
        while let Some(batch) = stream.try_next().await? {
            let keys = keys.clone();
            let count = move || rows.count(&batch, &keys, step).map(|()| rows);
            rows = self.silver.workers.run("compare rows", count).await??;
        }
        Ok(rows)
    }
}

impl Keys {
    fn is_empty(&self) -> bool {
        matches!(self, Keys::Of(keys) if keys.is_empty())
    }
}

/// Rows by their hash: how much more often they were added than removed, and their session key. Those that balance are left
/// out.
#[derive(Default)]
struct ChangedRows(HashMap<u64, (i64, KeyHash)>);

impl ChangedRows {
    fn count(&mut self, batch: &RecordBatch, keys: &Keys, step: i64) -> Result<(), ColumnError> {
        let rows = Rows::of(silver::TABLE, batch);
        let user_ids: &StringArray = rows.column(silver::USER_ID)?;
        let session_ids: &StringArray = rows.column(silver::SESSION_ID)?;
        for (row, json) in rows.as_json(|_| true)?.into_iter().enumerate() {
            let key = SessionKey { user_id: user_ids.value(row), session_id: session_ids.value(row) }.hash();
            if !keys.contains(key) {
                continue;
            }
            let hash = xxh3_64(&json);
            let (balance, _) = self.0.entry(hash).or_insert((0, key));
            *balance += step;
            if *balance == 0 {
                self.0.remove(&hash);
            }
        }
        Ok(())
    }
}

/// In how many parts `change` is done.
fn parts(change: &Change) -> u64 {
    let rows_of = |size: i64, rows: Option<i64>| rows.unwrap_or(size / MIN_ROW_BYTES);
    let added = change.added.iter().map(|add| rows_of(add.size, Statistics::of(add).num_records)).sum::<i64>();
    let removed = change.removed.iter().map(|remove| rows_of(remove.size.unwrap_or(0), None)).sum::<i64>();
    (added.max(removed) / PART_ROWS + 1) as u64
}

/// A removed file, to be read once more.
fn as_add(remove: &Remove) -> Add {
    Add {
        path: remove.path.clone(),
        partition_values: remove.partition_values.clone().unwrap_or_default(),
        size: remove.size.unwrap_or(0),
        modification_time: 0,
        data_change: true,
        stats: None,
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}
