//! `clickstream rebuild`: gold recomputed from silver, for all or for a range of session dates.

use super::table::{grouped, table};
use super::{Failure, Verdict, lake};
use chrono::NaiveDate;
use clickstream::gold::rebuild::{Report, Scope};
use clickstream::gold::recompute::Dates;

#[derive(clap::Args)]
pub struct Arguments {
    /// A folder, `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`
    #[arg(long, env = "LAKE_URL")]
    lake: String,
    /// First session date (UTC), such as 2026-01-31; from the beginning when left out
    #[arg(long)]
    from: Option<NaiveDate>,
    /// Last session date; to the end when left out
    #[arg(long)]
    to: Option<NaiveDate>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let scope = match (arguments.from, arguments.to) {
        (None, None) => Scope::All,
        (from, to) => {
            let dates = Dates { from: from.unwrap_or(NaiveDate::MIN), to: to.unwrap_or(NaiveDate::MAX) };
            if dates.from > dates.to {
                return Err(format!(
                    "cannot rebuild from {} to {}: the end is before the beginning",
                    dates.from, dates.to
                )
                .into());
            }
            Scope::Dates(dates)
        }
    };
    let app = lake::open_existing(&arguments.lake)?;
    let report = lake::block_on(async { Ok(app.gold.rebuild(scope).await?) })?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(Verdict::Holds)
}

fn print(report: &Report) {
    let Some(silver_version) = report.silver_version else {
        println!("there is no silver to compare gold with");
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
