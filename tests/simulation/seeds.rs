//! Many seeds, on all the threads there are.

use super::schedule::{Ending, Failure, run};
use super::totals::Totals;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads that run seeds side by side; each has its own time.
const THREADS: u64 = 2;

/// From the first to one before the last.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    pub from: u64,
    pub to: u64,
}

impl Seeds {
    /// `SIMULATION_SEEDS=FROM..TO`.
    pub fn asked_for() -> Option<Self> {
        let text = std::env::var("SIMULATION_SEEDS").ok()?;
        let parsed = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let (from, to) = parsed.unwrap_or_else(|| panic!("SIMULATION_SEEDS is FROM..TO, not `{text}`"));
        Some(Seeds { from, to })
    }
}

/// A panic of what is simulated is a failure of the seed.
pub fn run_caught(seed: u64) -> Result<Ending, Box<Failure>> {
    catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panics".to_owned());
        Err(Box::new(Failure { seed, why: said, plan: String::new(), story: Vec::new(), tables: String::new() }))
    })
}

/// Runs all of them, with a line for each thousand; the first failure ends it.
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
                    Ok(ending) => totals.add(ending.totals),
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
