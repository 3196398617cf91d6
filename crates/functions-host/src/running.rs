//! A host that runs, and how it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::HostError;
use super::instances::Instances;
use super::invoke::InvocationOutcome;
use super::lifecycle::Phase;
use super::timers::Timer;

/// How long running calls may take to end once the host is asked to stop.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// A running host. Dropping it kills the handlers and ends everything at once; [`Host::stop`] does it in order.
#[derive(Debug)]
pub struct Host {
    pub(super) instances: Arc<Instances>,
    pub(super) timers: Vec<Arc<Timer>>,
    pub(super) http_address: Option<SocketAddr>,
    /// Partitions, schedules and the HTTP endpoint.
    pub(super) tasks: JoinSet<()>,
    /// One for each instance. A handler process is killed with the task that owns it.
    pub(super) supervisors: JoinSet<()>,
}

/// Why there is nothing more to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drained {
    /// The source has ended, and every event was delivered and checkpointed.
    Complete,
    /// The host was stopped before.
    Stopped,
    /// The host has given up on the handler before.
    GaveUp(String),
}

impl Host {
    /// Runs a timer function now, waiting for a run that may be under way, and with the retries of its policy. Does
    /// not change its schedule.
    ///
    /// # Errors
    /// When there is no such timer function, or it is in error.
    pub async fn invoke_timer(&self, function: &str) -> Result<InvocationOutcome, HostError> {
        let timer = self.timers.iter().find(|timer| timer.name().eq_ignore_ascii_case(function));
        let timer = timer.ok_or_else(|| HostError::NoSuchTimer(function.to_owned()))?;
        Ok(timer.run_now().await)
    }

    /// Where HTTP functions and the admin API are served, if at all.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Waits until the source has ended and every event is delivered and checkpointed.
    pub async fn drained(&self) -> Drained {
        let mut unfinished = self.instances.unfinished.subscribe();
        tokio::select! {
            biased;
            Ok(_) = unfinished.wait_for(|unfinished| *unfinished == 0) => Drained::Complete,
            phase = self.instances.lifecycle.ended() => match phase {
                Phase::GaveUp(reason) => Drained::GaveUp(reason),
                Phase::Running | Phase::Stopping => Drained::Stopped,
            },
        }
    }

    /// Stops as the real host does: sends nothing more, gives running calls 10 s, kills the handlers. Batches accepted
    /// in that time are not checkpointed.
    pub async fn stop(mut self) {
        self.instances.lifecycle.stop();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _whether_in_time = tokio::time::timeout(SHUTDOWN_LIMIT, ended).await;
        self.tasks.shutdown().await;
        self.instances.all.iter().for_each(|invoker| invoker.handler.shut_down());
        while self.supervisors.join_next().await.is_some() {}
    }
}
