//! What a seed decides before anything happens.

use super::chance::{Chance, between, one_in};
use super::store::Rates;

#[derive(Debug, Clone)]
pub struct Plan {
    pub partitions: usize,
    /// For each partition.
    pub events: usize,
    /// Largest batch.
    pub batch: u64,
    pub instances: usize,
    pub rates: Rates,
    /// The hub is deleted and recreated under its name: sequence numbers begin anew.
    pub recreated: bool,
    /// `SESSIONIZE_MAX_EVENTS`.
    pub slice_events: u64,
}

impl Plan {
    pub fn draw(chance: &Chance) -> Self {
        Plan {
            partitions: between(chance, 1, 4) as usize,
            events: between(chance, 4, 40) as usize,
            batch: between(chance, 1, 12),
            instances: between(chance, 1, 4) as usize,
            rates: rates(chance),
            recreated: one_in(chance, 6),
            slice_events: between(chance, 1, 40),
        }
    }
}

/// Each kind of trouble is missing now and then, so that others are seen alone.
fn rates(chance: &Chance) -> Rates {
    let rate = |most_often: u64| if one_in(chance, 4) { 0 } else { between(chance, most_often, most_often * 10) };
    Rates {
        lost: rate(10),
        answer_lost: rate(10),
        throttled: rate(20),
        slow: rate(20),
        zombie: rate(60),
        stale_list: rate(3),
        killed: rate(30),
    }
}
