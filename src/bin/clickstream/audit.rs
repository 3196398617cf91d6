//! `clickstream audit`: runs the audit and prints its report, for people or for scripts. Judges nothing itself.

use super::table::{grouped, table, text_table};
use super::{Failure, Verdict, lake};
use clickstream::audit::{self, Depth, Finding, Kind, PartitionReport, ProgressUpdate, Report, TableReport};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
#[command(
    after_help = "Every commit is read, every file is opened, and every table is compared with the one it was made of: bronze with the \
sequence numbers of the event hub, silver and quarantine with bronze, gold with a recomputation from silver. Run it while \
nothing writes to the lake.

Exit code 0: nothing is wrong. 1: something is wrong, and named. 2: the audit could not look."
)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// Read only the logs, the file footers and the control table, no other rows: checks that the tables are whole
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
    let watch = |update: ProgressUpdate| line.show(update);
    let report = lake::block_on(async { Ok(audit::audit_to(&app, depth, &watch).await?) });
    line.clear();
    let report = report?;
    if report.tables.iter().all(|table| table.version <= 0) {
        return Err(format!("cannot audit lake `{}`: it has never received an event", arguments.lake).into());
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
    // A log of which no commit can be read shows no version.
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

/// One line on stderr that shows how far the audit has come, if stderr is a terminal.
struct StatusLine {
    shown_at: Mutex<Option<Instant>>,
    is_terminal: bool,
}

const SHOWN_EVERY: Duration = Duration::from_millis(100);

impl StatusLine {
    fn new() -> Self {
        StatusLine { shown_at: Mutex::new(None), is_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&self, update: ProgressUpdate) {
        let Ok(mut shown_at) = self.shown_at.lock() else { return };
        if !self.is_terminal || shown_at.is_some_and(|at| at.elapsed() < SHOWN_EVERY) {
            return;
        }
        *shown_at = Some(Instant::now());
        let ProgressUpdate { step, done, of } = update;
        // The audit continues if the terminal has gone.
        let _ = match of {
            None => write!(std::io::stderr(), "\r\x1b[2K{step}"),
            Some(of) => {
                write!(std::io::stderr(), "\r\x1b[2K{step}: {} of {}", grouped(done as i64), grouped(of as i64))
            }
        };
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
