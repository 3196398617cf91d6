//! Whether a simulated process is alive. Only its connection to the store ends it; after that none of its code runs.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

pub struct Life {
    pub name: String,
    over: AtomicBool,
    ended: Notify,
}

impl Life {
    pub fn new(name: String) -> Self {
        Life { name, over: AtomicBool::new(false), ended: Notify::new() }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.ended.notify_waiters();
    }

    /// Waits until the process is dead.
    pub async fn end_of(&self) {
        let ended = self.ended.notified();
        if !self.is_over() {
            ended.await;
        }
    }
}
