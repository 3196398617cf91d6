//! What a seed decides before the schedule starts.

use super::chance::{Chance, between, one_in};
use super::store::Rates;

#[derive(Debug, Clone)]
pub struct Plan {
    pub partitions: usize,
    /// Events per partition.
    pub events: usize,
    /// The largest batch, in events.
    pub batch: u64,
    pub instances: usize,
    pub rates: Rates,
    /// Whether the hub is deleted and recreated under its name, which restarts its sequence numbers.
    pub recreated: bool,
    /// `SESSIONIZE_MAX_EVENTS`.
    pub micro_batch_events: u64,
    /// `MAX_SESSION_EVENTS`.
    pub max_session_events: usize,
    /// Whether another engine deletes and updates rows of silver.
    pub rows_changed: bool,
}

impl Plan {
    pub fn draw(chance: &Chance) -> Self {
        Plan {
            partitions: between(chance, 1, 4) as usize,
            events: between(chance, 4, 40) as usize,
            batch: between(chance, 1, 12),
            instances: between(chance, 1, 4) as usize,
            rates: if one_in(chance, 8) { ONLY_COMMIT_ANSWERS_LOST } else { rates(chance) },
            recreated: one_in(chance, 6),
            micro_batch_events: between(chance, 1, 40),
            max_session_events: if one_in(chance, 3) { between(chance, 1, 8) as usize } else { 10_000 },
            rows_changed: one_in(chance, 4),
        }
    }
}

/// Faults that fail no invocation, so that the reported rows can be compared with the tables.
const ONLY_COMMIT_ANSWERS_LOST: Rates = Rates {
    commit_answer_lost: 2,
    lost: 0,
    answer_lost: 0,
    throttled: 0,
    slow: 0,
    zombie: 0,
    stale_list: 0,
    killed: 0,
};

/// Leaves each kind of fault out now and then, so that the others also occur alone.
fn rates(chance: &Chance) -> Rates {
    let rate = |max_rate: u64| if one_in(chance, 4) { 0 } else { between(chance, max_rate, max_rate * 10) };
    Rates {
        lost: rate(10),
        answer_lost: rate(10),
        commit_answer_lost: rate(5),
        throttled: rate(20),
        slow: rate(20),
        zombie: rate(60),
        stale_list: rate(3),
        killed: rate(30),
    }
}
