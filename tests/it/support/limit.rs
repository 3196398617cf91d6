//! Time limits of tests: no test hangs. A limit only ends a test that would never end, so it is generous.
//!
//! - An async test says `#[tokio::test(crate = "crate::support::limit")]`. Its runtime is then [`runtime::Builder`], which gives
//!   the test [`test_limit`].
//! - A test without a runtime that waits for a process starts a [`Watchdog`] in its first line.
//! - [`within`] limits one wait and names what was waited for. Loops that poll ask a [`Deadline`].

#![allow(
    clippy::disallowed_methods,
    reason = "a time limit is in the time of the machine, not in the time of the test"
)]

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// The longest that a process, a connection or a store may take to do one thing.
pub const STEP_LIMIT: Duration = Duration::from_secs(180);

/// The longest that a test may take on a busy machine. Long runs, which a person asks for, set `TEST_LIMIT_SECONDS`.
pub fn test_limit() -> Duration {
    let seconds =
        std::env::var("TEST_LIMIT_SECONDS").ok().map(|text| text.parse().expect("TEST_LIMIT_SECONDS is a number"));
    Duration::from_secs(seconds.unwrap_or(900))
}

/// Waits for `work`, and panics if it takes longer than `limit`. `what` completes "waited for".
pub async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, work).await {
        Ok(output) => output,
        Err(_) => panic!("waited {} s for {what}", limit.as_secs()),
    }
}

/// The end of a loop that polls.
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    pub fn after(limit: Duration) -> Self {
        Deadline { at: Instant::now() + limit, limit }
    }

    /// Panics once the time is over. `what` completes "waited for".
    #[track_caller]
    pub fn check(&self, what: &str) {
        assert!(Instant::now() < self.at, "waited {} s for {what}", self.limit.as_secs());
    }
}

/// Ends the process of the tests if it is not dropped in time. It is the last resort: a thread that is blocked in a system call
/// or in an endless loop cannot panic.
pub struct Watchdog {
    /// Dropping it wakes the thread that waits.
    _stop: Sender<()>,
}

impl Watchdog {
    /// For the calling test.
    pub fn of_this_test() -> Self {
        let thread = std::thread::current();
        // After the limit that an async test fails by itself.
        let limit = test_limit() + Duration::from_secs(30);
        Self::start(&format!("test {}", thread.name().unwrap_or("without a name")), limit)
    }

    /// `what` is the subject of the message.
    pub fn start(what: &str, limit: Duration) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let message = format!("{what} has not ended after {} s", limit.as_secs());
        std::thread::spawn(move || {
            if let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(limit) {
                // Not by `eprintln!`, whose output the harness would hold back for the end of the test.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n{message}\n").as_bytes());
                std::process::abort();
            }
        });
        Watchdog { _stop: stop }
    }
}

// `#[tokio::test]` expands to these two names.
#[allow(unused_imports, reason = "the simulation shares this file and has no async tests")]
pub use tokio::pin;

/// Stands in for [`tokio::runtime`] in `#[tokio::test]`.
pub mod runtime {
    use super::{Watchdog, test_limit, within};
    use std::io;

    /// Builds a [`Runtime`] as tokio's own builder does.
    pub struct Builder(tokio::runtime::Builder);

    impl Builder {
        pub fn new_current_thread() -> Self {
            Builder(tokio::runtime::Builder::new_current_thread())
        }

        pub fn new_multi_thread() -> Self {
            Builder(tokio::runtime::Builder::new_multi_thread())
        }

        pub fn enable_all(mut self) -> Self {
            self.0.enable_all();
            self
        }

        pub fn build(mut self) -> io::Result<Runtime> {
            self.0.build().map(Runtime)
        }
    }

    /// Runs one test, within its limit.
    pub struct Runtime(tokio::runtime::Runtime);

    impl Runtime {
        pub fn block_on<T>(self, test: impl Future<Output = T>) -> T {
            let _blocked = Watchdog::of_this_test();
            self.0.block_on(within(test_limit(), "the end of the test", test))
        }
    }
}
