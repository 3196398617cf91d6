//! The audit: nothing lost, nothing doubled, proved from the tables alone.
//!
//! It trusts nothing that the writers remember: it reads the rows. Received events are those that the sequence numbers
//! in bronze span; each must be in bronze once, and in exactly one of silver and quarantine. Gold must be what a
//! recomputation from silver gives. Run it on a lake at rest: a batch that is being written is in one table and not yet
//! in the other.

mod positions;

use crate::app::App;
use crate::bronze;
use crate::gold::Gold;
use crate::gold::recompute::{Comparison, Dates};
use crate::lake::LakeError;
use crate::lake::log::Version;
use crate::lake::table::{Replay, Snapshot, Table};
use crate::lineage;
use crate::silver::{self, quarantine};
use chrono::NaiveDate;
use positions::{Position, Positions};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Findings of one kind that are named one by one; the rest is counted.
const NAMED: usize = 20;

/// What the tables say.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Nothing is wrong.
    pub holds: bool,
    pub partitions: Vec<PartitionReport>,
    pub gold: GoldReport,
    /// One sentence for each thing that is wrong.
    pub problems: Vec<String>,
}

/// One partition of one event hub.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartitionReport {
    pub source: String,
    pub first_sequence_number: i64,
    pub last_sequence_number: i64,
    /// Events that the sequence numbers span.
    pub received: i64,
    pub bronze: i64,
    /// Events, not rows.
    pub silver: i64,
    pub quarantine: i64,
    /// Events of silver that a producer had sent before, and that gold does not count again.
    pub producer_duplicates: i64,
    /// Sequence numbers that are missing.
    pub gaps: i64,
    /// Sequence numbers that are there more than once.
    pub overlaps: i64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct GoldReport {
    pub sessions: i64,
    pub silver_version: Version,
    /// Silver version that gold has reached.
    pub reached: Version,
    /// Dates whose sessions are not what silver says.
    pub differing: BTreeMap<NaiveDate, Comparison>,
}

/// Looks at the whole lake. Errors mean that it could not look.
pub async fn audit(app: &App) -> Result<Report, LakeError> {
    let mut report = Report::default();
    let bronze_table = Table::at(&app.lake, bronze::schema::table(), &app.workers);
    let quarantine_table = Table::at(&app.lake, quarantine::table(), &app.workers);
    let (bronze, bronze_snapshot) = read(&bronze_table, false).await?;
    let (silver, silver_snapshot) = read(&app.gold.silver, true).await?;
    let (quarantine, _) = read(&quarantine_table, false).await?;
    let sources: BTreeSet<&String> =
        bronze.by_source.keys().chain(silver.by_source.keys()).chain(quarantine.by_source.keys()).collect();
    for source in sources {
        let partition = Partition {
            source,
            bronze: bronze.of(source),
            silver: silver.of(source),
            quarantine: quarantine.of(source),
            committed: bronze_snapshot.as_ref().and_then(|snapshot| committed(snapshot, source)),
        };
        report.partitions.push(partition.check(&mut report.problems));
    }
    if let Some(silver_snapshot) = silver_snapshot {
        report.gold = check_gold(&app.gold, &silver_snapshot, &mut report.problems).await?;
    }
    report.holds = report.problems.is_empty();
    Ok(report)
}

/// A table that does not exist holds nothing.
async fn read(table: &Table, by_product: bool) -> Result<(Positions, Option<Snapshot>), LakeError> {
    if !table.exists().await? {
        return Ok((Positions::default(), None));
    }
    let snapshot = table.snapshot(Replay::TxnsAndFiles).await?;
    Ok((Positions::read(table, &snapshot, by_product).await?, Some(snapshot)))
}

fn committed(bronze: &Snapshot, source: &str) -> Option<i64> {
    bronze.txns.get(&format!("{}:{source}", bronze::schema::LAYER)).map(|progress| progress.version)
}

/// What the three tables hold of one partition, each sorted by sequence number.
struct Partition<'a> {
    source: &'a str,
    bronze: &'a [Position],
    silver: &'a [Position],
    quarantine: &'a [Position],
    /// Sequence number that bronze's log says was reached.
    committed: Option<i64>,
}

impl Partition<'_> {
    fn check(&self, problems: &mut Vec<String>) -> PartitionReport {
        let mut found = Findings { source: self.source, problems };
        let sequence = |positions: &[Position]| -> BTreeSet<i64> { positions.iter().map(|p| p.sequence).collect() };
        let (bronze, silver, quarantine) = (sequence(self.bronze), sequence(self.silver), sequence(self.quarantine));
        let first = bronze.first().copied().unwrap_or_default();
        let last = bronze.last().copied().unwrap_or(first - 1);
        let gaps = last - first + 1 - bronze.len() as i64;
        if gaps > 0 {
            let missing: BTreeSet<i64> =
                bronze.iter().zip(bronze.iter().skip(1)).flat_map(|(a, b)| (a + 1..*b).take(NAMED)).collect();
            found.note("never arrived in bronze", gaps, &missing);
        }
        let mut overlaps = 0;
        for (table, positions) in [("bronze", self.bronze), ("silver", self.silver), ("quarantine", self.quarantine)] {
            let twice = repeated(positions);
            overlaps += twice.len() as i64;
            found.note_all(&format!("are in {table} more than once"), &twice);
        }
        let placed: BTreeSet<i64> = silver.union(&quarantine).copied().collect();
        found.note_all("are in bronze but neither in silver nor in quarantine", &(&bronze - &placed));
        found.note_all("are in silver or quarantine but not in bronze", &(&placed - &bronze));
        found.note_all("are both in silver and in quarantine", &(&silver & &quarantine));
        if self.committed.is_some_and(|committed| committed != last) {
            found.say(format!("bronze's log says {:?} was reached, its rows say {last}", self.committed));
        }
        let keys: BTreeSet<i64> = self.silver.iter().map(|position| position.key).collect();
        PartitionReport {
            source: self.source.to_owned(),
            first_sequence_number: first,
            last_sequence_number: last,
            received: last - first + 1,
            bronze: self.bronze.len() as i64,
            silver: self.silver.len() as i64,
            quarantine: self.quarantine.len() as i64,
            producer_duplicates: (silver.len() - keys.len()) as i64,
            gaps,
            overlaps,
        }
    }
}

fn repeated(positions: &[Position]) -> BTreeSet<i64> {
    positions.windows(2).filter(|pair| pair[0].sequence == pair[1].sequence).map(|pair| pair[0].sequence).collect()
}

/// Sentences about one partition.
struct Findings<'a> {
    source: &'a str,
    problems: &'a mut Vec<String>,
}

impl Findings<'_> {
    fn note_all(&mut self, what: &str, sequence_numbers: &BTreeSet<i64>) {
        self.note(what, sequence_numbers.len() as i64, sequence_numbers);
    }

    fn note(&mut self, what: &str, count: i64, examples: &BTreeSet<i64>) {
        if count > 0 {
            let named: Vec<String> = examples.iter().take(NAMED).map(i64::to_string).collect();
            let more = if count > named.len() as i64 { ", ..." } else { "" };
            self.say(format!("{count} sequence numbers {what}: {}{more}", named.join(", ")));
        }
    }

    fn say(&mut self, sentence: String) {
        self.problems.push(format!("`{}`: {sentence}", self.source));
    }
}

async fn check_gold(gold: &Gold, silver: &Snapshot, problems: &mut Vec<String>) -> Result<GoldReport, LakeError> {
    let mut report = GoldReport { silver_version: silver.version, reached: -1, ..GoldReport::default() };
    if !gold.table.exists().await? {
        if !silver.files.is_empty() {
            problems.push("`gold/sessions` does not exist, while silver has events; run `sessionize`".into());
        }
        return Ok(report);
    }
    let stored = gold.table.snapshot(Replay::TxnsAndFiles).await?;
    report.reached = stored.txns.get(crate::gold::APP_ID).map_or(-1, |progress| progress.version);
    if report.reached < silver.version {
        problems.push(format!(
            "`gold/sessions` has reached version {} of `silver/events`, which is at {}; run `sessionize`",
            report.reached, silver.version
        ));
    }
    let behind = gold.silver.snapshot_at(report.reached, Replay::TxnsAndFiles).await?;
    let compared = gold.compare(&stored, &behind, Dates::ALL).await?;
    report.sessions = compared.values().map(|comparison| comparison.stored.sessions).sum();
    report.differing = compared.into_iter().filter(|(_, comparison)| comparison.differs()).collect();
    for (date, comparison) in &report.differing {
        problems.push(format!(
            "`gold/sessions` of {date} is not what silver says ({} sessions stored, {} recomputed); run `rebuild`",
            comparison.stored.sessions, comparison.recomputed.sessions
        ));
    }
    let recorded = gold.control.recorded(stored.table_id()).await?.silver_version.unwrap_or(-1);
    if recorded != report.reached {
        problems.push(format!(
            "`control/watermarks` says that silver version {recorded} was reached, gold says {}; run `sessionize`",
            report.reached
        ));
    }
    Ok(report)
}

/// The columns by which rows of one source are told from those of another.
const SOURCE_COLUMNS: [&str; 5] =
    [lineage::NAMESPACE, lineage::EVENT_HUB, lineage::CONSUMER_GROUP, lineage::PARTITION_ID, lineage::SOURCE_EPOCH];

/// Columns that only silver has, whose rows are products.
const SILVER_COLUMNS: [&str; 2] = [silver::schema::EVENT_KEY, silver::schema::PRODUCT_INDEX];
