//! What ends waiting and retrying: the host stops, or the lease on a partition or timer is lost.
//!
//! Neither cancels a request, because the real host never does so. Does not know what is waited for.

use tokio::sync::watch;

/// What the host as a whole does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It delivers.
    Running,
    /// It starts no call and writes no checkpoint. Running calls may end.
    Stopping,
    /// The handler cannot be kept running, for a reason that a person can read.
    GaveUp(String),
}

/// The phase of a host, which all its tasks watch. Clones are the same lifecycle.
#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
}

impl Lifecycle {
    pub(crate) fn running() -> Self {
        Self { phase: watch::Sender::new(Phase::Running) }
    }

    pub(crate) fn is_running(&self) -> bool {
        *self.phase.borrow() == Phase::Running
    }

    pub(crate) fn stop(&self) {
        self.leave_running(Phase::Stopping);
    }

    pub(crate) fn give_up(&self, reason: &str) {
        self.leave_running(Phase::GaveUp(reason.to_owned()));
    }

    /// Only the first change counts.
    fn leave_running(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let first = *current == Phase::Running;
            if first {
                *current = phase;
            }
            first
        });
    }

    /// Waits for the end of [`Phase::Running`], and returns the phase after it.
    pub(crate) async fn ended(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        match phase.wait_for(|phase| *phase != Phase::Running).await {
            Ok(phase) => phase.clone(),
            // Impossible while `self` holds a sender.
            Err(_) => Phase::Stopping,
        }
    }

    /// The result of `work`, or `None` when the host stops running first.
    pub(crate) async fn while_running<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.ended() => None,
            result = work => Some(result),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseState {
    Held,
    /// Held, and a request was sent under it.
    Used,
    Lost,
}

/// The right of an instance to a partition or a timer function. Clones are the same lease.
///
/// Losing the lease ends the retries of a call and the right to write a checkpoint, but not the request.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    state: watch::Sender<LeaseState>,
}

impl Lease {
    pub(crate) fn held() -> Self {
        Self { state: watch::Sender::new(LeaseState::Held) }
    }

    pub(crate) fn lose(&self) {
        self.state.send_replace(LeaseState::Lost);
    }

    /// Records that a request is sent now.
    pub(crate) fn note_use(&self) {
        self.state.send_if_modified(|state| {
            let first = *state == LeaseState::Held;
            if first {
                *state = LeaseState::Used;
            }
            first
        });
    }

    /// Waits until a request is sent under the lease.
    pub(crate) async fn used(&self) {
        self.becomes(|state| state != LeaseState::Held).await;
    }

    /// The result of `work`, or `None` when the lease is lost first.
    pub(crate) async fn while_held<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.becomes(|state| state == LeaseState::Lost) => None,
            result = work => Some(result),
        }
    }

    async fn becomes(&self, wanted: impl Fn(LeaseState) -> bool) {
        // An error is impossible while `self` holds a sender.
        let _ = self.state.subscribe().wait_for(|state| wanted(*state)).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_first_reason_to_stop_counts() {
        let lifecycle = Lifecycle::running();
        assert_eq!(lifecycle.ended().now_or_never(), None);
        assert_eq!(lifecycle.while_running(async { 1 }).await, Some(1));
        lifecycle.give_up("no handler");
        lifecycle.stop();
        assert_eq!(lifecycle.ended().await, Phase::GaveUp("no handler".to_owned()));
        assert_eq!(lifecycle.while_running(async { 1 }).await, None);
    }

    #[tokio::test]
    async fn a_lost_lease_ends_the_work_under_it() {
        let lease = Lease::held();
        assert_eq!(lease.used().now_or_never(), None, "no request was sent");
        lease.note_use();
        lease.used().await;
        assert_eq!(lease.while_held(async { 1 }).await, Some(1));
        lease.clone().lose();
        assert_eq!(lease.while_held(std::future::pending::<()>()).await, None);
    }
}
