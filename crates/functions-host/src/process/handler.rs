//! What callers know of the handler: whether it can be called, and how to have it killed.
//!
//! Promises that a caller can wait until the handler is ready, and notices when the process that it called has ended.
//! Does not know how the process is started.

use tokio::sync::{mpsc, watch};

/// One process in the succession of handler processes. A kill is for one of them, never for its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Generation {
    pub(super) const FIRST: Self = Self(0);

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What the supervisor tells the callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A process is starting, or will be.
    Starting,
    /// The process can be called.
    Ready(Generation),
    /// The process has ended with exit code 0. The host does not restart it, but continues to call it.
    Dead(Generation),
    /// There will be no other process.
    Ended,
}

/// What the callers tell the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Kill the process and start another one, without counting an error.
    KillForTimeout(Generation),
    /// Kill the process as if it had crashed.
    KillForFault(Generation),
    /// Kill the process and start no other.
    ShutDown,
}

/// The callers' side of the handler. Clones are the same handler.
#[derive(Debug, Clone)]
pub(crate) struct Handler {
    /// The loopback port on which it serves.
    pub(crate) port: u16,
    state: watch::Receiver<State>,
    orders: mpsc::UnboundedSender<Order>,
}

/// The supervisor's side of the handler.
#[derive(Debug)]
pub(crate) struct Control {
    pub(super) state: watch::Sender<State>,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
}

impl Handler {
    pub(crate) fn new(port: u16) -> (Self, Control) {
        let (orders_in, orders) = mpsc::unbounded_channel();
        let state = watch::Sender::new(State::Starting);
        (Self { port, state: state.subscribe(), orders: orders_in }, Control { state, orders })
    }

    /// Waits until the handler can be called, and returns the process. `None` when there will be no process.
    pub(crate) async fn ready(&self) -> Option<Generation> {
        let mut state = self.state.clone();
        match *state.wait_for(|state| *state != State::Starting).await.ok()? {
            State::Ready(generation) | State::Dead(generation) => Some(generation),
            State::Starting | State::Ended => None,
        }
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&self, generation: Generation) {
        let mut state = self.state.clone();
        // An error means that the supervisor has ended, and with it the process.
        let _ = state.wait_for(|state| *state != State::Ready(generation)).await;
    }

    /// Kills the process because a call took too long. Returns once it has ended.
    pub(crate) async fn kill_for_timeout(&self, generation: Generation) {
        self.order(Order::KillForTimeout(generation));
        self.ended(generation).await;
    }

    /// Kills the process as if it had crashed. Returns once it has ended.
    pub(crate) async fn kill_for_fault(&self, generation: Generation) {
        self.order(Order::KillForFault(generation));
        self.ended(generation).await;
    }

    /// Has the process killed, if there is one, and no other started.
    pub(crate) fn shut_down(&self) {
        self.order(Order::ShutDown);
    }

    fn order(&self, order: Order) {
        let _supervisor_ended_already = self.orders.send(order);
    }
}
