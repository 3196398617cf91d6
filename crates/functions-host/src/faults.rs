//! Faults on request: what a real host does to its handler on a bad day, several times a minute.
//!
//! Promises when a fault is due. Does not know how it is caused.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Which faults to cause, and how often. None by default.
///
/// Parsed from text such as `kill=7,overlap=5,redeliver=3,back=40,duplicate=4,move=6,delay=200`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Kill the handler during every n-th call. If the answer has arrived before, ignore it.
    pub kill_every: Option<u64>,
    /// Send every n-th batch twice at the same time, with different invocation ids.
    pub overlap_every: Option<u64>,
    /// Send every n-th batch again after it has succeeded, with another invocation id.
    pub duplicate_every: Option<u64>,
    /// After every n-th batch of new events, go back and redeliver from there, with other batch boundaries.
    pub redeliver_every: Option<u64>,
    /// How many sequence numbers a redelivery goes back.
    pub redeliver_back: i64,
    /// During every n-th batch of new events, move the partition to another instance; during every n-th run of a timer
    /// function, move the timer. The new owner continues from the last checkpoint while the former owner's call still
    /// runs.
    pub move_every: Option<u64>,
    /// How long every answer is held back.
    pub answer_delay: Duration,
}

const DEFAULT_BACK: i64 = 50;

impl Default for Faults {
    fn default() -> Self {
        Self {
            kill_every: None,
            overlap_every: None,
            duplicate_every: None,
            redeliver_every: None,
            redeliver_back: DEFAULT_BACK,
            move_every: None,
            answer_delay: Duration::ZERO,
        }
    }
}

/// Why a text does not describe faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// There is no such fault.
    #[error("unknown fault `{0}`, known are `kill`, `overlap`, `duplicate`, `redeliver`, `back`, `move` and `delay`")]
    UnknownName(String),
    /// The value is not a positive number.
    #[error("fault `{0}` needs a whole number above 0, as in `{0}=5`")]
    NotANumber(String),
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            let name = name.trim();
            let number = || {
                let number = value.trim().parse::<u32>().ok().filter(|number| *number > 0);
                number.map(u64::from).ok_or_else(|| FaultsError::NotANumber(name.to_owned()))
            };
            match name {
                "kill" => faults.kill_every = Some(number()?),
                "overlap" => faults.overlap_every = Some(number()?),
                "duplicate" => faults.duplicate_every = Some(number()?),
                "redeliver" => faults.redeliver_every = Some(number()?),
                "back" => faults.redeliver_back = number()?.cast_signed(),
                "move" => faults.move_every = Some(number()?),
                "delay" => faults.answer_delay = Duration::from_millis(number()?),
                unknown => return Err(FaultsError::UnknownName(unknown.to_owned())),
            }
        }
        Ok(faults)
    }
}

/// Counts the occasions for a fault over all partitions, so that many partitions do not have more faults than one.
#[derive(Debug, Default)]
pub(crate) struct Occasions(AtomicU64);

impl Occasions {
    /// Whether the fault is due at this occasion: at every `every`-th one, never for `None`.
    pub(crate) fn is_due(&self, every: Option<u64>) -> bool {
        every.is_some_and(|every| (self.0.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_text() {
        assert_eq!("".parse(), Ok(Faults::default()));
        let expected = Faults {
            kill_every: Some(7),
            overlap_every: Some(5),
            redeliver_every: Some(3),
            redeliver_back: 40,
            move_every: Some(6),
            answer_delay: Duration::from_millis(200),
            ..Faults::default()
        };
        assert_eq!("kill=7, overlap=5,redeliver=3,back=40,move=6,delay=200".parse(), Ok(expected));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!("kil=7".parse::<Faults>(), Err(FaultsError::UnknownName("kil".to_owned())));
        for text in ["kill", "kill=", "kill=0", "kill=-1", "kill=often"] {
            assert_eq!(text.parse::<Faults>(), Err(FaultsError::NotANumber("kill".to_owned())), "{text}");
        }
    }

    #[test]
    fn every_third_occasion_is_due() {
        let occasions = Occasions::default();
        let due: Vec<bool> = (0..6).map(|_| occasions.is_due(Some(3))).collect();
        assert_eq!(due, [false, false, true, false, false, true]);
        assert!(!occasions.is_due(None));
    }
}
