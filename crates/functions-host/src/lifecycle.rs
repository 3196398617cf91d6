//! Whether the host runs, is stopping or has given up: one value that every task watches.

use tokio::sync::watch;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    Running,
    /// Nothing new is sent and no checkpoint written; calls under way may end.
    Stopping,
    /// The handler cannot be kept running. The reason is for a person.
    GaveUp(String),
}

#[derive(Debug, Clone)]
pub struct Lifecycle {
    phase: watch::Sender<Phase>,
}

impl Lifecycle {
    pub fn running() -> Self {
        Self { phase: watch::Sender::new(Phase::Running) }
    }

    pub fn is_running(&self) -> bool {
        *self.phase.borrow() == Phase::Running
    }

    pub fn stop(&self) {
        self.leave_running(Phase::Stopping);
    }

    pub fn give_up(&self, reason: &str) {
        self.leave_running(Phase::GaveUp(reason.to_owned()));
    }

    fn leave_running(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let first = *current == Phase::Running;
            if first {
                *current = phase;
            }
            first
        });
    }

    /// Waits for the end of `Running`, and says what came instead.
    pub async fn ended(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        match phase.wait_for(|phase| *phase != Phase::Running).await {
            Ok(phase) => phase.clone(),
            // This very value holds a sender.
            Err(_) => Phase::Stopping,
        }
    }

    /// The result of `work`, or `None` when the host stopped running before.
    pub async fn while_running<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.ended() => None,
            result = work => Some(result),
        }
    }
}
