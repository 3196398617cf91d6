//! What happened in a schedule, in order. Printed when the schedule fails.

use std::fmt::Arguments;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;
use tokio::time::Instant;

/// Clones append to the same trace.
#[derive(Clone)]
pub struct Trace {
    began: Instant,
    /// Time is simulated on this thread only. Checkpoints are written on others, while this one waits.
    thread: ThreadId,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Default)]
struct Recorded {
    at: Duration,
    lines: Vec<String>,
}

impl Trace {
    pub fn start() -> Self {
        Trace { began: Instant::now(), thread: std::thread::current().id(), recorded: Arc::default() }
    }

    pub fn record(&self, who: &str, what: Arguments<'_>) {
        let mut recorded = self.recorded.lock().expect("no thread panics while it holds the lock");
        if std::thread::current().id() == self.thread {
            recorded.at = self.began.elapsed();
        }
        let line = format!("{:>10.3} s  {who}: {what}", recorded.at.as_secs_f64());
        recorded.lines.push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.recorded.lock().expect("no thread panics while it holds the lock").lines.clone()
    }
}
