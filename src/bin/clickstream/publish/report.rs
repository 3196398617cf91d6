//! What a person sees of a run that publishes: one line while it sends, and the outcome.

use super::super::table::grouped;
use event_hubs::publisher::{Tally, Totals};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub hub: String,
    pub totals: Totals,
    pub elapsed: Duration,
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

/// Shows how many events the hub has accepted, where a terminal can overwrite the line.
pub struct StatusLine {
    tally: Tally,
    /// How many events there will be, where that is known.
    total: Option<u64>,
    started: Instant,
    task: Option<JoinHandle<()>>,
}

impl StatusLine {
    /// Time counts from here: signing in is not sending.
    pub fn start(tally: Tally, total: Option<u64>) -> Self {
        let started = Instant::now();
        let shown = tally.clone();
        let task = io::stderr().is_terminal().then(|| {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(SHOW_EVERY).await;
                    show(shown.totals(), total, started);
                }
            })
        });
        StatusLine { tally, total, started, task }
    }

    /// Shows the line for the last time.
    pub fn finish(self, hub: &str) -> Report {
        let (totals, elapsed) = (self.tally.totals(), self.started.elapsed());
        if let Some(task) = self.task {
            task.abort();
            show(totals, self.total, self.started);
            eprintln!();
        }
        Report { hub: hub.to_owned(), totals, elapsed }
    }
}

fn show(totals: Totals, total: Option<u64>, started: Instant) {
    let of_total = total.map(|total| format!(" of {}", grouped(total as i64))).unwrap_or_default();
    let per_second = totals.events as f64 / started.elapsed().as_secs_f64().max(0.001);
    eprint!("\r\x1b[2Kaccepted {}{of_total} events, {per_second:.0}/s", grouped(totals.events as i64));
    let _ = io::stderr().flush();
}
