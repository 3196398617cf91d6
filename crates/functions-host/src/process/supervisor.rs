//! The task that owns the handler process.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::task::JoinSet;

use super::strikes::{Ending, Next};
use super::{Control, Generation, Launch, Order, State, Strikes, output, readiness};
use crate::event::{EventSink, HostEvent, OutputStream, Start};
use crate::lifecycle::Lifecycle;

/// How long the last lines of an ended process may take to arrive.
const LAST_LINES: Duration = Duration::from_secs(1);

pub struct Supervisor {
    /// Whose handler it is, for reports.
    pub instance: usize,
    pub launch: Launch,
    pub port: u16,
    pub initialization_timeout: Duration,
    pub strikes: Strikes,
    pub control: Control,
    pub client: reqwest::Client,
    pub lifecycle: Lifecycle,
    pub events: EventSink,
}

/// How one process ended, and what to tell about it.
struct Ended {
    ending: Ending,
    status: String,
}

impl Supervisor {
    /// Runs until told to shut down or until the handler has used up its restarts.
    pub async fn run(mut self) {
        let mut generation = Generation::FIRST;
        loop {
            let mut child = match self.launch.start() {
                Ok(child) => child,
                Err(error) => return self.give_up(format!("cannot start the handler: {error}")),
            };
            let mut lines = self.forward_output(&mut child);
            let ended = self.watch(&mut child, generation).await;
            self.control.state.send_replace(State::Starting);
            let _ = tokio::time::timeout(LAST_LINES, async { while lines.join_next().await.is_some() {} }).await;
            let Some(ended) = ended else {
                self.control.state.send_replace(State::Ended);
                return;
            };
            let next = self.strikes.after(ended.ending, Instant::now());
            self.events
                .emit(HostEvent::HandlerExited { status: ended.status.clone(), restarting: next == Next::Restart });
            match next {
                Next::Restart => generation = generation.next(),
                Next::StayDead => return self.stay_dead(generation).await,
                Next::GiveUp => {
                    return self.give_up(format!("the handler ended once too often, at last with {}", ended.status));
                }
            }
        }
    }

    fn forward_output(&self, child: &mut Child) -> JoinSet<()> {
        let mut lines = JoinSet::new();
        lines.spawn(output::forward(child.stdout.take(), OutputStream::Stdout, self.events.clone()));
        lines.spawn(output::forward(child.stderr.take(), OutputStream::Stderr, self.events.clone()));
        lines
    }

    /// Until the process has ended; `None` when the host wanted it.
    async fn watch(&mut self, child: &mut Child, generation: Generation) -> Option<Ended> {
        let started = Instant::now();
        let client = self.client.clone();
        let mut answered = std::pin::pin!(readiness::answered(&client, self.port));
        let mut too_late = std::pin::pin!(tokio::time::sleep(self.initialization_timeout));
        let (mut is_ready, mut timed_out) = (false, false);
        loop {
            tokio::select! {
                status = child.wait() => return Some(ended(status, timed_out)),
                () = &mut answered, if !is_ready => {
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
                    return Some(Ended { ending: Ending::NeverReady, status });
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

    /// Keeps the port refused until the host stops, as the real one does after exit code 0.
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

async fn kill(child: &mut Child) {
    // It fails only for a process that has ended already.
    let _ = child.kill().await;
}

fn ended(status: std::io::Result<ExitStatus>, timed_out: bool) -> Ended {
    let (code, status) = match status {
        Ok(status) => (status.code(), status.to_string()),
        Err(error) => (None, format!("unknown status ({error})")),
    };
    let ending = if timed_out { Ending::KilledForTimeout } else { Ending::Exited(code) };
    Ended { ending, status }
}
