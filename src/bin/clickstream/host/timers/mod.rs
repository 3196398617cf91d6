//! Timer functions: on their schedule, at most one run at a time, and what was missed while the host was down.

mod status;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use status::Cause;
use tokio::sync::Mutex;

use super::app::function::{Function, TimerTrigger};
use super::envelope::{self, ScheduleStatus};
use super::event::HostEvent;
use super::invoke::{Invocation, InvocationOutcome, Invoker, Origin};
use super::state_file::{self, path_component};
use super::{HostError, clock};

/// One timer function.
#[derive(Debug)]
pub struct Timer {
    function: Arc<Function>,
    trigger: TimerTrigger,
    invoker: Arc<Invoker>,
    /// Where the status is kept; `None` for a schedule that is not monitored.
    status_file: Option<PathBuf>,
    /// Held during a run, so that there is only one. `None` for a schedule without a further occurrence.
    status: Mutex<Option<ScheduleStatus>>,
    /// Whether an occurrence was missed while the host was down.
    is_past_due: bool,
}

impl Timer {
    /// # Errors
    /// When the recorded status cannot be read.
    pub fn new(
        function: Arc<Function>,
        trigger: TimerTrigger,
        invoker: Arc<Invoker>,
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
        let is_past_due = is_past_due.unwrap_or(false);
        Ok(Self { function, trigger, invoker, status_file, status: Mutex::new(status), is_past_due })
    }

    pub fn name(&self) -> &str {
        &self.function.name
    }

    /// Runs the schedule until the host stops.
    pub async fn run(self: Arc<Self>) {
        let Some(mut next) = self.start().await else { return };
        while self.invoker.lifecycle.while_running(clock::sleep_until(next)).await.is_some() {
            match self.scheduled_run(Cause::Schedule).await {
                Some(later) => next = later,
                None => return,
            }
        }
    }

    /// Runs the function now, after a run that may be under way. Does not change the schedule.
    pub async fn run_now(&self) -> InvocationOutcome {
        let status = self.status.lock().await;
        self.invoke(status.as_ref(), false, Origin::Request).await
    }

    /// The first occurrence to wait for, after runs that were missed or are due at every start.
    async fn start(&self) -> Option<DateTime<Utc>> {
        let status = (*self.status.lock().await)?;
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
        let mut status = self.status.lock().await;
        let current = (*status)?;
        let started_at = clock::now();
        self.invoke(Some(&current), cause == Cause::PastDue, Origin::Trigger).await;
        if !self.invoker.lifecycle.is_running() {
            return None;
        }
        let after = status::after_run(current, &self.trigger.schedule, started_at, cause)?;
        *status = Some(after);
        self.write(&after).await;
        Some(after.next)
    }

    async fn invoke(&self, status: Option<&ScheduleStatus>, is_past_due: bool, origin: Origin) -> InvocationOutcome {
        let shown = status.filter(|_| self.status_file.is_some());
        let envelope = Ok(envelope::timer(&self.trigger.binding, shown, is_past_due));
        let invocation = Invocation { function: &self.function, partition: None, envelope, origin };
        let completed = self.invoker.invoke(invocation).await;
        self.invoker.events.emit(HostEvent::TimerRan {
            function: self.function.name.clone(),
            outcome: completed.outcome.clone(),
            duration: completed.duration,
        });
        completed.outcome
    }

    async fn write(&self, status: &ScheduleStatus) {
        let Some(path) = &self.status_file else { return };
        if let Err(error) = state_file::write(path.clone(), status).await {
            let (function, reason) = (self.function.name.clone(), error.to_string());
            self.invoker.events.emit(HostEvent::StateNotWritten { function, reason });
        }
    }
}
