//! `clickstream audit`: runs the audit of the library and prints its report, for people or for scripts.
//!
//! Does not judge anything itself.

use crate::command::{self, Failure, Verdict};
use crate::terminal::{StatusLine, grouped, table, text_table};
use clickstream::audit::{self, Depth, Finding, Kind, PartitionReport, ProgressUpdate, Report, TableReport};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
#[command(about = "Prove from the tables that nothing was lost and nothing doubled")]
#[command(long_about = "Prove from the tables that nothing was lost and nothing doubled.

The audit reads every commit, opens every file, and compares every table with the one that it was made of: bronze with the \
sequence numbers of the event hub, silver and quarantine with bronze, gold with a recomputation from silver. Run it while \
nothing writes to the lake.

Exit code 0: nothing is wrong. 1: something is wrong, and the report names it. 2: the audit could not look.")]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// Only check that the tables are whole: read the logs, the footers of files and the control table, but no other rows
    #[arg(long)]
    files_only: bool,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let app = command::open_existing_lake(&arguments.lake)?;
    let depth = if arguments.files_only { Depth::Files } else { Depth::Rows };
    let status = Status::new();
    let watch = |update: ProgressUpdate| status.show(update);
    let report = command::block_on(async { Ok(audit::audit_to(&app, depth, &watch).await?) });
    status.clear();
    let report = report?;
    if report.tables.iter().all(|table| table.version <= 0) {
        return Err(
            format!("cannot audit lake `{}`: it has never received an event; check `--lake`", arguments.lake).into()
        );
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(verdict(&report))
}

pub fn verdict(report: &Report) -> Verdict {
    if report.holds { Verdict::Holds } else { Verdict::Fails }
}

pub fn print(report: &Report) {
    let header = ["table", "version", "commits", "files", "rows", "bytes", "lost files"];
    println!("{}", table(&header, report.tables.iter().map(table_row)));
    if report.depth == Depth::Rows {
        let header = ["partition", "received", "bronze", "silver", "quarantine", "sent twice", "gaps", "overlaps"];
        println!("{}", table(&header, report.partitions.iter().map(partition_row)));
        let (sessions, gold) = (grouped(report.gold.sessions), &report.gold);
        let read = gold.silver_version_read().map_or("none".to_owned(), |version| version.to_string());
        println!("gold: {sessions} sessions, silver version read: {read} of {}", gold.silver_version);
        if let Some(reason) = gold.not_compared {
            println!("gold was not compared with silver: {reason}");
        }
    }
    print_findings(report);
    println!("{}", if report.holds { conclusion(report.depth) } else { "the audit FAILED" });
}

fn conclusion(depth: Depth) -> &'static str {
    match depth {
        Depth::Rows => "nothing lost, nothing doubled",
        Depth::Files => "the tables are whole; their rows were not checked",
    }
}

fn table_row(report: &TableReport) -> Vec<String> {
    // The version is negative if no commit of the log can be read.
    let version = if report.version < 0 { "none".to_owned() } else { grouped(report.version) };
    let size = report.size;
    let numbers = [report.commits as i64, size.files as i64, size.rows, size.bytes, size.lost as i64];
    [report.table.to_owned(), version].into_iter().chain(numbers.map(grouped)).collect()
}

fn partition_row(partition: &PartitionReport) -> Vec<String> {
    let about = if partition.producer_duplicates_estimated { "about " } else { "" };
    vec![
        partition.source.clone(),
        grouped(partition.received),
        grouped(partition.bronze),
        grouped(partition.silver),
        grouped(partition.quarantine),
        format!("{about}{}", grouped(partition.producer_duplicates)),
        grouped(partition.gaps),
        grouped(partition.overlaps),
    ]
}

/// The findings, and below them what each kind means and what to do.
fn print_findings(report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    let row = |finding: &Finding| {
        let kind = finding.kind.as_str().to_owned();
        vec![kind, finding.table.clone(), finding.object.to_string(), finding.detail.clone()]
    };
    println!("{}", text_table(&["finding", "table", "where", "what is wrong"], report.findings.iter().map(row)));
    let row = |(kind, count): (&Kind, &u64)| {
        let name = kind.as_str().to_owned();
        vec![name, grouped(*count as i64), kind.meaning().to_owned(), kind.action().to_owned()]
    };
    println!("{}", text_table(&["finding", "number", "what it means", "what to do"], report.counts.iter().map(row)));
}

/// Shows on a terminal how far the audit has come.
struct Status {
    line: Mutex<(StatusLine, Option<Instant>)>,
}

const SHOW_EVERY: Duration = Duration::from_millis(100);

impl Status {
    fn new() -> Self {
        Status { line: Mutex::new((StatusLine::new(), None)) }
    }

    fn show(&self, update: ProgressUpdate) {
        let Ok(mut line) = self.line.lock() else { return };
        let (line, shown_at) = &mut *line;
        if !line.is_terminal() || shown_at.is_some_and(|at| at.elapsed() < SHOW_EVERY) {
            return;
        }
        *shown_at = Some(Instant::now());
        let ProgressUpdate { step, done, of } = update;
        match of {
            None => line.show(step),
            Some(of) => line.show(&format!("{step}: {} of {}", grouped(done as i64), grouped(of as i64))),
        }
    }

    fn clear(&self) {
        if let Ok(mut line) = self.line.lock() {
            line.0.clear();
        }
    }
}
