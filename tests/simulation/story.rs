//! What happened, in order: printed when a schedule ends badly.

use std::fmt::Arguments;
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// Clones tell the same story.
#[derive(Clone)]
pub struct Story {
    began: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Story {
    pub fn begin() -> Self {
        Story { began: Instant::now(), lines: Arc::default() }
    }

    pub fn tell(&self, who: &str, what: Arguments<'_>) {
        // Checkpoints are made on threads without simulated time; nothing else happens meanwhile.
        let at = self.began.elapsed().as_secs_f64();
        self.lines.lock().expect("nobody panics in here").push(format!("{at:>10.3} s  {who}: {what}"));
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics in here").clone()
    }
}
