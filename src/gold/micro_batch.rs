//! A slice: the silver versions that one activation takes, and the facts in them.

use super::session_event::{self, SessionEvent};
use super::{Gold, Settings};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::file::Statistics;
use crate::lake::log::Add;
use crate::lake::log::Version;
use crate::lake::table::{Change, Table};
use futures::{StreamExt, TryStreamExt};

/// Silver files that are read at once.
const READ_AHEAD: usize = 4;

/// Consecutive silver versions right behind the one that gold has reached.
#[derive(Debug, Clone, Default)]
pub struct MicroBatch {
    /// Facts by version, ascending; never empty.
    pub versions: Vec<(Version, Vec<SessionEvent>)>,
    /// Versions known to be behind this slice.
    pub left: usize,
}

impl MicroBatch {
    pub fn last_version(&self) -> Option<Version> {
        self.versions.last().map(|(version, _)| *version)
    }

    pub fn facts(&self) -> impl Iterator<Item = &SessionEvent> {
        self.versions.iter().flat_map(|(_, facts)| facts)
    }

    pub fn newest_event_time(&self) -> Option<Timestamp> {
        self.facts().map(SessionEvent::at).max()
    }

    /// Event times, sorted: where stored sessions may be touched.
    pub fn event_times(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.facts().map(|fact| fact.place.at).collect();
        times.sort_unstable();
        times
    }

    /// Keeps the first half of the versions; a single version stays.
    pub fn halve(&mut self) {
        let keep = (self.versions.len() / 2).max(1);
        self.left += self.versions.len() - keep;
        self.versions.truncate(keep);
    }
}

impl Gold {
    /// The next slice behind `reached`, or none when silver has nothing new.
    pub(super) async fn read_micro_batch(&self, reached: Version) -> Result<Option<MicroBatch>, LakeError> {
        // One version more than is taken tells whether there is more to do.
        let mut changes = self.silver.changes_after(reached, self.settings.slice_versions + 1).await?;
        let taken = versions_to_take(&changes, &self.settings);
        let left = changes.len() - taken;
        changes.truncate(taken);
        if changes.is_empty() {
            return Ok(None);
        }
        let read = |change: Change| async move {
            let mut facts = Vec::new();
            for add in &change.added {
                facts.extend(events_of(&self.silver, add, |_, _| true).await?);
            }
            Ok::<_, LakeError>((change.version, facts))
        };
        let versions = futures::stream::iter(changes).map(read).buffered(READ_AHEAD).try_collect().await?;
        Ok(Some(MicroBatch { versions, left }))
    }
}

fn versions_to_take(changes: &[Change], settings: &Settings) -> usize {
    let mut rows = 0;
    let within = |change: &&Change| {
        let fits = rows < settings.slice_rows;
        rows += change.added.iter().filter_map(|add| Statistics::of(add).num_records).sum::<i64>() as usize;
        fits
    };
    changes.iter().take(settings.slice_versions).take_while(within).count()
}

/// The facts in one silver file, of the visits that `wanted` accepts.
pub(super) async fn events_of<W>(silver: &Table, add: &Add, wanted: W) -> Result<Vec<SessionEvent>, LakeError>
where
    W: Fn(&str, &str) -> bool + Send + 'static,
{
    let batches = silver.read(add, session_event::COLUMNS).await?;
    let read = move || {
        let mut facts = Vec::new();
        for batch in &batches {
            session_event::read(batch, &wanted, &mut facts)?;
        }
        Ok(facts)
    };
    silver.workers.run("read events", read).await?
}
