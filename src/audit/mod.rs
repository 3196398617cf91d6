//! The audit: proves from the tables alone that nothing was lost and nothing was counted twice.
//!
//! It is a reconciliation, as a bookkeeper does it: every table is compared with the table that it was made of. The audit
//! does not believe anything that a writer remembers about its own work. An error means that the audit could not look;
//! anything that is wrong in the lake is a [`Finding`] with a [`Kind`], the object, and what to do.
//!
//! # What it proves, in the order in which it looks
//!
//! 1. **The logs are whole** (`tables`). It reads every commit of the six tables that is still there: no version is
//!    missing, no position moves back, no file is added twice or belongs to two tables, and the checkpoint describes the
//!    same table as the commits.
//! 2. **The files are whole** (`tables`). Every data file that the logs name is opened once, by the step below that reads
//!    its rows. Its size and number of rows must be those that were committed.
//! 3. **Received = bronze** (`reconciliation`). The events received from a partition are those that its sequence numbers
//!    span, from the first in bronze to the last. Each number must be in bronze, and once.
//! 4. **Bronze = silver + quarantine** (`reconciliation`). The production parser reads the bytes of every event again
//!    (`expected_rows`), with the settings of the commit that added it to bronze (`event_settings`). The rows that this gives must be the rows in silver or quarantine: no event is in neither, in
//!    both, or in the wrong one, and no column differs. The position that a commit records must be the one that its rows
//!    reach.
//! 5. **Gold = recomputed** (`gold`). Each session is stored once, and the sessions of each date are those that a
//!    recomputation from silver gives, at the silver version that gold has read.
//! 6. **Control = gold's commits** (`control`). Each commit to gold has its row with the same watermark, and the
//!    watermark never moves back.
//!
//! [`Depth::Files`] proves 1, 2 and 6 alone; it reads the footers of files instead of their rows.
//!
//! # How it compares without remembering events
//!
//! Sequence numbers are kept as ranges (`sequence_ranges`). Rows are hashed, and the hashes are summed for each range of
//! 1,024 sequence numbers (`checksums`). Only where the sums differ are the events themselves read and compared
//! (`differing_events`). So memory grows with the number of files, gaps and ranges, not with the number of events.
//!
//! # What it does not judge
//!
//! - Columns in which two correct rows may differ: `ingested_at` and `ingest_date`, since a redelivery after a kill is
//!   stamped again.
//! - Who may change the tables. A commit of another program that keeps every row is no finding; one that removes or
//!   changes rows is named beside the events that lost them (`removals`), as long as the log has it.
//! - Whether a setting rejected an event rightly, and `page_domain`, where no commit and no row of `control/settings` says
//!   what the settings were: a version before them wrote the commit, or it was cleaned up and there were several.
//! - Which version wrote a row. If an older version had other rules, its rows are reported as different.
//! - A lake that is being written to: a batch may be in one table and not yet in the next. Audit a lake at rest.

mod finding;
mod tables;
mod sequence_ranges;
mod event_settings;
mod expected_rows;
mod checksums;
mod partition_totals;
mod differing_events;
mod removals;
mod reconciliation;
mod gold;
mod control;

use crate::app::App;
use crate::lake::LakeError;
use crate::lake::log::Version;
use finding::{Audit, Watch};
pub use finding::{Finding, Kind, Object, ProgressUpdate};
use gold::GoldReport;
pub use reconciliation::PartitionReport;
use serde::Serialize;
use std::collections::BTreeMap;
use tables::{TableFiles, TableSize, TableSizes};

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// The logs, the footers of all files, and control: whether the tables are whole.
    Files,
    /// Every row as well: whether what is in the tables is right.
    #[default]
    Rows,
}

/// What the audit found. Members and the names of [`Kind`] are a contract with scripts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Nothing is wrong.
    pub holds: bool,
    pub depth: Depth,
    pub tables: Vec<TableReport>,
    /// With [`Depth::Rows`] only, like gold.
    pub partitions: Vec<PartitionReport>,
    pub gold: GoldReport,
    /// The first 20 of each kind.
    pub findings: Vec<Finding>,
    /// The number of all findings, by kind.
    pub counts: BTreeMap<Kind, u64>,
}

/// What the log and the files of one table say of it.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    pub table: &'static str,
    pub version: Version,
    /// Commits that are still in the log; all were read.
    pub commits: usize,
    #[serde(flatten)]
    pub size: TableSize,
}

impl Report {
    /// Adds a finding that the caller made.
    pub fn add(&mut self, kind: Kind, table: &str, object: Object, detail: String) {
        self.findings.push(Finding::new(kind, table, object, detail));
        *self.counts.entry(kind).or_default() += 1;
        self.holds = false;
    }
}

/// Audits the whole lake, every row included. An error means that the audit could not look.
pub async fn audit(app: &App) -> Result<Report, LakeError> {
    audit_to(app, Depth::Rows, &|_| {}).await
}

/// Audits the lake to `depth`, and calls `watch` as it proceeds.
pub async fn audit_to(app: &App, depth: Depth, watch: &Watch<'_>) -> Result<Report, LakeError> {
    let mut audit = Audit::new(watch);
    let tables = audit.scan_tables(app).await?;
    let mut sizes = TableSizes::new();
    let (mut partitions, mut gold) = (Vec::new(), GoldReport::default());
    let (settings, size) = audit.read_settings(&tables).await?;
    sizes.insert(crate::settings::schema::TABLE, size);
    match depth {
        Depth::Files => {
            for scanned in tables.layers().map(|(_, scanned)| scanned).chain(&tables.gold) {
                let files = TableFiles::of(scanned, &[], "reading the footers");
                sizes.insert(scanned.name(), audit.read_footers(&files).await?);
            }
        }
        Depth::Rows => {
            partitions = audit.reconcile(&tables, settings, &mut sizes).await?;
            gold = audit.check_gold(&app.gold, &tables, &mut sizes).await?;
        }
    }
    let control = audit.check_control(tables.control.as_ref(), tables.gold.as_ref()).await?;
    sizes.insert(crate::gold::control::TABLE, control);
    let table_report = |scanned: &tables::ScannedTable| TableReport {
        table: scanned.name(),
        version: scanned.scan.head.version,
        commits: scanned.scan.commits,
        size: sizes.get(scanned.name()).copied().unwrap_or_default(),
    };
    let tables = tables.all().map(table_report).collect();
    let (findings, counts) = audit.finish();
    Ok(Report { holds: findings.is_empty(), depth, tables, partitions, gold, findings, counts })
}
