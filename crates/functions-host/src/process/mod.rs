//! The handler process of an instance: the supervisor starts it, watches it, restarts it and kills it.
//!
//! Promises the rules of the Functions host for readiness and restarts. Does not know what the handler is called for.

mod handler;
mod launch;
mod restart_policy;

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::event::{EventSink, HostEvent, InstanceId, OutputStream, Start};
use crate::lifecycle::Lifecycle;
pub(crate) use handler::{Control, Generation, Handler};
use handler::{Order, State};
pub use launch::LaunchError;
pub(crate) use launch::{Launch, free_port};
pub(crate) use restart_policy::RestartPolicy;
use restart_policy::{Ending, Next};

/// The pause between two `GET /` on the real host.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// How long the host waits for the last lines of a process that has ended.
const OUTPUT_AFTER_EXIT: Duration = Duration::from_secs(1);

/// The task that owns the handler process of one instance.
pub(crate) struct Supervisor {
    pub(crate) instance: InstanceId,
    pub(crate) launch: Launch,
    pub(crate) port: u16,
    /// How long a process may take to answer `GET /`.
    pub(crate) initialization_timeout: Duration,
    pub(crate) restart_policy: RestartPolicy,
    pub(crate) control: Control,
    pub(crate) client: reqwest::Client,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) events: EventSink,
}

/// How one process ended.
struct Ended {
    ending: Ending,
    /// For reports.
    status: String,
    was_ready: bool,
}

impl Supervisor {
    /// Keeps a handler running until the host stops, or until the restart policy allows no other.
    pub(crate) async fn run(mut self) {
        let mut generation = Generation::FIRST;
        loop {
            let mut child = match self.launch.start() {
                Ok(child) => child,
                Err(error) => return self.give_up(format!("cannot start the handler: {error}")),
            };
            let mut lines = self.forward_output(&mut child);
            let ended = self.watch(&mut child, generation).await;
            self.control.state.send_replace(State::Starting);
            let _ = tokio::time::timeout(OUTPUT_AFTER_EXIT, async { while lines.join_next().await.is_some() {} }).await;
            let Some(ended) = ended else {
                self.control.state.send_replace(State::Ended);
                return;
            };
            let next = self.restart_policy.after(ended.ending, Instant::now());
            let code = if let Ending::Exited(code) = ended.ending { code } else { None };
            let (status, was_ready, restarting) = (ended.status.clone(), ended.was_ready, next == Next::Restart);
            self.events.emit(HostEvent::HandlerExited { status, code, was_ready, restarting });
            match next {
                Next::Restart => generation = generation.next(),
                Next::StayDead => return self.stay_dead(generation).await,
                Next::GiveUp => {
                    return self.give_up(format!(
                        "cannot keep the handler running, the last process ended with {}",
                        ended.status
                    ));
                }
            }
        }
    }

    fn forward_output(&self, child: &mut Child) -> JoinSet<()> {
        let mut lines = JoinSet::new();
        lines.spawn(forward_lines(child.stdout.take(), OutputStream::Stdout, self.events.clone()));
        lines.spawn(forward_lines(child.stderr.take(), OutputStream::Stderr, self.events.clone()));
        lines
    }

    /// Waits until the process has ended. `None` when the host is shutting it down.
    async fn watch(&mut self, child: &mut Child, generation: Generation) -> Option<Ended> {
        let started = Instant::now();
        let client = self.client.clone();
        let mut ready = std::pin::pin!(first_answer(&client, self.port));
        let mut too_late = std::pin::pin!(tokio::time::sleep(self.initialization_timeout));
        let (mut is_ready, mut timed_out) = (false, false);
        loop {
            tokio::select! {
                status = child.wait() => {
                    let (ending, status) = ended(status, timed_out);
                    return Some(Ended { ending, status, was_ready: is_ready });
                }
                () = &mut ready, if !is_ready => {
                    is_ready = true;
                    self.control.state.send_replace(State::Ready(generation));
                    let pid = child.id().unwrap_or_default();
                    let (instance, ready_after) = (self.instance, started.elapsed());
                    let start = if generation == Generation::FIRST { Start::First } else { Start::Again };
                    self.events.emit(HostEvent::HandlerStarted { instance, start, pid, ready_after });
                }
                () = &mut too_late, if !is_ready => {
                    kill(child).await;
                    let seconds = self.initialization_timeout.as_secs_f64();
                    let status = format!("no answer to `GET /` within {seconds} s");
                    return Some(Ended { ending: Ending::NeverReady, status, was_ready: false });
                }
                order = self.control.orders.recv() => match order {
                    Some(Order::KillForTimeout(meant)) if meant == generation => {
                        timed_out = true;
                        kill(child).await;
                    }
                    Some(Order::KillForFault(meant)) if meant == generation => kill(child).await,
                    Some(Order::KillForTimeout(_) | Order::KillForFault(_)) => {}
                    Some(Order::ShutDown) | None => {
                        kill(child).await;
                        return None;
                    }
                }
            }
        }
    }

    /// Leaves the port closed until the host stops, as the real host does after exit code 0.
    async fn stay_dead(mut self, generation: Generation) {
        self.control.state.send_replace(State::Dead(generation));
        while !matches!(self.control.orders.recv().await, Some(Order::ShutDown) | None) {}
        self.control.state.send_replace(State::Ended);
    }

    fn give_up(&self, reason: String) {
        self.control.state.send_replace(State::Ended);
        self.lifecycle.give_up(&reason);
        self.events.emit(HostEvent::HostGaveUp { reason });
    }
}

/// Returns once the handler on `port` has answered `GET /`, with whatever status.
async fn first_answer(client: &reqwest::Client, port: u16) {
    let url = format!("http://127.0.0.1:{port}/");
    while client.get(&url).send().await.is_err() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Reports every line of `output` until it ends. Bytes that are not UTF-8 are replaced.
async fn forward_lines(output: Option<impl AsyncRead + Unpin>, stream: OutputStream, events: EventSink) {
    let Some(output) = output else { return };
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        events.emit(HostEvent::HandlerOutput { stream, line: text });
        line.clear();
    }
}

async fn kill(child: &mut Child) {
    // An error means that the process has ended already.
    let _ = child.kill().await;
}

fn ended(status: std::io::Result<ExitStatus>, timed_out: bool) -> (Ending, String) {
    let (code, status) = match status {
        Ok(status) => (status.code(), status.to_string()),
        Err(error) => (None, format!("unknown status ({error})")),
    };
    let ending = if timed_out { Ending::KilledForTimeout } else { Ending::Exited(code) };
    (ending, status)
}
