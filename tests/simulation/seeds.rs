//! Runs many seeds on a few threads.

use super::schedule::{Failure, Success, run};
use super::totals::Totals;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads that run seeds in parallel. Each seed has its own simulated time.
const THREADS: u64 = 2;

/// A range of seeds; `to` is excluded.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    pub from: u64,
    pub to: u64,
}

impl Seeds {
    /// Reads `SIMULATION_SEEDS=FROM..TO`.
    pub fn asked_for() -> Option<Self> {
        let text = setting("SIMULATION_SEEDS")?;
        let parsed = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let (from, to) = parsed.unwrap_or_else(|| panic!("SIMULATION_SEEDS is FROM..TO, not `{text}`"));
        Some(Seeds { from, to })
    }
}

/// An environment variable, by which a person chooses what is simulated.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulation is configured by hand, not by the settings of the product"
)]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs one seed; a panic of the simulated code is a failure of the seed.
pub fn run_caught(seed: u64) -> Result<Success, Box<Failure>> {
    catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "the simulated code panicked".to_owned());
        Err(Box::new(Failure { seed, why: said, plan: String::new(), trace: Vec::new(), tables: String::new() }))
    })
}

/// Runs all seeds and prints a line per thousand. Stops at the first failure.
pub fn run_all(seeds: Seeds) -> Result<Totals, Box<Failure>> {
    let mut totals = Totals::default();
    for from in (seeds.from..seeds.to).step_by(1_000) {
        let to = (from + 1_000).min(seeds.to);
        let next = AtomicU64::new(from);
        let work = || {
            let mut totals = Totals::default();
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= to {
                    return Ok(totals);
                }
                match run_caught(seed) {
                    Ok(success) => totals.add(success.totals),
                    Err(failure) => {
                        next.store(to, Ordering::SeqCst);
                        return Err(failure);
                    }
                }
            }
        };
        let parts = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("panics are caught")).collect::<Vec<_>>()
        });
        for part in parts {
            totals.add(part?);
        }
        println!("seeds {from}..{to}: {totals}");
    }
    Ok(totals)
}
