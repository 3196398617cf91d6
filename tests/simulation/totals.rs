//! What happened over many schedules, so that a reader sees that every kind of fault occurred.

use super::store::Counts;
use super::world::Stats;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sums over many schedules.
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
    stats: Stats,
}

impl Totals {
    pub fn of(counts: &Counts, stats: Stats) -> Self {
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
            stats,
        }
    }

    fn all(&self) -> [(&'static str, u64); 21] {
        let stats = self.stats;
        [
            ("schedules", self.schedules),
            ("batches", stats.batches),
            ("failed invocations", stats.failures),
            ("killed invocations", stats.gone),
            ("redeliveries", stats.redeliveries),
            ("moved partitions", stats.moves),
            ("sessionize runs", stats.runs),
            ("rebuilds", stats.rebuilds),
            ("checkpoints", stats.checkpoints),
            ("recreated hubs", stats.recreated),
            ("rewrites by another engine", stats.rewrites),
            ("deletions by another engine", stats.deletions),
            ("updates by another engine", stats.updates),
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
        self.stats.add(other.stats);
    }

    /// Every kind of fault happened at least once.
    pub fn has_every_fault(&self) -> bool {
        self.all().iter().all(|(_, count)| *count > 0)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.all().iter().map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(&all.join(", "))
    }
}
