//! What happened, in order: printed when a schedule ends badly.

use std::fmt::Arguments;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;
use tokio::time::Instant;

/// Clones tell the same story.
#[derive(Clone)]
pub struct Story {
    began: Instant,
    /// Time is simulated here alone. Checkpoints are made on other threads, and nothing else happens meanwhile.
    thread: ThreadId,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    at: Duration,
    lines: Vec<String>,
}

impl Story {
    pub fn begin() -> Self {
        Story { began: Instant::now(), thread: std::thread::current().id(), told: Arc::default() }
    }

    pub fn tell(&self, who: &str, what: Arguments<'_>) {
        let mut told = self.told.lock().expect("nobody panics in here");
        if std::thread::current().id() == self.thread {
            told.at = self.began.elapsed();
        }
        let line = format!("{:>10.3} s  {who}: {what}", told.at.as_secs_f64());
        told.lines.push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.told.lock().expect("nobody panics in here").lines.clone()
    }
}
