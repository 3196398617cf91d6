//! Whether a handler that has ended is restarted.
//!
//! Promises the decisions of the real host, which stops at the third error. Does not start anything.

use std::time::{Duration, Instant};

/// An error is forgotten when the next one comes later than this.
const ERROR_WINDOW: Duration = Duration::from_secs(30 * 60);

/// Why a handler process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It exited with a code, or was ended by a signal (`None`) that the host did not send for a timeout.
    Exited(Option<i32>),
    /// It did not answer `GET /` in time.
    NeverReady,
    /// The host killed it because a call took too long.
    KilledForTimeout,
}

/// What the host does after a handler process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Restart,
    /// After exit code 0 the host does nothing, so that all further calls are refused.
    StayDead,
    /// There were too many errors.
    GiveUp,
}

/// Counts errors, and decides what follows an ending.
#[derive(Debug)]
pub(crate) struct RestartPolicy {
    max_restarts: Option<u32>,
    errors: u32,
    last_error_at: Option<Instant>,
}

impl RestartPolicy {
    /// Allows `max_restarts` after errors that are less than half an hour apart; `None` is no limit.
    pub(crate) fn new(max_restarts: Option<u32>) -> Self {
        Self { max_restarts, errors: 0, last_error_at: None }
    }

    /// Decides what follows `ending`.
    pub(crate) fn after(&mut self, ending: Ending, at: Instant) -> Next {
        const FREE_RESTART: i32 = 200;
        match ending {
            Ending::Exited(Some(0)) => Next::StayDead,
            Ending::Exited(Some(FREE_RESTART)) | Ending::KilledForTimeout => Next::Restart,
            Ending::Exited(_) | Ending::NeverReady => self.after_error(at),
        }
    }

    fn after_error(&mut self, at: Instant) -> Next {
        if self.last_error_at.is_some_and(|last_error_at| at.duration_since(last_error_at) > ERROR_WINDOW) {
            self.errors = 0;
        }
        self.errors += 1;
        self.last_error_at = Some(at);
        match self.max_restarts {
            Some(max_restarts) if self.errors > max_restarts => Next::GiveUp,
            _ => Next::Restart,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: Ending = Ending::Exited(Some(1));
    const KILLED: Ending = Ending::Exited(None);

    /// What follows endings at the given numbers of minutes after the start.
    fn history(max_restarts: Option<u32>, endings: &[(u64, Ending)]) -> Vec<Next> {
        let (start, mut policy) = (Instant::now(), RestartPolicy::new(max_restarts));
        let after =
            |(minutes, ending): &(u64, Ending)| policy.after(*ending, start + Duration::from_secs(60 * minutes));
        endings.iter().map(after).collect()
    }

    #[test]
    fn the_third_error_is_one_too_many() {
        use Next::{GiveUp, Restart};
        assert_eq!(history(Some(2), &[(0, CRASH), (1, KILLED), (2, Ending::NeverReady)]), [Restart, Restart, GiveUp]);
        assert_eq!(history(Some(2), &[(0, CRASH), (29, CRASH), (58, CRASH)]), [Restart, Restart, GiveUp]);
        assert_eq!(history(Some(2), &[(0, CRASH), (1, CRASH), (32, CRASH)]), [Restart; 3], "a long pause forgives");
        assert_eq!(history(None, &[(0, CRASH); 9]), [Restart; 9]);
    }

    #[test]
    fn some_endings_do_not_count() {
        let uncounted = [(0, Ending::Exited(Some(200))), (0, Ending::KilledForTimeout), (0, Ending::KilledForTimeout)];
        assert_eq!(history(Some(0), &uncounted), [Next::Restart; 3]);
        assert_eq!(history(Some(2), &[(0, Ending::Exited(Some(0)))]), [Next::StayDead]);
    }
}
