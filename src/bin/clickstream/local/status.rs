//! What a run has done so far: counted from the events of the host and the reports of the functions, and shown on a status line
//! with problems above it.
//!
//! Does not know how a run ends.

use super::endpoint::Source;
use crate::terminal::StatusLine;
use clickstream::event::time::Timestamp;
use functions_host::{Delivered, DeliveryKind, DeliveryOutcome, HostEvent, InvocationOutcome, OutputStream, Start};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

const TERMINAL_EVERY: Duration = Duration::from_millis(200);
/// Without a terminal, each status is a line of its own.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// The status shows the median duration of this many invocations.
const MEDIAN_OF: usize = 1_000;

/// What was delivered, and what the functions report of it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Tally {
    /// The number of events of the source; `None` in a run that does not end by itself.
    expected: Option<usize>,
    received: i64,
    duplicates_dropped: i64,
    pub bronze_rows: i64,
    silver_rows: i64,
    quarantined: i64,
    commits: i64,
    invocations: u64,
    /// Batches that a fault of the host delivered again.
    repeated: u64,
    /// Moves of partitions and timer functions to another instance.
    moves: u64,
    /// Batches that the host gave up on.
    lost: u64,
    retries: u64,
    handler_starts: u64,
    /// From the last start of a handler to its first answer.
    ready_after_ms: u128,
    /// The duration of the last run of a timer function.
    timer_ms: u128,
    sessions_written: i64,
    late_events: i64,
    /// Microseconds since the epoch.
    watermark: Option<i64>,
    #[serde(skip)]
    durations: Vec<Duration>,
}

/// Counts and shows the events of the host in the background.
pub struct RunStatus {
    task: JoinHandle<Tally>,
    gave_up: oneshot::Receiver<String>,
}

impl RunStatus {
    /// Shows the number of events of the source `counted`, if there is one.
    pub fn follow(events: mpsc::UnboundedReceiver<HostEvent>, counted: Option<Source>) -> Self {
        let (sender, gave_up) = oneshot::channel();
        RunStatus { task: tokio::spawn(follow(events, counted, sender)), gave_up }
    }

    /// Resolves when the host stops for good, with its reason.
    pub async fn gave_up(&mut self) -> String {
        match (&mut self.gave_up).await {
            Ok(reason) => reason,
            Err(_) => std::future::pending().await,
        }
    }

    /// The final numbers, once the host has stopped.
    pub async fn finish(self) -> Tally {
        self.task.await.unwrap_or_default()
    }
}

async fn follow(
    mut events: mpsc::UnboundedReceiver<HostEvent>,
    counted: Option<Source>,
    gave_up: oneshot::Sender<String>,
) -> Tally {
    let mut gave_up = Some(gave_up);
    let mut tally = Tally::default();
    let mut line = StatusLine::new();
    let started = Instant::now();
    let show = |tally: &mut Tally, line: &mut StatusLine| {
        tally.expected = counted.as_ref().map(Source::events);
        line.show(&tally.status(started.elapsed()));
    };
    let mut ticks = tokio::time::interval(if line.is_terminal() { TERMINAL_EVERY } else { LOG_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                None => break,
                Some(HostEvent::HostGaveUp { reason }) => {
                    gave_up.take().map(|sender| sender.send(reason));
                }
                Some(event) => if let Some(problem) = tally.count(event) {
                    line.print(&problem);
                },
            },
            _ = ticks.tick() => show(&mut tally, &mut line),
        }
    }
    show(&mut tally, &mut line);
    line.keep();
    tally
}

impl Tally {
    /// Counts `event`. Returns the line that a person should read about it, if there is one.
    fn count(&mut self, event: HostEvent) -> Option<String> {
        match event {
            HostEvent::Delivered(delivered) => self.delivered(delivered),
            HostEvent::TimerRan { function, outcome, duration } => self.timer_ran(&function, outcome, duration),
            HostEvent::Retrying { function, partition, attempt, delay, reason } => {
                self.retries += 1;
                let of_partition = partition.map(|id| format!(" of partition {id}")).unwrap_or_default();
                let text =
                    || format!("`{function}`{of_partition} failed, next try in {} ms: {reason}", delay.as_millis());
                // Only the first failure is news.
                (attempt == 1).then(text)
            }
            HostEvent::HandlerStarted { instance, start, pid, ready_after } => {
                self.handler_starts += 1;
                self.ready_after_ms = ready_after.as_millis();
                (start == Start::Again)
                    .then(|| format!("the handler of instance {instance} is running again as process {pid}"))
            }
            HostEvent::Moved { function, partition, from, to } => {
                self.moves += 1;
                let of_partition = partition.map(|id| format!("partition {id} of ")).unwrap_or_default();
                Some(format!("{of_partition}`{function}` moved from instance {from} to {to}"))
            }
            HostEvent::HandlerExited { status, restarting } => {
                let next = if restarting { "; the host restarts it" } else { "" };
                Some(format!("the handler ended with {status}{next}"))
            }
            HostEvent::HandlerOutput { stream: OutputStream::Stderr, line } => Some(format!("handler: {line}")),
            HostEvent::HandlerOutput { stream: OutputStream::Stdout, line } => handler_error(&line),
            HostEvent::FunctionInError { function, reason } => {
                Some(format!("cannot run function `{function}`: {reason}"))
            }
            HostEvent::SourceFailed { partition, reason } => {
                Some(format!("cannot read partition {partition} of the source: {reason}"))
            }
            HostEvent::StateNotWritten { function, reason } => {
                Some(format!("cannot write the checkpoint of `{function}`: {reason}"))
            }
            HostEvent::HostGaveUp { .. } => None,
        }
    }

    fn delivered(&mut self, delivered: Delivered) -> Option<String> {
        self.invocations += u64::from(delivered.attempts);
        self.repeated += u64::from(delivered.kind != DeliveryKind::Regular);
        if self.durations.len() == MEDIAN_OF {
            self.durations.remove(0);
        }
        self.durations.push(delivered.duration);
        delivered.logs.iter().for_each(|log| self.add_report(log));
        match delivered.outcome {
            DeliveryOutcome::Lost { reason } => {
                self.lost += 1;
                Some(format!(
                    "the host gave up on {} events for `{}`, sequence numbers {} to {} of partition {}: {reason}",
                    delivered.events,
                    delivered.function,
                    delivered.first_sequence_number,
                    delivered.last_sequence_number,
                    delivered.partition
                ))
            }
            _ => None,
        }
    }

    fn timer_ran(&mut self, function: &str, outcome: InvocationOutcome, duration: Duration) -> Option<String> {
        self.timer_ms = duration.as_millis();
        match outcome {
            InvocationOutcome::Succeeded(answer) => {
                answer.logs.iter().for_each(|log| self.add_report(log));
                None
            }
            InvocationOutcome::Failed(failure) => Some(format!("`{function}` failed: {failure}")),
            InvocationOutcome::Abandoned => None,
        }
    }

    /// Adds the report of a function.
    fn add_report(&mut self, report: &str) {
        let Ok(report) = serde_json::from_str::<Value>(report) else { return };
        let count = |name: &str| report.get(name).and_then(Value::as_i64).unwrap_or(0);
        self.received += count("received");
        self.duplicates_dropped += count("duplicates");
        self.bronze_rows += count("bronze_rows");
        self.silver_rows += count("silver_rows");
        self.quarantined += count("quarantined");
        self.commits += count("commits");
        if let Some(run) = report.get("run").filter(|run| !run.is_null()) {
            let count = |name: &str| run.get(name).and_then(Value::as_i64).unwrap_or(0);
            self.commits += 1;
            self.sessions_written += count("sessions_written");
            self.late_events += count("late_events");
        }
        self.watermark = report.get("watermark").and_then(Value::as_i64).or(self.watermark);
    }

    fn status(&self, elapsed: Duration) -> String {
        let expected = self.expected.map(|expected| format!(" of {expected}")).unwrap_or_default();
        let per_second = self.bronze_rows as f64 / elapsed.as_secs_f64().max(0.001);
        let watermark = self.watermark.map_or_else(|| "none".to_owned(), |at| Timestamp(at).to_string());
        format!(
            "received {}{expected} ({per_second:.0}/s), bronze {}, silver {}, quarantine {}, duplicates {}, sessions {}, \
             commits {}, invocation {} ms, watermark {watermark}",
            self.received,
            self.bronze_rows,
            self.silver_rows,
            self.quarantined,
            self.duplicates_dropped,
            self.sessions_written,
            self.commits,
            self.median_ms(),
        )
    }

    fn median_ms(&self) -> u128 {
        let mut durations = self.durations.clone();
        durations.sort_unstable();
        durations.get(durations.len() / 2).map_or(0, Duration::as_millis)
    }
}

/// The reason in a line of the handler's log, if the line is about a failure.
fn handler_error(line: &str) -> Option<String> {
    let record: Value = serde_json::from_str(line).ok()?;
    let level = record.get("level")?.as_str()?;
    let fields = record.get("fields")?;
    let reason = fields.get("reason").or_else(|| fields.get("message"))?.as_str()?;
    // The host reports failed invocations, because it knows what happens next.
    (level == "ERROR" && fields.get("function").is_none()).then(|| format!("handler: {reason}"))
}
