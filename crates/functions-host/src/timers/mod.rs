//! Timer functions: on their schedule, on one instance at a time, and what was missed while the host was down.
//!
//! One instance holds the lease on a timer, and never has two runs at once. Losing the lease does not end a run, so the
//! next owner's may be beside it.

mod status;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use status::Cause;
use tokio::sync::Mutex;

use super::app::function::{Function, TimerTrigger};
use super::envelope::{self, Envelope, ScheduleStatus};
use super::event::HostEvent;
use super::faults::Occasions;
use super::instances::{Instances, Owner};
use super::invoke::{Invocation, InvocationOutcome, Invoker, Origin};
use super::lease::Lease;
use super::state_file::{self, path_component};
use super::{HostError, clock};

/// One timer function.
#[derive(Debug)]
pub struct Timer {
    function: Arc<Function>,
    trigger: TimerTrigger,
    instances: Arc<Instances>,
    /// Where the status is kept; `None` for a schedule that is not monitored.
    status_file: Option<PathBuf>,
    /// Held during a run, so that there is only one.
    turn: Mutex<Turn>,
    /// Whether an occurrence was missed while the host was down.
    is_past_due: bool,
    /// Runs, for the fault that moves the timer during some of them.
    runs: Occasions,
}

#[derive(Debug)]
struct Turn {
    /// `None` for a schedule without a further occurrence.
    status: Option<ScheduleStatus>,
    owner: Owner,
}

impl Timer {
    /// # Errors
    /// When the recorded status cannot be read.
    pub fn new(
        function: Arc<Function>,
        trigger: TimerTrigger,
        instances: &Arc<Instances>,
        owner: Owner,
        state_dir: &Path,
    ) -> Result<Self, HostError> {
        let monitored = trigger.use_monitor && !trigger.schedule.fires_more_than_once_a_minute(clock::now());
        let status_file = monitored
            .then(|| state_dir.join("timers").join(path_component(&function.name)).with_added_extension("json"));
        let recorded = match &status_file {
            Some(path) => state_file::read(path).map_err(HostError::State)?,
            None => None,
        };
        let (status, is_past_due) = status::at_start(recorded, &trigger.schedule, clock::now()).unzip();
        let (turn, instances) = (Mutex::new(Turn { status, owner }), Arc::clone(instances));
        let is_past_due = is_past_due.unwrap_or(false);
        Ok(Self { function, trigger, instances, status_file, turn, is_past_due, runs: Occasions::default() })
    }

    pub fn name(&self) -> &str {
        &self.function.name
    }

    /// Runs the schedule until the host stops.
    pub async fn run(self: Arc<Self>) {
        let Some(mut next) = self.start().await else { return };
        while self.instances.lifecycle.while_running(clock::sleep_until(next)).await.is_some() {
            match self.scheduled_run(Cause::Schedule).await {
                Some(later) => next = later,
                None => return,
            }
        }
    }

    /// Runs the function now, after a run that may be under way. Does not change the schedule.
    pub async fn run_now(&self) -> InvocationOutcome {
        self.invoke(&mut *self.turn.lock().await, IsPastDue(false), Origin::Request).await
    }

    /// The first occurrence to wait for, after runs that were missed or are due at every start.
    async fn start(&self) -> Option<DateTime<Utc>> {
        let status = self.turn.lock().await.status?;
        self.write(&status).await;
        if self.is_past_due {
            self.scheduled_run(Cause::PastDue).await
        } else if self.trigger.run_on_startup {
            self.scheduled_run(Cause::Startup).await
        } else {
            Some(status.next)
        }
    }

    /// One run, and the occurrence after it; `None` when the host stops or the schedule has come to an end.
    async fn scheduled_run(&self, cause: Cause) -> Option<DateTime<Utc>> {
        let mut turn = self.turn.lock().await;
        let current = turn.status?;
        let started_at = clock::now();
        self.invoke(&mut turn, IsPastDue(cause == Cause::PastDue), Origin::Trigger).await;
        if !self.instances.lifecycle.is_running() {
            return None;
        }
        let after = status::after_run(current, &self.trigger.schedule, started_at, cause)?;
        turn.status = Some(after);
        self.write(&after).await;
        Some(after.next)
    }

    async fn invoke(&self, turn: &mut Turn, is_past_due: IsPastDue, origin: Origin) -> InvocationOutcome {
        let run = self.one_run(turn, is_past_due, origin);
        if !self.runs.is_due(self.instances.faults.move_every) {
            return run.on(turn.owner.invoker(), &Lease::held()).await;
        }
        let moved = turn.owner.lose_during(|invoker, lease| async move { run.on(&invoker, &lease).await }).await;
        let function = self.function.name.clone();
        self.instances.events.emit(HostEvent::Moved { function, partition: None, from: moved.from, to: moved.to });
        match moved.ended {
            Some(outcome) => outcome,
            // The next owner finds an occurrence that nobody has noted as done.
            None => {
                let missed = IsPastDue(origin == Origin::Trigger);
                self.one_run(turn, missed, origin).on(turn.owner.invoker(), &Lease::held()).await
            }
        }
    }

    fn one_run(&self, turn: &Turn, IsPastDue(is_past_due): IsPastDue, origin: Origin) -> Run {
        let shown = turn.status.as_ref().filter(|_| self.status_file.is_some());
        let envelope = envelope::timer(&self.trigger.binding, shown, shown.is_some() && is_past_due);
        Run { function: Arc::clone(&self.function), envelope, origin }
    }

    async fn write(&self, status: &ScheduleStatus) {
        let Some(path) = &self.status_file else { return };
        if let Err(error) = state_file::write(path.clone(), status).await {
            let (function, reason) = (self.function.name.clone(), error.to_string());
            self.instances.events.emit(HostEvent::StateNotWritten { function, reason });
        }
    }
}

/// What the function is told.
#[derive(Debug, Clone, Copy)]
struct IsPastDue(bool);

/// One run, on whichever instance.
struct Run {
    function: Arc<Function>,
    envelope: Envelope,
    origin: Origin,
}

impl Run {
    async fn on(self, invoker: &Invoker, lease: &Lease) -> InvocationOutcome {
        let Self { function, envelope, origin } = self;
        let invocation = Invocation { function: &function, partition: None, envelope: Ok(envelope), origin, lease };
        let completed = invoker.invoke(invocation).await;
        invoker.events.emit(HostEvent::TimerRan {
            function: function.name.clone(),
            outcome: completed.outcome.clone(),
            duration: completed.duration,
        });
        completed.outcome
    }
}
