//! `clickstream rebuild`: recomputes gold from silver, for all session dates or for a range of them.
//!
//! Does not know how gold is computed or replaced.

use crate::command::{self, Failure, Verdict};
use crate::terminal::{grouped, table};
use chrono::NaiveDate;
use clickstream::gold::rebuild::{Report, Scope};
use clickstream::gold::recompute::Dates;

#[derive(clap::Args)]
#[command(about = "Recompute gold from silver and replace the sessions that differ")]
#[command(long_about = "Recompute gold from silver and replace the sessions that differ.

Exit code 0: gold is now as silver says, whether or not something was replaced. 2: it could not be rebuilt.")]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// First session date (UTC), such as 2026-01-31 [default: the first of all]
    #[arg(long)]
    from: Option<NaiveDate>,
    /// Last session date (UTC) [default: the last of all]
    #[arg(long)]
    to: Option<NaiveDate>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let scope = scope(arguments.from, arguments.to)?;
    let app = command::open_existing_lake(&arguments.lake)?;
    let report = command::block_on(async { Ok(app.gold.rebuild(scope).await?) })?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(Verdict::Holds)
}

fn scope(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Scope, Failure> {
    if from.is_none() && to.is_none() {
        return Ok(Scope::All);
    }
    let dates = Dates { from: from.unwrap_or(NaiveDate::MIN), to: to.unwrap_or(NaiveDate::MAX) };
    if dates.from > dates.to {
        let Dates { from, to } = dates;
        return Err(format!("cannot rebuild from {from} to {to}: the end is before the beginning").into());
    }
    Ok(Scope::Dates(dates))
}

fn print(report: &Report) {
    let Some(silver_version) = report.silver_version else {
        println!("there is no silver table yet, so there is nothing to rebuild gold from");
        return;
    };
    println!("checked {} session dates against silver version {silver_version}", report.dates_checked);
    if report.replaced.is_empty() {
        println!("nothing differs");
        return;
    }
    let rows = report.replaced.iter().map(|(date, comparison)| {
        vec![date.to_string(), grouped(comparison.stored.sessions), grouped(comparison.recomputed.sessions)]
    });
    println!("{}", table(&["replaced", "sessions before", "sessions now"], rows));
}
