//! Whether a handler that has ended is started again.

use std::time::{Duration, Instant};

/// Errors further apart than this do not add up.
const MEMORY: Duration = Duration::from_secs(30 * 60);

/// Why a handler process is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself or by a signal that was not the host's; `None` is a signal.
    Exited(Option<i32>),
    /// It did not answer `GET /` in time.
    NeverReady,
    /// The host killed it because a call took too long.
    KilledForTimeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Restart,
    /// Exit code 0: the host does not notice, and calls are refused from now on.
    StayDead,
    /// One error too many.
    GiveUp,
}

/// The errors counted so far.
#[derive(Debug)]
pub struct Strikes {
    max_restarts: Option<u32>,
    count: u32,
    last_at: Option<Instant>,
}

impl Strikes {
    /// `max_restarts` after errors within half an hour of each other; `None` is without end.
    pub fn new(max_restarts: Option<u32>) -> Self {
        Self { max_restarts, count: 0, last_at: None }
    }

    pub fn after(&mut self, ending: Ending, at: Instant) -> Next {
        const FREE_RESTART: i32 = 200;
        match ending {
            Ending::Exited(Some(0)) => Next::StayDead,
            Ending::Exited(Some(FREE_RESTART)) | Ending::KilledForTimeout => Next::Restart,
            Ending::Exited(_) | Ending::NeverReady => self.strike(at),
        }
    }

    fn strike(&mut self, at: Instant) -> Next {
        if self.last_at.is_some_and(|last_at| at.duration_since(last_at) > MEMORY) {
            self.count = 0;
        }
        self.count += 1;
        self.last_at = Some(at);
        match self.max_restarts {
            Some(max_restarts) if self.count > max_restarts => Next::GiveUp,
            _ => Next::Restart,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: Ending = Ending::Exited(Some(1));
    const KILLED: Ending = Ending::Exited(None);

    /// What follows endings that come the given number of minutes after the start.
    fn history(max_restarts: Option<u32>, endings: &[(u64, Ending)]) -> Vec<Next> {
        let (start, mut strikes) = (Instant::now(), Strikes::new(max_restarts));
        let after =
            |(minutes, ending): &(u64, Ending)| strikes.after(*ending, start + Duration::from_secs(60 * minutes));
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
