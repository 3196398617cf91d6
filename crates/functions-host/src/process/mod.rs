//! The one handler process of an instance: keeps it running by the rules of the Functions host, kills it when asked to.
//!
//! Promises that everybody who calls the handler can wait until it is ready and learns when the process they called
//! is gone. Does not know what it is called for.

mod launch;
mod output;
mod readiness;
mod strikes;
mod supervisor;

pub use launch::{Launch, LaunchError, free_port};
pub use strikes::Strikes;
pub use supervisor::Supervisor;
use tokio::sync::{mpsc, watch};

/// Counts the processes started. A kill is meant for one of them, never for its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

impl Generation {
    const FIRST: Self = Self(0);

    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Ready(Generation),
    /// It has left with exit code 0 and is not started again, but the host goes on calling it.
    Dead(Generation),
    /// There will be no further process.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Kill and start again, without counting it as an error.
    KillForTimeout(Generation),
    /// Kill as if somebody else had done so.
    KillForFault(Generation),
    ShutDown,
}

/// What callers hold of the handler.
#[derive(Debug, Clone)]
pub struct Handler {
    pub port: u16,
    state: watch::Receiver<State>,
    orders: mpsc::UnboundedSender<Order>,
}

/// The supervisor's ends of the channels.
#[derive(Debug)]
pub struct Control {
    state: watch::Sender<State>,
    orders: mpsc::UnboundedReceiver<Order>,
}

impl Handler {
    pub fn new(port: u16) -> (Self, Control) {
        let (orders_in, orders) = mpsc::unbounded_channel();
        let state = watch::Sender::new(State::Starting);
        (Self { port, state: state.subscribe(), orders: orders_in }, Control { state, orders })
    }

    /// Waits until the handler can be called, and says which process that is; `None` when there will be none.
    pub async fn ready(&self) -> Option<Generation> {
        let mut state = self.state.clone();
        match *state.wait_for(|state| *state != State::Starting).await.ok()? {
            State::Ready(generation) | State::Dead(generation) => Some(generation),
            State::Starting | State::Ended => None,
        }
    }

    /// Waits until that process is gone.
    pub async fn gone(&self, generation: Generation) {
        let mut state = self.state.clone();
        // An error means that the supervisor is gone, and the process with it.
        let _ = state.wait_for(|state| *state != State::Ready(generation)).await;
    }

    /// Kills that process for a call that took too long.
    pub async fn kill_for_timeout(&self, generation: Generation) {
        self.order(Order::KillForTimeout(generation));
        self.gone(generation).await;
    }

    /// Kills that process as a stranger would.
    pub async fn kill_for_fault(&self, generation: Generation) {
        self.order(Order::KillForFault(generation));
        self.gone(generation).await;
    }

    /// Kills whatever process there is and starts no other.
    pub fn shut_down(&self) {
        self.order(Order::ShutDown);
    }

    fn order(&self, order: Order) {
        let _supervisor_ended_already = self.orders.send(order);
    }
}
