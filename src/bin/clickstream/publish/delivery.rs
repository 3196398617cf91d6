//! What became of the events: counted when the hub has accepted or refused them, not when they were sent.

use super::super::Failure;
use super::super::table::grouped;
use azure_messaging_eventhubs::{SendBatchFailedContext, SendBatchSucceededContext};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub hub: String,
    pub events: u64,
    pub bytes: u64,
    pub batches: u64,
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { hub, events, bytes, batches, elapsed } = self;
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

/// Shared by all that send.
#[derive(Clone)]
pub struct Delivery {
    /// How many events there will be, where that is known.
    total: Option<u64>,
    counts: Arc<Mutex<Counts>>,
    is_terminal: bool,
}

struct Counts {
    started: Instant,
    events: u64,
    bytes: u64,
    batches: u64,
    refused: u64,
    /// Of the first batch that was refused.
    reason: Option<String>,
    shown: Instant,
}

impl Delivery {
    pub fn new(total: Option<u64>) -> Self {
        let now = Instant::now();
        let counts = Counts { started: now, events: 0, bytes: 0, batches: 0, refused: 0, reason: None, shown: now };
        Delivery { total, counts: Arc::new(Mutex::new(counts)), is_terminal: io::stderr().is_terminal() }
    }

    /// Time counts from here: signing in is not sending.
    pub fn start(&self) {
        self.counts().started = Instant::now();
    }

    pub fn accepted(&self, batch: &SendBatchSucceededContext) {
        let mut counts = self.counts();
        counts.events += batch.events.len() as u64;
        counts.bytes += batch.events.iter().filter_map(|event| event.body()).map(|body| body.len() as u64).sum::<u64>();
        counts.batches += 1;
        if self.is_terminal && counts.shown.elapsed() >= PROGRESS_EVERY {
            counts.shown = Instant::now();
            self.show(&counts);
        }
    }

    /// The client has tried again as often as makes sense.
    pub fn refused(&self, batch: &SendBatchFailedContext) {
        let mut counts = self.counts();
        counts.refused += batch.events.len() as u64;
        counts.reason.get_or_insert_with(|| format!("partition {}: {}", batch.partition_id, batch.error));
    }

    pub fn has_failed(&self) -> bool {
        self.counts().reason.is_some()
    }

    /// To be called when nothing is under way any more.
    pub fn finish(&self, hub: &str) -> Result<Report, Failure> {
        let counts = self.counts();
        if self.is_terminal {
            self.show(&counts);
            eprintln!();
        }
        if let Some(reason) = &counts.reason {
            return Err(format!(
                "cannot publish to event hub `{hub}`: {} events were accepted and {} were not, the first of them at {reason}",
                grouped(counts.events as i64),
                grouped(counts.refused as i64),
            )
            .into());
        }
        Ok(Report {
            hub: hub.to_owned(),
            events: counts.events,
            bytes: counts.bytes,
            batches: counts.batches,
            elapsed: counts.started.elapsed(),
        })
    }

    fn show(&self, counts: &Counts) {
        let of_total = self.total.map(|total| format!(" of {}", grouped(total as i64))).unwrap_or_default();
        let per_second = counts.events as f64 / counts.started.elapsed().as_secs_f64().max(0.001);
        eprint!("\r\x1b[2Kaccepted {}{of_total} events, {per_second:.0}/s", grouped(counts.events as i64));
        let _ = io::stderr().flush();
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
