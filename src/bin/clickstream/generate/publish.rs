//! `clickstream generate --to eventhub`: sends events to an event hub.
//!
//! Promises: the events of one session keep their order and go to one partition. A slow event hub slows the reading down. The
//! number that is printed counts the events that the event hub accepted. If it refuses an event for good, the command ends
//! and says how many were accepted and how many were not. Does not know anything about an event except its session.
//!
//! The publisher of `event-hubs` never waits for ever: it repeats a send that gets no answer, so the event hub may store an
//! event twice. Clickstream recognises such duplicates by `event_id`, as it does when a batch is redelivered.

use crate::command::{Failure, cannot};
use crate::shop::Shop;
use crate::source;
use crate::terminal::{StatusLine, grouped};
use event_hubs::publisher::{
    Destination, Limits, MAX_KEY_BYTES, OutgoingEvent, PublishError, Publisher, Tally, Totals,
};
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

/// Events that are read before the publisher asks for them.
const READ_AHEAD: usize = 4_096;

/// A pause that is shorter than this is not worth its cost.
const MIN_PAUSE: Duration = Duration::from_millis(2);

const SHOW_EVERY: Duration = Duration::from_millis(200);

/// One event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Events of one session stay together. An event without a session goes to any partition.
    pub session: Option<String>,
    pub body: Vec<u8>,
}

pub type Events = Box<dyn Iterator<Item = io::Result<Event>> + Send>;

pub fn events_of_shop(shop: &Shop) -> Events {
    Box::new(shop.stream().map(|event| Ok(Event { session: Some(event.key), body: event.body })))
}

/// `-` is standard input. A blank line is not an event.
pub fn events_of_file(path: &Path) -> io::Result<Events> {
    let reader: Box<dyn BufRead + Send> = if path.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::with_capacity(1 << 16, File::open(path).map_err(cannot("read", path))?))
    };
    Ok(Box::new(reader.split(b'\n').filter_map(|line| line.map(event_of_line).transpose())))
}

fn event_of_line(mut line: Vec<u8>) -> Option<Event> {
    if line.ends_with(b"\r") {
        line.pop();
    }
    let session = source::session_id(&line).map(str::to_owned);
    (!line.trim_ascii().is_empty()).then_some(Event { session, body: line })
}

/// Reads `events` on a thread of its own, because a file or a terminal must not block the network. A thread that waits for a
/// terminal ends with the process.
fn read_ahead(events: Events) -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (sender, waiting) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new().name("events".into()).spawn(move || {
        // Sending fails once the receiver is gone.
        let _ = events.into_iter().try_for_each(|event| sender.blocking_send(event));
    })?;
    Ok(waiting)
}

/// Sends all `events`, or as many as there are until Ctrl-C, and waits until each is accepted.
pub async fn publish(
    events: Events,
    destination: Destination,
    rate: Option<u32>,
    total: Option<u64>,
) -> Result<Report, Failure> {
    let hub = destination.hub().to_owned();
    let mut publisher = Publisher::open(destination, Limits::default()).await?;
    let waiting = read_ahead(events)?;
    let mut status = Status { line: StatusLine::new(), tally: publisher.tally(), total, started: Instant::now() };
    let work = async {
        let sent = tokio::select! {
            sent = send(&mut publisher, waiting, rate) => sent,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        // However the sending ended: the publisher still has events that were handed over to it.
        (sent, publisher.close().await)
    };
    let (sent, closed) = tokio::select! {
        ended = work => ended,
        never = status.follow() => match never {},
    };
    let report = status.finish(hub);
    match closed {
        Err(PublishError::Refused { reason, .. }) => Err(refused(&report, &reason)),
        closed => {
            sent?;
            closed?;
            Ok(report)
        }
    }
}

async fn send(
    publisher: &mut Publisher,
    mut waiting: mpsc::Receiver<io::Result<Event>>,
    rate: Option<u32>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut sent = 0_u64;
    while let Some(event) = waiting.recv().await {
        let event = event.map_err(|error| format!("cannot read event {sent}: {error}"))?;
        if let Some(rate) = rate {
            let due = started + Duration::from_secs_f64(sent as f64 / f64::from(rate));
            if due > Instant::now() + MIN_PAUSE {
                tokio::time::sleep_until(due).await;
            }
        }
        let partition_key = event.session.as_deref().map(|session| partition_key(session).into_owned());
        publisher.send(OutgoingEvent { partition_key, body: event.body }).await?;
        sent += 1;
    }
    Ok(())
}

/// The session id, or its hash if it is too long. Equal sessions have equal keys.
pub fn partition_key(session: &str) -> Cow<'_, str> {
    match session.len() {
        0..=MAX_KEY_BYTES => Cow::Borrowed(session),
        _ => Cow::Owned(format!("{:032x}", xxh3_128(session.as_bytes()))),
    }
}

fn refused(report: &Report, reason: &str) -> Failure {
    let Totals { events, refused, .. } = report.totals;
    format!(
        "cannot publish to event hub `{}`: {} events were accepted and {} were not, the first of them at {reason}",
        report.hub,
        grouped(events as i64),
        grouped(refused as i64),
    )
    .into()
}

/// Shows on a terminal how many events the event hub has accepted.
struct Status {
    line: StatusLine,
    tally: Tally,
    /// The number of events to send, if it is known.
    total: Option<u64>,
    /// After signing in, which is not part of sending.
    started: Instant,
}

impl Status {
    async fn follow(&mut self) -> Infallible {
        loop {
            tokio::time::sleep(SHOW_EVERY).await;
            self.show();
        }
    }

    fn show(&mut self) {
        if self.line.is_terminal() {
            let Totals { events, .. } = self.tally.totals();
            let of_total = self.total.map(|total| format!(" of {}", grouped(total as i64))).unwrap_or_default();
            let per_second = events as f64 / self.started.elapsed().as_secs_f64().max(0.001);
            self.line.show(&format!("accepted {}{of_total} events, {per_second:.0}/s", grouped(events as i64)));
        }
    }

    fn finish(mut self, hub: String) -> Report {
        let report = Report { hub, totals: self.tally.totals(), elapsed: self.started.elapsed() };
        self.show();
        self.line.keep();
        report
    }
}

/// What the event hub has accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    hub: String,
    totals: Totals,
    elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { hub, totals: Totals { events, bytes, batches, .. }, elapsed } = self;
        let seconds = elapsed.as_secs_f64().max(0.001);
        write!(
            formatter,
            "event hub `{hub}` accepted {} events, {:.1} MB in {} batches, in {seconds:.1} s: {} events/s, {:.1} MB/s",
            grouped(*events as i64),
            *bytes as f64 / 1e6,
            grouped(*batches as i64),
            grouped((*events as f64 / seconds) as i64),
            *bytes as f64 / 1e6 / seconds
        )
    }
}
