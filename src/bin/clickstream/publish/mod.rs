//! `clickstream generate --to eventhub`: events into a real event hub, by Microsoft's own client.
//!
//! Promises: the events of one session keep their order and go to one partition; what waits to be accepted is bounded, so a
//! slow hub slows the reading down; the count that is printed is of events that the hub accepted. An event that is refused
//! for good ends the run, which then says how many were accepted and how many were not. Knows nothing of what an event
//! says beyond its session.
//!
//! Reading order: [`events`] (what is sent), [`connection`] (where to, and as whom), [`delivery`] (what became of it).

mod connection;
mod delivery;
mod events;
#[cfg(test)]
mod tests;

use super::generate::{self, GenerateArgs};
use super::{Failure, Verdict, lake};
use azure_messaging_eventhubs::{BufferedProducerClient, EnqueueEventOptions};
use connection::Connection;
use delivery::{Delivery, Report};
use events::OutgoingEvent;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

/// Event Hubs takes no longer partition key.
const MAX_KEY_BYTES: usize = 128;

/// Being ahead by less than this is not waited for.
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
    let connection = Connection::from_environment(arguments.namespace, arguments.hub)?;
    let total = arguments.input.is_none().then_some(arguments.shop.events);
    let source = match arguments.input {
        Some(path) => events::of_file(&path)?,
        None => events::of_shop(&arguments.shop.shop()),
    };
    let report = lake::block_on(publish(source, &connection, arguments.rate, total))?;
    println!("{report}");
    Ok(Verdict::Holds)
}

/// Sends all events of `source`, or as many as there are until Ctrl-C, and waits until each was accepted.
async fn publish(
    source: events::Source,
    connection: &Connection,
    rate: Option<u32>,
    total: Option<u64>,
) -> Result<Report, Failure> {
    let delivery = Delivery::new(total);
    let client = connection.open(&delivery).await?;
    let waiting = events::read_ahead(source)?;
    delivery.start();
    let handed_over = tokio::select! {
        handed_over = hand_over(&client, waiting, rate, &delivery) => handed_over,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // Sends what was handed over, whatever the reason for the end.
    let closed = client.close().await;
    let report = delivery.finish(connection.hub())?;
    handed_over?;
    closed.map_err(|error| format!("cannot close the connection to event hub `{}`: {error}", connection.hub()))?;
    Ok(report)
}

async fn hand_over(
    client: &BufferedProducerClient,
    mut waiting: mpsc::Receiver<io::Result<OutgoingEvent>>,
    rate: Option<u32>,
    delivery: &Delivery,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut handed_over = 0_u64;
    while let Some(event) = waiting.recv().await {
        let event = event.map_err(|error| format!("cannot read event {handed_over}: {error}"))?;
        if delivery.has_failed() {
            return Ok(());
        }
        if let Some(rate) = rate {
            let due = started + Duration::from_secs_f64(handed_over as f64 / f64::from(rate));
            if due > Instant::now() + PACE {
                tokio::time::sleep_until(due).await;
            }
        }
        let partition_key = event.session.as_deref().map(|session| partition_key(session).into_owned());
        let options = EnqueueEventOptions { partition_key, ..EnqueueEventOptions::default() };
        client
            .enqueue_event(event.body, Some(options))
            .await
            .map_err(|error| format!("cannot hand over event {handed_over}: {error}"))?;
        handed_over += 1;
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
