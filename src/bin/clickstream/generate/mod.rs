//! `clickstream generate`: events into a file or into an event hub.
//!
//! The events are those of the synthetic [`shop`](crate::shop), or the lines of a file. This file knows the arguments and
//! writes files; [`publish`] sends.

mod publish;
#[cfg(test)]
mod tests;

use crate::command::{self, Failure, Verdict, cannot};
use crate::shop::{self, DEFAULT_START, DEFAULT_USERS, GeneratedEvent, Shop};
use crate::terminal::StatusLine;
use clickstream::event::time::Timestamp;
use event_hubs::publisher::{Destination, DestinationError, Identity};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const EVENTS_PER_STATUS: u64 = 50_000;

/// A connection string comes from the environment only, because every process of the machine can read a command line.
const CONNECTION_STRING: &str = "EVENTHUB_CONNECTION_STRING";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum To {
    File,
    Eventhub,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Number of events to write, with the duplicates and the malformed ones
    #[arg(long, default_value_t = 10_000)]
    events: u64,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of users of the shop; each visits it about twice a day
    #[arg(long, default_value_t = DEFAULT_USERS, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Fraction of events that are malformed in some way, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    malformed: f64,
    /// Fraction of events that are sent hours after they happened, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    late: f64,
    /// Fraction of events that are sent twice, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    duplicates: f64,
    /// Give each event an event_id, and each purchase a transaction_id
    #[arg(long)]
    ids: bool,
    /// When the first visitor arrives
    #[arg(long, default_value_t = DEFAULT_START, value_parser = start)]
    start: Timestamp,
    /// Where the events go: into a file (see --out) or to an event hub
    #[arg(long, value_enum, default_value_t = To::File)]
    to: To,
    /// The file to write; - is standard output
    #[arg(long, default_value = "-")]
    out: PathBuf,
    /// Namespace of the event hub, such as shop.servicebus.windows.net [default: that of EVENTHUB_CONNECTION_STRING]
    #[arg(long)]
    namespace: Option<String>,
    /// Name of the event hub [default: that of EVENTHUB_CONNECTION_STRING, if it has one]
    #[arg(long)]
    hub: Option<String>,
    /// Publish the events of this file, one per line, instead of generated ones; - is standard input
    #[arg(long, conflicts_with_all = ["events", "seed", "users", "malformed", "late", "duplicates", "ids", "start"])]
    input: Option<PathBuf>,
    /// Events per second [default: as fast as the event hub accepts them]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

impl Arguments {
    fn shop(&self) -> Shop {
        Shop {
            events: Some(self.events),
            seed: self.seed,
            users: self.users,
            malformed: self.malformed,
            late: self.late,
            duplicates: self.duplicates,
            ids: self.ids,
            start: self.start,
        }
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&fraction) { Ok(fraction) } else { Err("must be between 0 and 1".to_owned()) }
}

fn start(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| "not a time; write it as 2026-01-05T00:00:00Z".to_owned())
}

pub fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    match arguments.to {
        To::File => to_file(&arguments)?,
        To::Eventhub => to_eventhub(&arguments)?,
    }
    Ok(Verdict::Holds)
}

fn to_file(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { namespace: None, hub: None, input: None, rate: None, .. } = arguments else {
        let options = "`--namespace`, `--hub`, `--input` and `--rate`";
        return Err(format!("cannot use {options} for a file; add `--to eventhub`").into());
    };
    let shop = arguments.shop();
    if is_standard_stream(&arguments.out) {
        return match shop.write_ndjson(io::stdout().lock()) {
            // The reader has as many events as it wants.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| format!("cannot write to standard output: {error}").into()),
        };
    }
    let file = File::create(&arguments.out).map_err(cannot("create", &arguments.out))?;
    let events = with_status(shop.stream(), arguments.events);
    Ok(shop::write_lines(events, file).map_err(cannot("write", &arguments.out))?)
}

/// Shows on a terminal how many events are written.
fn with_status(events: impl Iterator<Item = GeneratedEvent>, total: u64) -> impl Iterator<Item = GeneratedEvent> {
    let mut line = StatusLine::new();
    let mut written = 0;
    events.inspect(move |_| {
        written += 1;
        if line.is_terminal() && (written % EVENTS_PER_STATUS == 0 || written == total) {
            line.show(&format!("{written} of {total} events"));
        }
        if written == total {
            line.keep();
        }
    })
}

fn is_standard_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn to_eventhub(arguments: &Arguments) -> Result<(), Failure> {
    if !is_standard_stream(&arguments.out) {
        return Err("cannot use `--out` for an event hub; remove it or `--to eventhub`".into());
    }
    let destination = destination_from_environment(arguments.namespace.clone(), arguments.hub.clone())?;
    let total = arguments.input.is_none().then_some(arguments.events);
    let events = match &arguments.input {
        Some(path) => publish::events_of_file(path)?,
        None => publish::events_of_shop(&arguments.shop()),
    };
    let report = command::block_on(publish::publish(events, destination, arguments.rate, total))?;
    println!("{report}");
    Ok(())
}

/// The event hub that the arguments and the environment name, and as whom to sign in: as the managed identity that Azure names
/// in the environment, else as the person who is signed in with `az` or `azd`.
fn destination_from_environment(namespace: Option<String>, hub: Option<String>) -> Result<Destination, Failure> {
    let connection_string = std::env::var(CONNECTION_STRING).ok().filter(|text| !text.is_empty());
    let identity = match std::env::var_os("IDENTITY_ENDPOINT") {
        Some(_) => Identity::Managed { client_id: std::env::var("AZURE_CLIENT_ID").ok() },
        None => Identity::Developer,
    };
    destination(namespace, hub, connection_string, identity)
}

/// Checks everything that can be checked without the network.
fn destination(
    namespace: Option<String>,
    hub: Option<String>,
    connection_string: Option<String>,
    identity: Identity,
) -> Result<Destination, Failure> {
    match (namespace, connection_string) {
        (Some(_), Some(_)) => Err(format!(
            "cannot choose an event hub: both `--namespace` and {CONNECTION_STRING} name one; remove one of them"
        )
        .into()),
        (None, None) => {
            Err(format!("cannot choose an event hub: give `--namespace` and `--hub`, or set {CONNECTION_STRING}")
                .into())
        }
        (Some(namespace), None) => {
            let hub = hub.ok_or("cannot choose an event hub: `--namespace` is given without `--hub`")?;
            Ok(Destination::with_identity(namespace, hub, identity))
        }
        (None, Some(text)) => Destination::with_connection_string(text, hub).map_err(|error| {
            let hint = if error == DestinationError::NoHub { "; give `--hub`" } else { "" };
            format!("cannot use {CONNECTION_STRING}: {error}{hint}").into()
        }),
    }
}
