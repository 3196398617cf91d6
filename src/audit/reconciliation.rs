//! Received = bronze, and bronze = silver + quarantine, for each partition of each event hub.
//!
//! Reads the three tables and compares what [`partition_totals`](super::partition_totals) makes of them. Knows nothing of
//! sessions.

use super::checksums::RangeIndex;
use super::differing_events::RangesByPartition;
use super::event_settings::EventSettings;
use super::finding::{Audit, Kind, Object};
use super::partition_totals::{CommitRows, PartitionTotals, Partitions, file_reader};
use super::removals::Losses;
use super::sequence_ranges::{SequenceRange, count};
use super::tables::{Layer, ScannedTable, TableFiles, TableSizes, Tables};
use crate::bronze::schema as bronze;
use crate::event::ids::SequenceNumber;
use crate::lake::LakeError;
use crate::lake::log::Version;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Ranges that are examined of those that one run of repeated sequence numbers covers.
const MAX_RANGES_OF_REPEATED: usize = 65;

/// One partition of one event hub.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartitionReport {
    /// `namespace/hub/consumer group/partition`, and the source epoch unless it is 0.
    pub source: String,
    pub first_sequence_number: i64,
    pub last_sequence_number: i64,
    /// Events that the sequence numbers span.
    pub received: i64,
    pub bronze: i64,
    /// Events, not rows.
    pub silver: i64,
    pub quarantine: i64,
    /// Events in silver that a producer had sent before, and that gold does not count again.
    pub producer_duplicates: i64,
    /// There were too many events to count them one by one.
    pub producer_duplicates_estimated: bool,
    /// Sequence numbers that are missing.
    pub gaps: i64,
    /// Sequence numbers that are stored more than once.
    pub overlaps: i64,
}

impl Audit<'_> {
    /// Compares bronze with what was received, and silver and quarantine with bronze.
    pub async fn reconcile(
        &mut self,
        tables: &Tables,
        settings: EventSettings,
        sizes: &mut TableSizes,
    ) -> Result<Vec<PartitionReport>, LakeError> {
        let mut partitions = Partitions::new();
        let settings = Arc::new(settings);
        for (layer, scanned) in tables.layers() {
            self.read_layer((layer, scanned), &settings, &mut partitions, sizes).await?;
        }
        let mut reports = Vec::new();
        let (mut suspicious, mut losses) = (RangesByPartition::new(), Losses::default());
        for (source, totals) in &mut partitions {
            totals.sequence_numbers.settle();
            totals.misread.settle();
            reports.push(self.check_partition(source, totals));
            suspicious.insert(source.clone(), suspicious_ranges(totals));
            add_losses_of_bronze(&mut losses, source, totals, tables);
        }
        let doubled = self.examine(suspicious, tables, &settings, &mut losses).await?;
        self.check_removals(tables, losses).await?;
        for report in &mut reports {
            report.overlaps += doubled.get(&report.source).copied().unwrap_or_default();
        }
        Ok(reports)
    }

    async fn read_layer(
        &mut self,
        (layer, scanned): (Layer, &ScannedTable),
        settings: &Arc<EventSettings>,
        partitions: &mut Partitions,
        sizes: &mut TableSizes,
    ) -> Result<(), LakeError> {
        let step = match layer {
            Layer::Bronze => "reading bronze",
            Layer::Silver => "reading silver",
            Layer::Quarantine => "reading quarantine",
        };
        let mut commits: HashMap<Version, CommitRows> = HashMap::new();
        let size = self
            .read_files(&TableFiles::of(scanned, &[], step), file_reader(layer, settings), |audit, file, totals| {
                let commit = scanned.scan.added_in.get(&file.path).map(|&version| commits.entry(version).or_default());
                audit.add_file(partitions, layer, (file, totals), commit);
            })
            .await?;
        sizes.insert(scanned.name(), size);
        self.check_commits(layer, scanned, &commits);
        if size.lost == 0 {
            self.check_last_positions(layer, scanned, partitions);
        }
        Ok(())
    }

    /// Compares the position that a commit records with the rows that it added, as long as its files still have them.
    fn check_commits(&mut self, layer: Layer, scanned: &ScannedTable, rows: &HashMap<Version, CommitRows>) {
        for commit in &scanned.commits {
            let Some(rows) = rows.get(&commit.version).filter(|rows| rows.files == commit.files) else { continue };
            for (source, &last) in &rows.last {
                let object = Object { source: Some(source.clone()), ..Object::version(commit.version) };
                self.check_position(scanned, object, last, commit.sequence_number(layer, source));
            }
        }
    }

    /// Compares the position that the log records last with the last row.
    fn check_last_positions(&mut self, layer: Layer, scanned: &ScannedTable, partitions: &Partitions) {
        for (source, totals) in partitions {
            if let Some(last) = totals.layer(layer).last {
                self.check_position(scanned, Object::source(source), last, scanned.sequence_number(layer, source));
            }
        }
    }

    fn check_position(
        &mut self,
        scanned: &ScannedTable,
        object: Object,
        last: SequenceNumber,
        recorded: Option<SequenceNumber>,
    ) {
        if recorded == Some(last) {
            return;
        }
        let log = if object.version.is_some() { "the commit" } else { "the log" };
        let recorded = recorded.map_or("no position".to_owned(), |recorded| format!("sequence number {recorded}"));
        let detail = format!("the rows reach sequence number {last}, {log} records {recorded}");
        self.report(Kind::TxnDisagrees, scanned.name(), object, detail);
    }

    /// Reports the gaps in the sequence numbers of bronze, and what is there more than once.
    fn check_partition(&mut self, source: &str, totals: &PartitionTotals) -> PartitionReport {
        let numbers = &totals.sequence_numbers;
        let events = |range: SequenceRange| Object::events(source, range.first, range.last);
        for gap in numbers.gaps() {
            let detail = format!("{} not in the table", are_events(gap.count()));
            self.report(Kind::EventsMissing, bronze::TABLE, events(gap), detail);
        }
        for &repeated in numbers.repeated() {
            let detail = format!("{} stored once more", are_events(repeated.count()));
            self.report(Kind::EventsDoubled, bronze::TABLE, events(repeated), detail);
        }
        let first = numbers.first().map_or(0, |first| first.0);
        let last = numbers.last().map_or(first - 1, |last| last.0);
        PartitionReport {
            source: source.to_owned(),
            first_sequence_number: first,
            last_sequence_number: last,
            received: last - first + 1,
            bronze: totals.bronze.events,
            silver: totals.silver.events,
            quarantine: totals.quarantine.events,
            producer_duplicates: totals.duplicates.count(),
            producer_duplicates_estimated: !totals.duplicates.is_exact(),
            gaps: count(numbers.gaps()),
            overlaps: count(numbers.repeated().iter().copied()),
        }
    }
}

fn are_events(count: i64) -> String {
    if count == 1 { "1 event is".to_owned() } else { format!("{count} events are") }
}

/// What is missing between the first row of bronze and the position that its log records, and what its bodies contradict.
fn add_losses_of_bronze(losses: &mut Losses, source: &str, totals: &PartitionTotals, tables: &Tables) {
    let numbers = &totals.sequence_numbers;
    let recorded = tables.bronze.as_ref().and_then(|bronze| bronze.sequence_number(Layer::Bronze, source));
    let end = numbers.last().zip(recorded).filter(|(last, recorded)| last < recorded);
    let end = end.map(|(last, recorded)| SequenceRange { first: SequenceNumber(last.0 + 1), last: recorded });
    numbers.gaps().chain(end).for_each(|range| losses.add(Layer::Bronze, source, range));
    losses.add_all(Layer::Bronze, source, &totals.misread);
}

/// Ranges in which silver and quarantine are not what bronze says, or may not be.
fn suspicious_ranges(totals: &PartitionTotals) -> BTreeSet<RangeIndex> {
    // An event that is in bronze twice is expected twice: if silver had it twice too, the checksums would agree.
    let repeated = totals.sequence_numbers.repeated().iter();
    let repeated = repeated
        .flat_map(|range| RangeIndex::of(range.first).up_to(RangeIndex::of(range.last), MAX_RANGES_OF_REPEATED));
    totals.checksums.differing().chain(repeated).collect()
}
