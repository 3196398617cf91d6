//! Whether a process is alive. Only its connection to the store ends it, and then nothing of it goes on.

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

    /// Returns once it is over.
    pub async fn end_of(&self) {
        let ended = self.ended.notified();
        if !self.is_over() {
            ended.await;
        }
    }
}
