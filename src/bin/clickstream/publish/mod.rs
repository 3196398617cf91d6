//! `clickstream generate --to eventhub`: events into a real event hub.
//!
//! Promises: the events of one session keep their order and go to one partition; a slow hub slows the reading down; the count
//! that is printed is of events that the hub accepted. An event that the hub refuses for good ends the run, which then says how
//! many were accepted and how many were not. Knows nothing of what an event says beyond its session.
//!
//! The publisher of `event-hubs` never waits for ever. It sends events without an answer again, so the hub may store an event
//! twice. Clickstream recognises such duplicates by `event_id`, as it does when a batch is redelivered.
//!
//! Reading order: [`events`] (what is sent), [`destination`] (where to, and as whom), [`report`] (what became of it).

mod destination;
mod events;
mod report;
#[cfg(test)]
mod tests;

use super::generate::{self, GenerateArgs};
use super::table::grouped;
use super::{Failure, Verdict, lake};
use event_hubs::publisher::{Destination, Limits, MAX_KEY_BYTES, OutgoingEvent, PublishError, Publisher, Totals};
use report::{Report, StatusLine};
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

/// Being ahead by less than this is not worth a pause.
const PACE: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum To {
    File,
    Eventhub,
}

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    shop: GenerateArgs,
    /// Where the events go: a file (see --out) or an event hub
    #[arg(long, value_enum, default_value_t = To::File)]
    to: To,
    /// Namespace of the event hub, such as shop.servicebus.windows.net; EVENTHUB_CONNECTION_STRING is used when left out
    #[arg(long)]
    namespace: Option<String>,
    /// Name of the event hub; may be left out where the connection string has it
    #[arg(long)]
    hub: Option<String>,
    /// Publish this file's events, one a line, instead of generated ones; - is standard input
    #[arg(long, conflicts_with_all = ["events", "seed", "users", "malformed", "late", "duplicates", "ids", "start"])]
    input: Option<PathBuf>,
    /// Events a second; as fast as they are accepted when left out
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    match arguments.to {
        To::File => to_file(&arguments),
        To::Eventhub => to_eventhub(arguments),
    }
}

fn to_file(arguments: &Arguments) -> Result<Verdict, Failure> {
    let Arguments { namespace: None, hub: None, input: None, rate: None, .. } = arguments else {
        return Err("`--namespace`, `--hub`, `--input` and `--rate` go with `--to eventhub`".into());
    };
    generate::run(&arguments.shop)?;
    Ok(Verdict::Holds)
}

fn to_eventhub(arguments: Arguments) -> Result<Verdict, Failure> {
    if arguments.shop.out.as_os_str() != "-" {
        return Err("`--out` goes with `--to file`".into());
    }
    let destination = destination::from_environment(arguments.namespace, arguments.hub)?;
    let total = arguments.input.is_none().then_some(arguments.shop.events);
    let events = match arguments.input {
        Some(path) => events::of_file(&path)?,
        None => events::of_shop(&arguments.shop.shop()),
    };
    let report = lake::block_on(publish(events, destination, arguments.rate, total))?;
    println!("{report}");
    Ok(Verdict::Holds)
}

/// Sends all `events`, or as many as there are until Ctrl-C, and waits until each was accepted.
async fn publish(
    events: events::Events,
    destination: Destination,
    rate: Option<u32>,
    total: Option<u64>,
) -> Result<Report, Failure> {
    let hub = destination.hub().to_owned();
    let mut publisher = Publisher::open(destination, Limits::default()).await?;
    let waiting = events::read_ahead(events)?;
    let status = StatusLine::start(publisher.tally(), total);
    let sent = tokio::select! {
        sent = send(&mut publisher, waiting, rate) => sent,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // Sends what was handed over, whatever ended the sending.
    let closed = publisher.close().await;
    let report = status.finish(&hub);
    match closed {
        Err(PublishError::Refused { reason, .. }) => Err(refused(&hub, report.totals, &reason)),
        closed => {
            sent?;
            closed?;
            Ok(report)
        }
    }
}

fn refused(hub: &str, totals: Totals, reason: &str) -> Failure {
    format!(
        "cannot publish to event hub `{hub}`: {} events were accepted and {} were not, the first of them at {reason}",
        grouped(totals.events as i64),
        grouped(totals.refused as i64),
    )
    .into()
}

async fn send(
    publisher: &mut Publisher,
    mut waiting: mpsc::Receiver<io::Result<events::Event>>,
    rate: Option<u32>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut sent = 0_u64;
    while let Some(event) = waiting.recv().await {
        let event = event.map_err(|error| format!("cannot read event {sent}: {error}"))?;
        if let Some(rate) = rate {
            let due = started + Duration::from_secs_f64(sent as f64 / f64::from(rate));
            if due > Instant::now() + PACE {
                tokio::time::sleep_until(due).await;
            }
        }
        let partition_key = event.session.as_deref().map(|session| partition_key(session).into_owned());
        publisher.send(OutgoingEvent { partition_key, body: event.body }).await?;
        sent += 1;
    }
    Ok(())
}

/// The session itself, or a hash of one that is too long: equal sessions have equal keys.
fn partition_key(session: &str) -> Cow<'_, str> {
    match session.len() {
        0..=MAX_KEY_BYTES => Cow::Borrowed(session),
        _ => Cow::Owned(format!("{:032x}", xxh3_128(session.as_bytes()))),
    }
}
