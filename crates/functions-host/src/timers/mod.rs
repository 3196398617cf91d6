//! Timer functions: runs on schedule, on request, and for an occurrence that was missed while the host was down.
//!
//! Promises that one instance at a time holds the lease on a timer, and that it has one run at a time. Losing the lease
//! does not end a run, so the next owner may run the function at the same time. Does not know how a call is made.

mod status;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::answer::InvocationOutcome;
use crate::app::function::{Function, TimerTrigger};
use crate::clock;
use crate::envelope::{self, Envelope, ScheduleStatus};
use crate::event::HostEvent;
use crate::faults::Occasions;
use crate::instances::{Instances, Owner};
use crate::invoke::{Invocation, Invoker, Origin};
use crate::lifecycle::Lease;
use crate::state::{path_component, read_file, write_file};
use status::Cause;

/// One timer function.
#[derive(Debug)]
pub(crate) struct Timer {
    function: Arc<Function>,
    trigger: TimerTrigger,
    instances: Arc<Instances>,
    /// Where the status is stored; `None` for a schedule that is not monitored.
    status_file: Option<PathBuf>,
    /// Locked during a run, so that there is one run at a time.
    state: Mutex<TimerState>,
    /// Whether an occurrence was missed while the host was down.
    is_past_due: bool,
    /// Counts the runs, for the fault that moves the timer.
    runs: Occasions,
}

#[derive(Debug)]
struct TimerState {
    /// `None` for a schedule without a further occurrence.
    status: Option<ScheduleStatus>,
    owner: Owner,
}

impl Timer {
    /// Reads the stored status, and decides whether an occurrence was missed.
    ///
    /// # Errors
    /// When the stored status cannot be read.
    pub(crate) fn new(
        function: Arc<Function>,
        trigger: TimerTrigger,
        instances: &Arc<Instances>,
        owner: Owner,
        state_dir: &Path,
    ) -> io::Result<Self> {
        let monitored = trigger.use_monitor && !trigger.schedule.fires_more_than_once_a_minute(clock::now());
        let status_file = monitored
            .then(|| state_dir.join("timers").join(path_component(&function.name)).with_added_extension("json"));
        let recorded = match &status_file {
            Some(path) => read_file(path)?,
            None => None,
        };
        let (status, is_past_due) = status::at_start(recorded, &trigger.schedule, clock::now()).unzip();
        let (state, instances) = (Mutex::new(TimerState { status, owner }), Arc::clone(instances));
        let is_past_due = is_past_due.unwrap_or(false);
        Ok(Self { function, trigger, instances, status_file, state, is_past_due, runs: Occasions::default() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.function.name
    }

    /// Runs the schedule until the host stops.
    pub(crate) async fn run(self: Arc<Self>) {
        let Some(mut next) = self.start().await else { return };
        while self.instances.lifecycle.while_running(clock::sleep_until(next)).await.is_some() {
            match self.scheduled_run(Cause::Schedule).await {
                Some(later) => next = later,
                None => return,
            }
        }
    }

    /// Runs the function now, or after the current run if there is one. Does not change the schedule.
    pub(crate) async fn run_now(&self) -> InvocationOutcome {
        self.invoke(&mut *self.state.lock().await, IsPastDue(false), Origin::Request).await
    }

    /// Runs the function if an occurrence was missed or a run is due at every start. Returns the next occurrence.
    async fn start(&self) -> Option<DateTime<Utc>> {
        let status = self.state.lock().await.status?;
        self.write(&status).await;
        if self.is_past_due {
            self.scheduled_run(Cause::PastDue).await
        } else if self.trigger.run_on_startup {
            self.scheduled_run(Cause::Startup).await
        } else {
            Some(status.next)
        }
    }

    /// Runs the function, and returns the next occurrence. `None` when the host stops or the schedule has no further
    /// one.
    async fn scheduled_run(&self, cause: Cause) -> Option<DateTime<Utc>> {
        let mut state = self.state.lock().await;
        let current = state.status?;
        let started_at = clock::now();
        self.invoke(&mut state, IsPastDue(cause == Cause::PastDue), Origin::Trigger).await;
        if !self.instances.lifecycle.is_running() {
            return None;
        }
        let after = status::after_run(current, &self.trigger.schedule, started_at, cause)?;
        state.status = Some(after);
        self.write(&after).await;
        Some(after.next)
    }

    async fn invoke(&self, state: &mut TimerState, is_past_due: IsPastDue, origin: Origin) -> InvocationOutcome {
        let run = self.new_run(state, is_past_due, origin);
        if !self.runs.is_due(self.instances.faults.move_every) {
            return run.on(state.owner.invoker(), &Lease::held()).await;
        }
        let moved = state.owner.move_during(|invoker, lease| async move { run.on(&invoker, &lease).await }).await;
        let function = self.function.name.clone();
        self.instances.events.emit(HostEvent::Moved { function, partition: None, from: moved.from, to: moved.to });
        match moved.ended {
            Some(outcome) => outcome,
            // The new owner sees an occurrence for which no run is recorded.
            None => {
                let missed = IsPastDue(origin == Origin::Trigger);
                self.new_run(state, missed, origin).on(state.owner.invoker(), &Lease::held()).await
            }
        }
    }

    fn new_run(&self, state: &TimerState, IsPastDue(is_past_due): IsPastDue, origin: Origin) -> Run {
        let shown = state.status.as_ref().filter(|_| self.status_file.is_some());
        let envelope = envelope::timer(&self.trigger.binding, shown, shown.is_some() && is_past_due);
        Run { function: Arc::clone(&self.function), envelope, origin }
    }

    async fn write(&self, status: &ScheduleStatus) {
        let Some(path) = &self.status_file else { return };
        if let Err(error) = write_file(path.clone(), status).await {
            let (function, reason) = (self.function.name.clone(), error.to_string());
            self.instances.events.emit(HostEvent::StateNotWritten { function, reason });
        }
    }
}

/// Whether the function learns that an occurrence was missed.
#[derive(Debug, Clone, Copy)]
struct IsPastDue(bool);

/// One run, which any instance can make.
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
