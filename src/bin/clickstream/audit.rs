//! `clickstream audit`: the audit for people and for scripts.

use super::table::{grouped, table, text_table};
use super::{Failure, Verdict, lake};
use clickstream::audit::{self, Depth, Finding, Kind, PartitionReport, Progress, Report, TableReport};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// Only whether the tables are whole: logs, file footers and control, no rows
    #[arg(long)]
    files_only: bool,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let app = lake::open_existing(&arguments.lake)?;
    let depth = if arguments.files_only { Depth::Files } else { Depth::Rows };
    let line = StatusLine::new();
    let watch = |progress: Progress| line.show(progress);
    let report = lake::block_on(async { Ok(audit::audit_to(&app, depth, &watch).await?) });
    line.clear();
    let report = report?;
    if report.tables.iter().all(|table| table.version <= 0) {
        return Err(format!("cannot audit lake `{}`: no event has ever come in", arguments.lake).into());
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
        println!("gold: {sessions} sessions, at silver version {} of {}", gold.reached, gold.silver_version);
        if let Some(reason) = gold.not_compared {
            println!("gold was not held against silver: {reason}");
        }
    }
    print_findings(report);
    println!("{}", if report.holds { conclusion(report.depth) } else { "the audit FAILED" });
}

fn conclusion(depth: Depth) -> &'static str {
    match depth {
        Depth::Rows => "nothing lost, nothing doubled",
        Depth::Files => "the tables are whole; their rows were not looked at",
    }
}

fn table_row(report: &TableReport) -> Vec<String> {
    let sum = report.sum;
    let numbers = [report.version, report.commits as i64, sum.files as i64, sum.rows, sum.bytes, sum.lost as i64];
    std::iter::once(report.table.to_owned()).chain(numbers.map(grouped)).collect()
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

/// What was found, and below it what each kind means and asks for.
fn print_findings(report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    let row = |finding: &Finding| {
        let kind = finding.kind.as_str().to_owned();
        vec![kind, finding.table.clone(), finding.object.to_string(), finding.detail.clone()]
    };
    println!("{}", text_table(&["finding", "table", "where", "what"], report.findings.iter().map(row)));
    let row = |(kind, count): (&Kind, &u64)| {
        let name = kind.as_str().to_owned();
        vec![name, grouped(*count as i64), kind.meaning().to_owned(), kind.action().to_owned()]
    };
    println!("{}", text_table(&["finding", "in all", "it means", "what to do"], report.counts.iter().map(row)));
}

/// One line on stderr that is always up to date, where somebody can see it.
struct StatusLine {
    shown_at: Mutex<Option<Instant>>,
    is_terminal: bool,
}

const SHOWN_EVERY: Duration = Duration::from_millis(100);

impl StatusLine {
    fn new() -> Self {
        StatusLine { shown_at: Mutex::new(None), is_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&self, progress: Progress) {
        let Ok(mut shown_at) = self.shown_at.lock() else { return };
        if !self.is_terminal || shown_at.is_some_and(|at| at.elapsed() < SHOWN_EVERY) {
            return;
        }
        *shown_at = Some(Instant::now());
        let Progress { step, done, of } = progress;
        // A terminal that is gone is no reason to stop looking.
        let _ = match of {
            0 => write!(std::io::stderr(), "\r\x1b[2K{step}"),
            of => write!(std::io::stderr(), "\r\x1b[2K{step}: {} of {}", grouped(done as i64), grouped(of as i64)),
        };
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
