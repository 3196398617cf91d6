//! The only place that reads the time.

use crate::event::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the current time comes from. Clones share it.
#[derive(Debug, Clone)]
pub enum Clock {
    System,
    /// Stands still until it is set, for tests and simulations. Microseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn manual(at: Timestamp) -> Self {
        Clock::Manual(Arc::new(AtomicI64::new(at.0)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            // A machine's clock that is set before 1970 reads as the epoch.
            Clock::System => {
                Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64)
            }
            Clock::Manual(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Sets a manual clock; the system's clock ignores it.
    pub fn set(&self, to: Timestamp) {
        if let Clock::Manual(at) = self {
            at.store(to.0, Ordering::SeqCst);
        }
    }
}
