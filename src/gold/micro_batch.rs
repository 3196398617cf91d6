//! A micro-batch: the versions of silver that one run reads, and the events in them.

use super::session_event::{self, SessionEvent};
use super::{Gold, Settings};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::{Add, Version};
use crate::lake::table::{Change, Changes, Table};
use futures::{StreamExt, TryStreamExt};

/// How many silver files are read at once.
const READ_AHEAD: usize = 4;

/// Consecutive silver versions, the first of which directly follows the version that gold has read.
#[derive(Debug, Clone)]
pub(super) struct MicroBatch {
    /// Events by version, ascending; never empty, though a version may have no events.
    pub versions: Vec<(Version, Vec<SessionEvent>)>,
    /// How many newer versions silver has.
    pub versions_left: usize,
}

impl MicroBatch {
    pub fn last_version(&self) -> Option<Version> {
        self.versions.last().map(|(version, _)| *version)
    }

    pub fn events(&self) -> impl Iterator<Item = &SessionEvent> {
        self.versions.iter().flat_map(|(_, events)| events)
    }

    pub fn newest_event_time(&self) -> Option<Timestamp> {
        self.events().map(SessionEvent::at).max()
    }

    /// Sorted.
    pub fn event_times(&self) -> Vec<Timestamp> {
        let mut times: Vec<Timestamp> = self.events().map(SessionEvent::at).collect();
        times.sort_unstable();
        times
    }

    /// Keeps the first half of the versions, but at least one.
    pub fn halve(&mut self) {
        let keep = (self.versions.len() / 2).max(1);
        self.versions_left += self.versions.len() - keep;
        self.versions.truncate(keep);
    }
}

impl Gold {
    /// The micro-batch that follows silver version `read`, or `None` when silver has nothing new.
    pub(super) async fn next_micro_batch(&self, read: Option<Version>) -> Result<Option<MicroBatch>, LakeError> {
        if !self.silver.exists().await? {
            return Ok(None);
        }
        let limit = self.settings.max_micro_batch_versions;
        let Changes { read: mut changes, unread } = self.silver.changes_after(read.unwrap_or(-1), limit).await?;
        let fitting = fitting_versions(&changes, &self.settings);
        let versions_left = unread + changes.len() - fitting;
        changes.truncate(fitting);
        if changes.is_empty() {
            return Ok(None);
        }
        let read = |change: Change| async move {
            let mut events = Vec::new();
            for add in &change.added {
                events.extend(events_of(&self.silver, add, |_, _| true).await?);
            }
            Ok::<_, LakeError>((change.version, events))
        };
        let versions = futures::stream::iter(changes).map(read).buffered(READ_AHEAD).try_collect().await?;
        Ok(Some(MicroBatch { versions, versions_left }))
    }
}

fn fitting_versions(changes: &[Change], settings: &Settings) -> usize {
    let mut rows = 0;
    let fits = |change: &&Change| {
        let fits = rows < settings.max_micro_batch_rows;
        rows += change.added.iter().filter_map(|add| Statistics::of(add).num_records).sum::<i64>() as usize;
        fits
    };
    changes.iter().take_while(fits).count()
}

/// The events in one silver file whose user id and session id `wanted` accepts.
pub(super) async fn events_of<W>(silver: &Table, add: &Add, wanted: W) -> Result<Vec<SessionEvent>, LakeError>
where
    W: Fn(&str, &str) -> bool + Send + 'static,
{
    let batches = silver.read(add, session_event::COLUMNS).await?;
    let (table, add) = (silver.spec.name, add.clone());
    let work = move || {
        let mut events = Vec::new();
        for batch in &batches {
            session_event::read(batch, &wanted, &mut events)
                .map_err(|error| LakeError::damaged(table, &add, &error.detail))?;
        }
        Ok(events)
    };
    silver.workers.run("read events", work).await?
}
