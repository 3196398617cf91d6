//! What is going on, on one line that is always up to date; problems above it.

use functions_host::{Delivered, DeliveryKind, DeliveryOutcome, HostEvent, InvocationOutcome, OutputStream, Start};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

const TERMINAL_EVERY: Duration = Duration::from_millis(200);
/// Where the line cannot be overwritten.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Invocations whose duration is remembered.
const REMEMBERED: usize = 1_000;

/// What was delivered, as the functions report it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Tally {
    /// Events that the source has; while they may come for ever and nobody waits for the last, there is none.
    pub expected: Option<usize>,
    pub received: i64,
    pub duplicates_dropped: i64,
    pub bronze_rows: i64,
    pub silver_rows: i64,
    pub quarantined: i64,
    pub commits: i64,
    pub invocations: u64,
    /// Batches that a fault of the host delivered once more.
    pub repeated: u64,
    /// Partitions and timer functions that went to another instance.
    pub moves: u64,
    /// Batches that the host gave up.
    pub lost: u64,
    pub retries: u64,
    pub handler_starts: u64,
    /// From the last start of a handler to its first answer.
    pub ready_after_ms: u128,
    /// How long the last run of a timer function took.
    pub timer_ms: u128,
    pub sessions_written: i64,
    pub late_events: i64,
    /// Microseconds since the epoch.
    pub watermark: Option<i64>,
    #[serde(skip)]
    durations: Vec<Duration>,
}

pub struct Progress {
    task: JoinHandle<Tally>,
    gave_up: tokio::sync::Mutex<oneshot::Receiver<String>>,
}

impl Progress {
    /// `expected` counts the events that the source has.
    pub fn follow(
        events: mpsc::UnboundedReceiver<HostEvent>,
        expected: Option<impl Fn() -> usize + Send + Sync + 'static>,
        is_terminal: bool,
    ) -> Self {
        let (sender, gave_up) = oneshot::channel();
        let mut line = Line { is_terminal, is_open: false, started: Instant::now() };
        let task = tokio::spawn(async move { follow(events, expected, &mut line, sender).await });
        Progress { task, gave_up: tokio::sync::Mutex::new(gave_up) }
    }

    /// Resolves when the host stops for good, with its reason.
    pub async fn gave_up(&self) -> String {
        match (&mut *self.gave_up.lock().await).await {
            Ok(reason) => reason,
            Err(_) => std::future::pending().await,
        }
    }

    /// The last word, once the host has stopped.
    pub async fn finish(self) -> Tally {
        self.task.await.unwrap_or_default()
    }
}

async fn follow(
    mut events: mpsc::UnboundedReceiver<HostEvent>,
    expected: Option<impl Fn() -> usize>,
    line: &mut Line,
    gave_up: oneshot::Sender<String>,
) -> Tally {
    let mut gave_up = Some(gave_up);
    let mut tally = Tally::default();
    let count = |tally: &mut Tally| tally.expected = expected.as_ref().map(|count| count());
    let mut ticks = tokio::time::interval(if line.is_terminal { TERMINAL_EVERY } else { LOG_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                None => break,
                Some(HostEvent::HostGaveUp { reason }) => {
                    gave_up.take().map(|sender| sender.send(reason));
                }
                Some(event) => if let Some(problem) = tally.take(event) {
                    line.problem(&problem);
                },
            },
            _ = ticks.tick() => {
                count(&mut tally);
                line.show(&tally);
            }
        }
    }
    count(&mut tally);
    line.show(&tally);
    line.close();
    tally
}

impl Tally {
    /// Takes `event` in; what a person should read of it comes back.
    fn take(&mut self, event: HostEvent) -> Option<String> {
        match event {
            HostEvent::Delivered(delivered) => self.delivered(delivered),
            HostEvent::TimerRan { function, outcome, duration } => self.timer_ran(&function, outcome, duration),
            HostEvent::Retrying { function, partition, attempt, delay, reason } => {
                self.retries += 1;
                let of_partition = partition.map(|id| format!(" of partition {id}")).unwrap_or_default();
                // The first failure is news; that it goes on is not.
                let text = || format!("`{function}`{of_partition} failed, again in {} ms: {reason}", delay.as_millis());
                (attempt == 1).then(text)
            }
            HostEvent::HandlerStarted { instance, start, pid, ready_after } => {
                self.handler_starts += 1;
                self.ready_after_ms = ready_after.as_millis();
                (start == Start::Again)
                    .then(|| format!("the handler of instance {instance} is up again as process {pid}"))
            }
            HostEvent::Moved { function, partition, from, to } => {
                self.moves += 1;
                let of_partition = partition.map(|id| format!("partition {id} of ")).unwrap_or_default();
                Some(format!("{of_partition}`{function}` moved from instance {from} to {to}"))
            }
            HostEvent::HandlerExited { status, restarting } => {
                let next = if restarting { "; it is started again" } else { "" };
                Some(format!("the handler ended with {status}{next}"))
            }
            HostEvent::HandlerOutput { stream: OutputStream::Stderr, line } => Some(format!("handler: {line}")),
            HostEvent::HandlerOutput { stream: OutputStream::Stdout, line } => handler_error(&line),
            HostEvent::FunctionInError { function, reason } => {
                Some(format!("function `{function}` is not run: {reason}"))
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
        if self.durations.len() == REMEMBERED {
            self.durations.remove(0);
        }
        self.durations.push(delivered.duration);
        delivered.logs.iter().for_each(|log| self.ran(log));
        match delivered.outcome {
            DeliveryOutcome::Lost { reason } => {
                self.lost += 1;
                Some(format!(
                    "`{}` gave up {} events of partition {}, from sequence number {} to {}: {reason}",
                    delivered.function,
                    delivered.events,
                    delivered.partition,
                    delivered.first_sequence_number,
                    delivered.last_sequence_number
                ))
            }
            _ => None,
        }
    }

    fn timer_ran(&mut self, function: &str, outcome: InvocationOutcome, duration: Duration) -> Option<String> {
        self.timer_ms = duration.as_millis();
        match outcome {
            InvocationOutcome::Succeeded(answer) => {
                answer.logs.iter().for_each(|log| self.ran(log));
                None
            }
            InvocationOutcome::Failed(failure) => Some(format!("`{function}` failed: {failure}")),
            InvocationOutcome::Abandoned => None,
        }
    }

    /// A function's report.
    fn ran(&mut self, report: &str) {
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

    fn median_ms(&self) -> u128 {
        let mut durations = self.durations.clone();
        durations.sort_unstable();
        durations.get(durations.len() / 2).map_or(0, Duration::as_millis)
    }
}

/// The reason in a log line of the handler, if it is of a failure.
fn handler_error(line: &str) -> Option<String> {
    let record: Value = serde_json::from_str(line).ok()?;
    let level = record.get("level")?.as_str()?;
    let fields = record.get("fields")?;
    let reason = fields.get("reason").or_else(|| fields.get("message"))?.as_str()?;
    // A failed invocation is told by the host, which knows what becomes of it.
    (level == "ERROR" && fields.get("function").is_none()).then(|| format!("handler: {reason}"))
}

/// The line at the bottom of the terminal.
struct Line {
    is_terminal: bool,
    is_open: bool,
    started: Instant,
}

impl Line {
    fn show(&mut self, tally: &Tally) {
        let expected = tally.expected.map(|expected| format!(" of {expected}")).unwrap_or_default();
        let per_second = tally.bronze_rows as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let watermark =
            tally.watermark.map_or_else(|| "none".to_owned(), |at| clickstream::event::time::Timestamp(at).to_string());
        let text = format!(
            "received {}{expected} ({per_second:.0}/s), bronze {}, silver {}, quarantine {}, duplicates {}, sessions {}, \
             commits {}, invocation {} ms, watermark {watermark}",
            tally.received,
            tally.bronze_rows,
            tally.silver_rows,
            tally.quarantined,
            tally.duplicates_dropped,
            tally.sessions_written,
            tally.commits,
            tally.median_ms(),
        );
        if self.is_terminal {
            eprint!("\r\x1b[2K{text}");
            let _ = std::io::stderr().flush();
            self.is_open = true;
        } else {
            eprintln!("{text}");
        }
    }

    fn problem(&mut self, text: &str) {
        if self.is_open {
            eprint!("\r\x1b[2K");
        }
        eprintln!("{text}");
        self.is_open = false;
    }

    fn close(&mut self) {
        if self.is_open {
            eprintln!();
        }
    }
}
