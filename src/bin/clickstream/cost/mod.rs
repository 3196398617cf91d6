//! `clickstream cost`: what a workload costs on Azure in a month, at list prices.
//!
//! Promises: every price has a source and a date (`prices.json`), and every assumption is printed. Does not know a
//! subscription, its discounts or its quotas, and does not use the network.
//!
//! [`model`] has the prices and the arithmetic. Here is what is assumed about our own functions.

mod model;
#[cfg(test)]
mod tests;

use crate::command::{Failure, Verdict, positive};
use crate::terminal::{grouped, table};
use clickstream::config;
use model::{Bill, Operations, Prices, SECONDS_PER_MONTH, Timer, Workload};
use serde_json::json;

/// Bronze and silver each write a file and a commit, and the host writes its checkpoint. A commit that conflicts with another
/// reads that one.
const INGEST: Operations = Operations { writes: 5.0, lists: 0.0, reads: 1.0 };

/// Silver, gold and control each list their log. Gold and control each write files and a commit.
const SESSIONIZE: Operations = Operations { writes: 5.0, lists: 3.0, reads: 10.0 };

const REBUILD: Operations = Operations { writes: 10.0, lists: 5.0, reads: 20.0 };

/// Requests for some columns of a silver file: for its commit, its footer and the columns.
const READS_PER_SILVER_FILE: f64 = 4.0;

/// The nightly rebuild reads the silver of a day twice: on the day itself and on the next.
const REBUILD_DAYS: f64 = 2.0;

/// Silver rows that sessionize and rebuild process in a second.
const ROWS_PER_SECOND: f64 = 40_000.0;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Bytes in the lake per byte of an event, measured with the synthetic shop: bronze, silver and gold, with replaced files.
const STORED_FRACTION: f64 = 0.4;

/// The records of the host about a request, and the report of the function.
const LOG_BYTES_PER_EXECUTION: f64 = 3_000.0;

#[derive(clap::Args)]
pub struct Arguments {
    /// Events per second, on average over the month
    #[arg(long, value_parser = positive)]
    events_per_second: f64,
    /// Bytes per event
    #[arg(long, default_value = "500", value_parser = positive)]
    event_bytes: f64,
    /// Events per batch, on average; larger batches cost less
    #[arg(long, default_value = "200", value_parser = positive)]
    batch: f64,
    /// Memory of an instance, in MB
    #[arg(long, default_value = "2048", value_parser = ["512", "2048", "4096"])]
    instance_memory_mb: String,
    /// Seconds between two runs of sessionize
    #[arg(long, default_value = "30", value_parser = positive)]
    sessionize_every: f64,
    /// Event Hubs throughput units [default: as many as the average rate needs]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=40))]
    throughput_units: Option<u8>,
    /// Instances that are always ready
    #[arg(long, default_value_t = 0)]
    always_ready: u16,
    /// Private endpoints, if the deployment has a virtual network
    #[arg(long, default_value_t = 0)]
    private_endpoints: u16,
    /// Print the bill as one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    let prices = Prices::read()?;
    let workload = workload(&arguments)?;
    let bill = workload.bill(&prices);
    let assumptions = assumptions(&arguments, &workload, &prices);
    if arguments.json {
        println!("{}", json!({ "bill": bill, "prices_as_of": prices.as_of, "assumptions": assumptions }));
    } else {
        print(&bill, &assumptions);
    }
    Ok(Verdict::Holds)
}

fn workload(arguments: &Arguments) -> Result<Workload, Failure> {
    let events = arguments.events_per_second * SECONDS_PER_MONTH;
    let files = events / arguments.batch;
    let nights = SECONDS_PER_MONTH / SECONDS_PER_DAY;
    let sessionize_runs = SECONDS_PER_MONTH / arguments.sessionize_every;
    let sessionize = Timer {
        runs: sessionize_runs,
        seconds: events / sessionize_runs / ROWS_PER_SECOND,
        operations: with_reads(SESSIONIZE, files / sessionize_runs * READS_PER_SILVER_FILE),
    };
    let rebuild = Timer {
        runs: nights,
        seconds: events / nights * REBUILD_DAYS / ROWS_PER_SECOND,
        operations: with_reads(REBUILD, files / nights * REBUILD_DAYS * READS_PER_SILVER_FILE),
    };
    Ok(Workload {
        events,
        event_bytes: arguments.event_bytes,
        batch: arguments.batch,
        consumers: 1.0,
        seconds: 1.0,
        operations: INGEST,
        timers: vec![sessionize, rebuild],
        memory_gb: arguments.instance_memory_mb.parse::<f64>()? / 1_024.0,
        throughput_units: arguments.throughput_units.map(f64::from),
        always_ready_instances: f64::from(arguments.always_ready),
        private_endpoints: f64::from(arguments.private_endpoints),
        stored_fraction: STORED_FRACTION,
        log_bytes_per_execution: LOG_BYTES_PER_EXECUTION,
    })
}

fn with_reads(operations: Operations, more: f64) -> Operations {
    Operations { reads: operations.reads + more, ..operations }
}

fn assumptions(arguments: &Arguments, workload: &Workload, prices: &Prices) -> Vec<String> {
    let mut assumptions = vec![
        format!("{}; the newest price is of {}", prices.region, prices.as_of),
        format!(
            "events arrive evenly, {} bytes each, {} in a batch; peaks need more throughput units than the {} counted",
            arguments.event_bytes,
            arguments.batch,
            workload.throughput_units.unwrap_or_else(|| workload.needed_throughput_units())
        ),
        "an invocation of ingest is billed for 1 s, and no two overlap, which is an upper bound".to_owned(),
        format!(
            "sessionize runs every {} s and rebuild each night, both at {ROWS_PER_SECOND} rows per second",
            arguments.sessionize_every
        ),
        format!(
            "an invocation of ingest writes {} times; each silver file is read with {READS_PER_SILVER_FILE} requests by \
             sessionize, and {REBUILD_DAYS} times as often by rebuild",
            INGEST.writes
        ),
        "storage requests cost what they cost in a flat account; with a hierarchical namespace they cost up to a third more"
            .into(),
        format!(
            "the lake has {STORED_FRACTION} bytes per byte of an event; each further month that is kept costs the same again"
        ),
        format!("{LOG_BYTES_PER_EXECUTION} bytes of log per execution"),
        "not counted: dashboards and other readers, leases of the host, compaction, traffic out of the region"
            .to_owned(),
    ];
    let rows = config::DEFAULT_SESSIONIZE_MAX_EVENTS;
    let rows_per_second = rows as f64 / arguments.sessionize_every;
    if arguments.events_per_second > rows_per_second {
        assumptions.push(format!(
            "sessionize would fall behind: {rows} rows every {} s are {rows_per_second:.0} per second; run it more often, or raise {}",
            arguments.sessionize_every,
            config::SESSIONIZE_MAX_EVENTS
        ));
    }
    assumptions
}

fn print(bill: &Bill, assumptions: &[String]) {
    let rows = bill.lines.iter().filter(|line| line.quantity > 0.0).map(|line| {
        // Small quantities would be rounded to 0.
        let quantity = match line.quantity < 100.0 {
            true => format!("{:.1}", line.quantity),
            false => grouped(line.quantity.round() as i64),
        };
        vec![line.meter.to_owned(), quantity, line.unit.clone(), format!("{:.2}", line.usd)]
    });
    println!("{}", table(&["meter", "a month", "unit", "USD"], rows));
    println!(
        "{:.2} USD a month, {:.2} USD per million events; each further million {:.2} USD",
        bill.usd, bill.usd_per_million_events, bill.usd_per_further_million_events
    );
    println!("assumed:");
    for assumption in assumptions {
        println!("- {assumption}");
    }
}
