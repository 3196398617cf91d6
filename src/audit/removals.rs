//! Which commits removed or changed the rows that the reconciliation misses.
//!
//! Other programs may delete, update and rewrite rows. A rewrite that keeps every row is no finding, so a commit is named
//! only for events that the reconciliation has found to be wrong ([`Losses`]), and only if the rows that it removed are
//! not the rows that it added. The events are reported as well, as if nobody knew the commit: the commit says who did it
//! and stands first, the events say what has to be written again.

use super::checksums::row_hashes;
use super::expected_rows::rows_by_partition;
use super::finding::{Audit, Kind, Object};
use super::sequence_ranges::{SequenceRange, SequenceRanges};
use super::tables::{Layer, ScannedTable, Tables};
use crate::event::ids::SequenceNumber;
use crate::lake::LakeError;
use crate::lake::arrow::array::RecordBatch;
use crate::lake::arrow::error::ArrowError;
use crate::lake::inspection::Inspected;
use crate::lake::log::{Add, Version};
use crate::lake::table::Change;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stretches of events that a finding lists; the others are only counted.
const MAX_STRETCHES: usize = 3;

/// Events whose rows are missing or changed, by table and partition.
#[derive(Debug, Default)]
pub(super) struct Losses {
    layers: BTreeMap<Layer, BTreeMap<String, SequenceRanges>>,
}

impl Losses {
    pub fn add(&mut self, layer: Layer, source: &str, events: SequenceRange) {
        self.layers.entry(layer).or_default().entry(source.to_owned()).or_default().add(events);
    }

    pub fn add_all(&mut self, layer: Layer, source: &str, events: &SequenceRanges) {
        self.layers.entry(layer).or_default().entry(source.to_owned()).or_default().combine(events);
    }
}

/// What a commit did to the rows of one event.
#[derive(Debug, Default)]
struct RowsOfEvent {
    removed: i64,
    added: i64,
    /// The sum of the hashes of the added rows less that of the removed ones.
    difference: u64,
}

impl RowsOfEvent {
    fn add(&mut self, hash: u64) {
        self.added += 1;
        self.difference = self.difference.wrapping_add(hash);
    }

    fn remove(&mut self, hash: u64) {
        self.removed += 1;
        self.difference = self.difference.wrapping_sub(hash);
    }
}

/// What a commit did to lost events, in order.
type Changed = BTreeMap<(String, SequenceNumber), RowsOfEvent>;

impl Audit<'_> {
    /// Reports the commits that removed or changed rows of the events in `losses`.
    pub async fn check_removals(&mut self, tables: &Tables, losses: Losses) -> Result<(), LakeError> {
        let Losses { mut layers } = losses;
        for (layer, scanned) in tables.layers() {
            let Some(mut lost) = layers.remove(&layer) else { continue };
            lost.values_mut().for_each(SequenceRanges::settle);
            self.check_removals_of(layer, scanned, Arc::new(lost)).await?;
        }
        Ok(())
    }

    async fn check_removals_of(
        &mut self,
        layer: Layer,
        scanned: &ScannedTable,
        lost: Arc<BTreeMap<String, SequenceRanges>>,
    ) -> Result<(), LakeError> {
        let versions: Vec<Version> = scanned.removals().collect();
        let (mut explained, mut without_files) = (BTreeMap::<String, SequenceRanges>::new(), Vec::new());
        for (done, &version) in versions.iter().enumerate() {
            self.progress("reading what was removed", done, Some(versions.len()));
            let Some(commit) = scanned.commit(version).await? else { continue };
            let operation = commit.info().and_then(|info| info.get("operation")?.as_str());
            let operation = operation.map_or("the commit".to_owned(), |operation| format!("`{operation}`"));
            let commit = Change::of(commit);
            let Some(changed) = changed_events(layer, scanned, &commit, &lost).await? else {
                without_files.push((commit, operation));
                continue;
            };
            for (source, number) in changed.keys() {
                explained.entry(source.clone()).or_default().add(SequenceRange::only(*number));
            }
            if !changed.is_empty() {
                self.report_removal(layer, commit, format!("{operation} {}", description(&changed)));
            }
        }
        // A vacuum has deleted the evidence. The commit is suspected only of what no other commit explains.
        explained.values_mut().for_each(SequenceRanges::settle);
        let is_explained =
            |source: &String, range| explained.get(source).is_some_and(|explained| explained.meets(range));
        let is_left = |(source, lost): (&String, &SequenceRanges)| {
            lost.ranges().iter().any(|&range| !is_explained(source, range))
        };
        if lost.iter().any(is_left) {
            for (commit, operation) in without_files {
                let detail = format!(
                    "{operation} removed rows, and files of it are no longer in the store: nobody can say which"
                );
                self.report_removal(layer, commit, detail);
            }
        }
        Ok(())
    }

    fn report_removal(&mut self, layer: Layer, commit: Change, detail: String) {
        let object = Object { engine: commit.engine, ..Object::version(commit.version) };
        self.report(Kind::RowsRemoved, layer.table(), object, detail);
    }
}

/// What `commit` did to the events in `lost`, without those whose rows it kept. `None` where files are gone and nothing
/// can be said.
async fn changed_events(
    layer: Layer,
    scanned: &ScannedTable,
    commit: &Change,
    lost: &Arc<BTreeMap<String, SequenceRanges>>,
) -> Result<Option<Changed>, LakeError> {
    let mut changed = Changed::new();
    let removed = commit.removed.iter().map(|file| Add { path: file.path.clone(), ..Add::default() });
    let files = removed.map(|file| (file, false)).chain(commit.added.iter().map(|file| (file.clone(), true)));
    for (file, is_added) in files {
        let lost = lost.clone();
        let read = move |rows: &mut LostRows, batch: &RecordBatch| rows.read(layer, batch, &lost);
        let Inspected::Whole { found, .. } = scanned.inspect(&file, read).await? else { return Ok(None) };
        for (source, number, hash) in found.rows {
            let rows = changed.entry((source, number)).or_default();
            match is_added {
                true => rows.add(hash),
                false => rows.remove(hash),
            }
        }
    }
    changed.retain(|_, rows| rows.removed > 0 && (rows.removed, rows.difference) != (rows.added, 0));
    Ok(Some(changed))
}

/// The rows of lost events in one file, each as a hash.
#[derive(Debug, Default)]
struct LostRows {
    rows: Vec<(String, SequenceNumber, u64)>,
}

impl LostRows {
    fn read(
        &mut self,
        layer: Layer,
        batch: &RecordBatch,
        lost: &BTreeMap<String, SequenceRanges>,
    ) -> Result<(), ArrowError> {
        for partition in rows_by_partition(layer, batch)? {
            let Some(lost) = lost.get(&partition.source) else { continue };
            let source = partition.source.clone();
            let partition = partition.filter(|number| lost.meets(SequenceRange::only(number)))?;
            for (number, hash) in partition.sequence_numbers()?.into_iter().zip(row_hashes(&partition.rows)?) {
                self.rows.push((source.clone(), number, hash));
            }
        }
        Ok(())
    }
}

/// `removed 3 rows of 2 events: partition a/b/c/0, sequence numbers 7 to 8`.
fn description(changed: &Changed) -> String {
    let tally = |verb: &str, rows: Vec<i64>| {
        let (sum, events) = (rows.iter().sum::<i64>(), rows.len());
        let plural = |number: i64| if number == 1 { "" } else { "s" };
        (events > 0).then(|| format!("{verb} {sum} row{} of {events} event{}", plural(sum), plural(events as i64)))
    };
    let removed = changed.values().map(|rows| rows.removed - rows.added).filter(|&rows| rows > 0).collect();
    let kept = changed.values().filter(|rows| rows.added >= rows.removed).map(|rows| rows.removed).collect();
    let tallies: Vec<String> = [tally("removed", removed), tally("changed", kept)].into_iter().flatten().collect();
    let mut by_source: BTreeMap<&str, Vec<SequenceNumber>> = BTreeMap::new();
    changed.keys().for_each(|(source, number)| by_source.entry(source).or_default().push(*number));
    let stretches: Vec<Object> = by_source
        .into_iter()
        .flat_map(|(source, numbers)| {
            let events = SequenceRanges::of(numbers);
            let stretches = events.ranges().iter().map(|range| Object::events(source, range.first, range.last));
            stretches.collect::<Vec<_>>()
        })
        .collect();
    let listed: Vec<String> = stretches.iter().take(MAX_STRETCHES).map(Object::to_string).collect();
    let more = if stretches.len() > MAX_STRETCHES { "; and others" } else { "" };
    format!("{}: {}{more}", tallies.join(" and "), listed.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_gone_and_rows_that_are_changed_are_counted_apart_and_the_first_are_listed() {
        let rows = |removed, added| RowsOfEvent { removed, added, difference: 1 };
        let event = |number| ("a/b/c/0".to_owned(), SequenceNumber(number));
        let mut changed = Changed::from([(event(7), rows(2, 0)), (event(8), rows(3, 2)), (event(12), rows(1, 1))]);
        assert_eq!(
            description(&changed),
            "removed 3 rows of 2 events and changed 1 row of 1 event: partition a/b/c/0, sequence numbers 7 to 8; \
             partition a/b/c/0, sequence number 12"
        );
        changed.extend([(event(20), rows(1, 0)), (event(30), rows(1, 0))]);
        assert!(description(&changed).ends_with("; and others"));
    }
}
