//! What happened over many schedules, so that a reader sees that there was trouble.

use super::store::Counts;
use super::world::Doings;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happened, over many schedules.
#[derive(Debug, Default, Clone, Copy)]
pub struct Totals {
    schedules: u64,
    calls: u64,
    lost: u64,
    answers_lost: u64,
    throttled: u64,
    slow: u64,
    zombies: u64,
    stale_lists: u64,
    kills: u64,
    doings: Doings,
}

impl Totals {
    pub fn of(counts: &Counts, doings: Doings) -> Self {
        let count = |of: &AtomicU64| of.load(Ordering::SeqCst);
        Totals {
            schedules: 1,
            calls: count(&counts.calls),
            lost: count(&counts.lost),
            answers_lost: count(&counts.answers_lost),
            throttled: count(&counts.throttled),
            slow: count(&counts.slow),
            zombies: count(&counts.zombies),
            stale_lists: count(&counts.stale_lists),
            kills: count(&counts.kills),
            doings,
        }
    }

    fn all(&self) -> [(&'static str, u64); 18] {
        let doings = self.doings;
        [
            ("schedules", self.schedules),
            ("batches", doings.batches),
            ("failed invocations", doings.failures),
            ("killed ones", doings.gone),
            ("redeliveries", doings.redeliveries),
            ("moves", doings.moves),
            ("sessionizings", doings.activations),
            ("rebuilds", doings.rebuilds),
            ("checkpoints", doings.checkpoints),
            ("recreated hubs", doings.recreated),
            ("store calls", self.calls),
            ("lost", self.lost),
            ("answers lost", self.answers_lost),
            ("throttled", self.throttled),
            ("slow", self.slow),
            ("zombies", self.zombies),
            ("stale lists", self.stale_lists),
            ("kills", self.kills),
        ]
    }

    pub fn add(&mut self, other: Totals) {
        self.schedules += other.schedules;
        self.calls += other.calls;
        self.lost += other.lost;
        self.answers_lost += other.answers_lost;
        self.throttled += other.throttled;
        self.slow += other.slow;
        self.zombies += other.zombies;
        self.stale_lists += other.stale_lists;
        self.kills += other.kills;
        self.doings.add(other.doings);
    }

    /// No kind of trouble was left out.
    pub fn has_seen_everything(&self) -> bool {
        self.all().iter().all(|(_, count)| *count > 0)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.all().iter().map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(&all.join(", "))
    }
}
