//! `clickstream audit`: the audit for people and for scripts.

use super::table::{grouped, table};
use super::{Failure, Verdict, lake};
use clickstream::audit::{self, Report};

#[derive(clap::Args)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let app = lake::open_existing(&arguments.lake)?;
    let report = lake::block_on(async { Ok(audit::audit(&app).await?) })?;
    if report.partitions.is_empty() {
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
    let header = ["partition", "received", "bronze", "silver", "quarantine", "sent twice", "gaps", "overlaps"];
    let rows = report.partitions.iter().map(|partition| {
        let numbers = [
            partition.received,
            partition.bronze,
            partition.silver,
            partition.quarantine,
            partition.producer_duplicates,
            partition.gaps,
            partition.overlaps,
        ];
        std::iter::once(partition.source.clone()).chain(numbers.map(grouped)).collect()
    });
    println!("{}", table(&header, rows));
    println!(
        "gold: {} sessions, at silver version {} of {}",
        grouped(report.gold.sessions),
        report.gold.reached,
        report.gold.silver_version
    );
    for problem in &report.problems {
        println!("problem: {problem}");
    }
    println!("{}", if report.holds { "nothing lost, nothing doubled" } else { "the audit FAILED" });
}
