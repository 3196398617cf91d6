//! What a run has done so far: counted from the events of the host and the reports of the functions, and shown on a status line
//! with problems above it.
//!
//! Does not know how a run ends.

use super::endpoint::Source;
use super::problems::{Problems, cannot_heal, described};
use crate::command::Failure;
use crate::terminal::StatusLine;
use clickstream::event::time::Timestamp;
use functions_host::{
    AttemptFailure, Delivered, DeliveryKind, DeliveryOutcome, HostEvent, InvocationOutcome, OutputStream, PartitionId,
    Start,
};
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

/// The real host stops at the third error.
const MAX_FAILED_STARTS: u32 = 3;

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
    /// Handlers that ended by themselves before they were ready, since one last was.
    #[serde(skip)]
    failed_starts: u32,
    /// The last error of the handler.
    #[serde(skip)]
    handler_said: Option<String>,
}

/// When a run ends because of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As soon as a problem cannot heal without a person.
    UntilItCannotHeal,
    /// Only when the host gives up. The real host never does.
    Endless,
}

/// What an event of the host is for a person.
enum News {
    Nothing,
    /// Worth a line each time.
    Line(String),
    /// May pass.
    Problem(String),
    /// Stays until a person changes something.
    CannotHeal(String),
}

/// Counts and shows the events of the host in the background.
pub struct RunStatus {
    task: JoinHandle<Tally>,
    failed: oneshot::Receiver<Failure>,
}

impl RunStatus {
    /// Shows the number of events of the source `counted`, if there is one.
    pub fn follow(events: mpsc::UnboundedReceiver<HostEvent>, counted: Option<Source>, patience: Patience) -> Self {
        let (sender, failed) = oneshot::channel();
        RunStatus { task: tokio::spawn(follow(events, counted, patience, sender)), failed }
    }

    /// Resolves when the run has to end, with the reason.
    pub async fn failed(&mut self) -> Failure {
        match (&mut self.failed).await {
            Ok(failure) => failure,
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
    patience: Patience,
    failed: oneshot::Sender<Failure>,
) -> Tally {
    let mut failed = Some(failed);
    let (mut tally, mut problems) = (Tally::default(), Problems::default());
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
        let event = tokio::select! {
            event = events.recv() => event,
            _ = ticks.tick() => {
                show(&mut tally, &mut line);
                continue;
            }
        };
        let Some(event) = event else { break };
        let has_given_up = matches!(event, HostEvent::HostGaveUp { .. });
        let printed = match tally.count(event) {
            News::Nothing => None,
            News::Line(text) => Some(text),
            News::CannotHeal(reason) if has_given_up || patience == Patience::UntilItCannotHeal => {
                failed.take().map(|sender| sender.send(reason.into()));
                None
            }
            News::Problem(text) | News::CannotHeal(text) => problems.add(text),
        };
        printed.into_iter().for_each(|text| line.print(&text));
    }
    problems.repeated().for_each(|text| line.print(&text));
    show(&mut tally, &mut line);
    line.keep();
    tally
}

impl Tally {
    /// Counts `event`. Returns what a person should read about it.
    fn count(&mut self, event: HostEvent) -> News {
        match event {
            HostEvent::Delivered(delivered) => self.delivered(delivered),
            HostEvent::TimerRan { function, outcome, duration } => self.timer_ran(&function, outcome, duration),
            HostEvent::Retrying { function, partition, delay, failure, .. } => {
                self.retries += 1;
                failed_attempt(&function, partition, delay, &failure)
            }
            HostEvent::HandlerStarted { instance, start, pid, ready_after } => {
                self.handler_starts += 1;
                self.ready_after_ms = ready_after.as_millis();
                self.failed_starts = 0;
                match start {
                    Start::First => News::Nothing,
                    Start::Again => {
                        News::Line(format!("the handler of instance {instance} is running again as process {pid}"))
                    }
                }
            }
            HostEvent::Moved { function, partition, from, to } => {
                self.moves += 1;
                let of_partition = partition.map(|id| format!("partition {id} of ")).unwrap_or_default();
                News::Line(format!("{of_partition}`{function}` moved from instance {from} to {to}"))
            }
            HostEvent::HandlerExited { status, code, was_ready, restarting } => {
                // A handler that was killed before may start next time, and a port may become free.
                let is_port_taken = self.handler_said.as_deref().is_some_and(|said| said.contains("in use"));
                self.failed_starts += u32::from(code.is_some() && !was_ready && !is_port_taken);
                self.handler_exited(&status, restarting)
            }
            HostEvent::HandlerOutput { stream, line } => match handler_error(stream, &line) {
                Some(said) => {
                    self.handler_said = Some(said.clone());
                    News::Problem(format!("handler: {said}"))
                }
                None => News::Nothing,
            },
            HostEvent::FunctionInError { function, reason } => {
                News::CannotHeal(format!("cannot run function `{function}`: {reason}"))
            }
            HostEvent::SourceFailed { partition, reason } => {
                News::CannotHeal(format!("cannot read partition {partition} of the source: {reason}"))
            }
            HostEvent::StateNotWritten { function, reason } => {
                News::Problem(format!("cannot write the checkpoint of `{function}`: {reason}"))
            }
            HostEvent::HostGaveUp { reason } => {
                News::CannotHeal(format!("cannot run the functions, the host gave up: {reason}"))
            }
        }
    }

    fn handler_exited(&self, status: &str, restarting: bool) -> News {
        if self.failed_starts >= MAX_FAILED_STARTS {
            let said = self.handler_said.as_deref().unwrap_or("it says nothing");
            return News::CannotHeal(format!("cannot start the handler, it ended with {status}: {said}"));
        }
        match restarting {
            true => News::Line(format!("the handler ended with {status}; the host restarts it")),
            false => News::CannotHeal(format!("the handler ended with {status}; the host does not restart it")),
        }
    }

    fn delivered(&mut self, delivered: Delivered) -> News {
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
                News::Line(format!(
                    "the host gave up on {} events for `{}`, sequence numbers {} to {} of partition {}: {reason}",
                    delivered.events,
                    delivered.function,
                    delivered.first_sequence_number,
                    delivered.last_sequence_number,
                    delivered.partition
                ))
            }
            _ => News::Nothing,
        }
    }

    fn timer_ran(&mut self, function: &str, outcome: InvocationOutcome, duration: Duration) -> News {
        self.timer_ms = duration.as_millis();
        match outcome {
            InvocationOutcome::Succeeded(answer) => {
                answer.logs.iter().for_each(|log| self.add_report(log));
                News::Nothing
            }
            InvocationOutcome::Failed(failure) => {
                let text = format!("`{function}` failed: {}", described(&failure));
                if cannot_heal(&failure) { News::CannotHeal(text) } else { News::Problem(text) }
            }
            InvocationOutcome::Abandoned => News::Nothing,
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

fn failed_attempt(function: &str, partition: Option<PartitionId>, delay: Duration, failure: &AttemptFailure) -> News {
    let of_partition = partition.map(|id| format!(" of partition {id}")).unwrap_or_default();
    let reason = described(failure);
    match cannot_heal(failure) {
        true => News::CannotHeal(format!("cannot process the events{of_partition}: `{function}` failed: {reason}")),
        false => {
            let delay = delay.as_millis();
            News::Problem(format!("`{function}`{of_partition} failed, next try in {delay} ms: {reason}"))
        }
    }
}

/// What a line of the handler says, if it is about a failure.
fn handler_error(stream: OutputStream, line: &str) -> Option<String> {
    if stream == OutputStream::Stderr {
        return Some(line.to_owned());
    }
    let record: Value = serde_json::from_str(line).ok()?;
    let level = record.get("level")?.as_str()?;
    let fields = record.get("fields")?;
    let reason = fields.get("reason").or_else(|| fields.get("message"))?.as_str()?;
    // The host reports failed invocations, because it knows what happens next.
    (level == "ERROR" && fields.get("function").is_none()).then(|| reason.to_owned())
}
