//! `clickstream generate`: a shop's visitors as a stream of events, one JSON object per line.
//!
//! Promises: the same arguments give the same bytes, on any machine and whatever the time is; the shop's own events
//! are well formed and in order of their time; what spoils them (`malformed`, `late`, `duplicates`) is added by a
//! stated fraction. Knows nothing of Event Hubs, partitions or tables; a [`GeneratedEvent`] carries the key it would be
//! partitioned by.
//!
//! Reading order: [`catalog`] (what there is to see and who looks), [`visit`] (how one visitor moves), [`crowd`] (all
//! visitors interleaved), [`record`] (the bytes of an event), [`spoil`] (how it can break), [`shop`] (the stream).

mod catalog;
mod crowd;
mod dice;
mod record;
mod shop;
mod spoil;
#[cfg(test)]
mod tests;
mod visit;

pub use shop::{DEFAULT_START, GeneratedEvent, Shop};

use clickstream::event::time::Timestamp;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use thiserror::Error;

const EVENTS_PER_PROGRESS_LINE: u64 = 50_000;

#[derive(Debug, Clone, clap::Args)]
pub struct GenerateArgs {
    /// How many events to write, duplicates and malformed ones included
    #[arg(long, default_value_t = 10_000)]
    pub events: u64,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many people the shop knows; each visits about twice a day
    #[arg(long, default_value_t = shop::DEFAULT_USERS, value_parser = clap::value_parser!(u32).range(1..))]
    pub users: u32,
    /// Fraction of events that are broken in some way, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    pub malformed: f64,
    /// Fraction of events that are sent hours after they happened, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    pub late: f64,
    /// Fraction of events that are sent twice, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    pub duplicates: f64,
    /// Give events an event_id, and purchases a transaction_id
    #[arg(long)]
    pub ids: bool,
    /// When the first visitor may come
    #[arg(long, default_value_t = DEFAULT_START, value_parser = start)]
    pub start: Timestamp,
    /// The file to write, or - for standard output
    #[arg(long, default_value = "-")]
    pub out: PathBuf,
}

impl GenerateArgs {
    pub fn shop(&self) -> Shop {
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

/// The events could not be written.
#[derive(Debug, Error)]
pub enum GenerateError {
    #[error("could not create `{path}`")]
    Create { path: PathBuf, source: io::Error },
    #[error("could not write events to `{path}`")]
    Write { path: PathBuf, source: io::Error },
}

/// Writes what the arguments ask for. A reader of standard output that has seen enough is not an error.
pub fn run(args: &GenerateArgs) -> Result<(), GenerateError> {
    let path = &args.out;
    let shop = args.shop();
    if path.as_os_str() == "-" {
        return match write_ndjson(&shop, io::stdout().lock()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|source| GenerateError::Write { path: path.clone(), source }),
        };
    }
    let file = File::create(path).map_err(|source| GenerateError::Create { path: path.clone(), source })?;
    let written = match io::stderr().is_terminal() {
        true => write_lines(with_progress(shop.stream(), args.events), file),
        false => write_ndjson(&shop, file),
    };
    written.map_err(|source| GenerateError::Write { path: path.clone(), source })
}

/// One body per line; no body holds a newline.
pub fn write_ndjson(shop: &Shop, out: impl Write) -> io::Result<()> {
    write_lines(shop.stream(), out)
}

fn write_lines(events: impl Iterator<Item = GeneratedEvent>, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    for event in events {
        out.write_all(&event.body)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn with_progress(events: impl Iterator<Item = GeneratedEvent>, total: u64) -> impl Iterator<Item = GeneratedEvent> {
    let mut done = 0;
    events.inspect(move |_| {
        done += 1;
        if done % EVENTS_PER_PROGRESS_LINE == 0 || done == total {
            eprint!("\r{done} of {total} events{}", if done == total { "\n" } else { "" });
        }
    })
}

fn fraction(text: &str) -> Result<f64, String> {
    let fraction: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&fraction) { Ok(fraction) } else { Err("a fraction lies between 0 and 1".to_owned()) }
}

fn start(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "not a time, write it as 2026-01-05T00:00:00Z".to_owned())
}
