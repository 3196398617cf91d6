//! Whether the one who started a call still has what it was started for: a partition, or a timer function.
//!
//! Losing it ends no request, since the host never cancels one; it ends the retries, and the right to a checkpoint.

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    /// Held, and a request has been made under it.
    Used,
    Lost,
}

/// Clones are the same lease.
#[derive(Debug, Clone)]
pub struct Lease {
    state: watch::Sender<State>,
}

impl Lease {
    pub fn held() -> Self {
        Self { state: watch::Sender::new(State::Held) }
    }

    pub fn lose(&self) {
        self.state.send_replace(State::Lost);
    }

    /// A request is made now.
    pub fn note_use(&self) {
        self.state.send_if_modified(|state| {
            let first = *state == State::Held;
            if first {
                *state = State::Used;
            }
            first
        });
    }

    /// Waits until a request was made under the lease.
    pub async fn used(&self) {
        self.becomes(|state| state != State::Held).await;
    }

    /// The result of `work`, or `None` when the lease was lost before.
    pub async fn while_held<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.becomes(|state| state == State::Lost) => None,
            result = work => Some(result),
        }
    }

    async fn becomes(&self, wanted: impl Fn(State) -> bool) {
        // An error is impossible: this very value holds a sender.
        let _ = self.state.subscribe().wait_for(|state| wanted(*state)).await;
    }
}
