//! With which settings an event that is redelivered must be read.
//!
//! A batch goes into three tables, one commit each. If a process is killed between them, another process completes the
//! batch, perhaps with other settings. An event that one of them accepts and the other rejects would then land in silver
//! and in quarantine, or in neither. So the first commit decides: an event that one of the tables has already is read, for
//! all three, with the settings that the commit names.
//!
//! This costs nothing while a process receives what follows its own events ([`OwnEvents`]), and one request where it does
//! not and the lake knows one set of settings. Otherwise the logs are read backwards to the commit of the event
//! ([`History`]).
//!
//! One case remains. The process that another one replaces may still be writing the same events; if its commit lands
//! after the other one has looked, the two settings are mixed, and the audit reports the event.

use crate::event::ids::SourcePartition;
use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::append::Appender;
use crate::lake::log::{Commit, Version};
use crate::settings::SettingsId;
use futures::future::join_all;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;

/// The events that this process has put into bronze last, without a gap, by source partition. A process has
/// one set of settings, and one epoch for each source.
#[derive(Debug, Default)]
pub(super) struct OwnEvents {
    ranges: Mutex<HashMap<SourcePartition, RangeInclusive<i64>>>,
}

impl OwnEvents {
    /// Whether `batch` is what follows the own events. Then nobody else has delivered the events before it.
    pub fn precede(&self, batch: &ReceivedBatch) -> bool {
        let first = batch.events.first().map(|event| event.sequence_number.0);
        self.last(batch).zip(first).is_some_and(|(last, first)| last.checked_add(1) == Some(first))
    }

    /// Whether `batch` repeats own events and nothing else.
    pub fn include(&self, batch: &ReceivedBatch) -> bool {
        let ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        let own = ranges.get(&batch.source);
        let is_own = |number: i64| own.is_some_and(|own| own.contains(&number));
        batch.events.iter().all(|event| is_own(event.sequence_number.0))
    }

    /// This process has put all but the first `known` events of `batch` into bronze.
    pub fn add(&self, batch: &ReceivedBatch, known: usize) {
        let numbers = batch.events[known..].iter().map(|event| event.sequence_number.0);
        let Some((first, last)) = numbers.clone().next().zip(numbers.last()) else { return };
        let follows = self.last(batch).is_some_and(|before| before.checked_add(1) == Some(first));
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        let own = ranges.entry(batch.source.clone()).or_insert(first..=last);
        *own = if follows { *own.start()..=last } else { first..=last };
    }

    fn last(&self, batch: &ReceivedBatch) -> Option<i64> {
        let ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        ranges.get(&batch.source).map(|own| *own.end())
    }
}

/// Commits that are read at the same time.
const READ_AHEAD: Version = 16;

/// What the log of a table says of the settings of its events, as far as it was read. Clones share it.
#[derive(Clone)]
pub(super) struct History {
    table: Appender,
    read: Arc<AsyncMutex<ReadCommits>>,
}

/// The commits that were read. They follow each other without a gap.
#[derive(Default)]
struct ReadCommits {
    /// `None` before the first.
    versions: Option<RangeInclusive<Version>>,
    /// There is no commit before the first one: it is version 0, or those before it were cleaned up.
    is_complete: bool,
    /// For each source the last sequence number of each commit, and the settings that the commit names.
    commits: HashMap<String, BTreeMap<i64, Option<SettingsId>>>,
}

impl History {
    pub fn of(table: &Appender) -> Self {
        History { table: table.clone(), read: Arc::default() }
    }

    /// The settings that the table has each of the events `numbers` with. `None` for an event that it does not have, and
    /// where the log does not say it.
    pub async fn settings_of(&self, app_id: &str, numbers: &[i64]) -> Result<Vec<Option<SettingsId>>, LakeError> {
        let nothing = || vec![None; numbers.len()];
        let Some((table, &first)) = self.table.refresh().await?.zip(numbers.first()) else { return Ok(nothing()) };
        if table.txns.get(app_id).is_none_or(|reached| reached.version < first) {
            return Ok(nothing());
        }
        // Locked while the log is read: a second batch needs the same commits.
        let mut read = self.read.lock().await;
        self.read_up_to(table.version, &mut read).await?;
        while !read.is_complete && !read.reaches(app_id, first) {
            self.read_back(&mut read).await?;
        }
        Ok(numbers.iter().map(|&number| read.settings_id(app_id, number)).collect())
    }

    async fn read_up_to(&self, newest: Version, read: &mut ReadCommits) -> Result<(), LakeError> {
        let Some(versions) = read.versions.clone() else { return self.start_at(newest, read).await };
        let mut next = *versions.end() + 1;
        while next <= newest {
            let later = next..=newest.min(next + READ_AHEAD - 1);
            next = later.end() + 1;
            for commit in join_all(later.map(|version| self.table.log().read(version))).await {
                // The log was cleaned up in between.
                let Some(commit) = commit? else { return self.start_at(newest, read).await };
                read.add(&commit);
                read.versions = Some(*versions.start()..=commit.version);
            }
        }
        Ok(())
    }

    /// Forgets what was read, and reads the newest commit.
    async fn start_at(&self, newest: Version, read: &mut ReadCommits) -> Result<(), LakeError> {
        *read = ReadCommits::default();
        if let Some(commit) = self.table.log().read(newest).await? {
            read.add(&commit);
            read.versions = Some(newest..=newest);
        }
        read.is_complete = newest == 0 || read.versions.is_none();
        Ok(())
    }

    /// Reads some commits before those that were read.
    async fn read_back(&self, read: &mut ReadCommits) -> Result<(), LakeError> {
        let Some(versions) = read.versions.clone() else { return Ok(()) };
        let older = (*versions.start() - READ_AHEAD).max(0)..*versions.start();
        for commit in join_all(older.rev().map(|version| self.table.log().read(version))).await {
            let Some(commit) = commit? else {
                read.is_complete = true;
                break;
            };
            read.add(&commit);
            read.versions = Some(commit.version..=*versions.end());
            read.is_complete = commit.version == 0;
        }
        Ok(())
    }
}

impl ReadCommits {
    fn add(&mut self, commit: &Commit) {
        let settings = SettingsId::of_commit(commit);
        for txn in commit.txns() {
            self.commits.entry(txn.app_id.clone()).or_default().insert(txn.version, settings);
        }
    }

    /// Whether the commits go back to one that ends before `number`, so that they have the one that added it.
    fn reaches(&self, app_id: &str, number: i64) -> bool {
        self.commits.get(app_id).is_some_and(|commits| commits.range(..number).next().is_some())
    }

    /// The settings that the commit names which added the event, as far as the commits that were read go back.
    fn settings_id(&self, app_id: &str, number: i64) -> Option<SettingsId> {
        let is_from_start = self.versions.as_ref().is_some_and(|versions| *versions.start() == 0);
        let commits = self.commits.get(app_id).filter(|_| is_from_start || self.reaches(app_id, number))?;
        commits.range(number..).next().and_then(|(_, settings)| *settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::SequenceNumber;
    use crate::event::received::ReceivedEvent;
    use crate::event::time::Timestamp;

    fn batch(numbers: RangeInclusive<i64>) -> ReceivedBatch {
        let [namespace, hub, group, partition] = ["n", "h", "g", "0"].map(str::to_owned);
        let event = |number| ReceivedEvent {
            sequence_number: SequenceNumber(number),
            offset: String::new(),
            enqueued_at: Timestamp(0),
            body: bytes::Bytes::new(),
        };
        let source = SourcePartition::new(namespace, hub, group, partition).expect("no part is empty");
        ReceivedBatch { source, events: numbers.map(event).collect() }
    }

    #[test]
    fn only_what_follows_the_own_events_without_a_gap_is_known_to_be_new() {
        let own = OwnEvents::default();
        assert!(!own.precede(&batch(0..=4)), "nothing is known yet");
        own.add(&batch(0..=4), 0);
        assert!(own.precede(&batch(5..=9)) && !own.precede(&batch(4..=9)) && !own.precede(&batch(6..=9)));
        own.add(&batch(5..=9), 0);
        assert!(own.include(&batch(0..=9)) && !own.include(&batch(0..=10)), "a retry of what this process wrote");
        // Another process wrote 10 to 12.
        own.add(&batch(10..=14), 3);
        assert!(own.include(&batch(13..=14)) && !own.include(&batch(12..=14)) && !own.include(&batch(0..=4)));
        // All of it was there: this process does not know who wrote it.
        own.add(&batch(15..=19), 5);
        assert!(!own.precede(&batch(20..=24)));
    }
}
