//! Runs the production code (`functions`, `bronze`, `silver`, `gold`, `lake`) in a simulated world: a hub, a host and a store
//! that misbehave in every way they are allowed to. One seed is one schedule, on one thread, in simulated time.
//!
//! ```text
//! SIMULATION_SEEDS=0..10000 cargo test --release simulation -- --nocapture     any range, a line per thousand
//! SIMULATION_SEEDS=17..18 cargo test --release simulation -- --nocapture       one seed; its trace if it fails
//! SIMULATION_MUTANTS=all cargo test --release simulation -- --nocapture         finds every mutant
//! ```
//!
//! In a schedule, batches are cut anywhere, are redelivered, and overlap with a call that still runs. Partitions move to new
//! owners while the old ones still deliver. Any store call may fail before or after it took effect, be slow, be throttled,
//! sleep for an hour, list fewer files than exist, or kill its process. Two owners of the timer run `sessionize` concurrently
//! with `rebuild` and with checkpoints of any version. Another engine rewrites files between our commits, with their rows in
//! another order and stored in other types, and in some schedules it deletes and updates rows of silver. The hub may be
//! recreated. Then the faults stop, everything is delivered, and [`check::everything`] must hold.
//!
//! In reading order: [`plan`] (what a seed decides), [`events`] (what is sent), [`store`] and [`life`] (the faults),
//! [`instance`] (a process), [`world`] (the hub and the host), [`engine`] (the other engine), [`schedule`], [`check`], and [`mutants`] (proof that a defect is
//! found).

mod chance;
mod check;
mod engine;
#[path = "../it/support/envelope.rs"]
mod envelope;
#[path = "../it/support/event.rs"]
mod event;
mod events;
mod instance;
mod life;
#[allow(dead_code, reason = "the integration tests use more of it")]
#[path = "../it/support/limit.rs"]
mod limit;
#[path = "../it/support/naive/mod.rs"]
mod naive;
mod plan;
#[path = "../it/support/quality.rs"]
mod quality;
#[allow(dead_code, reason = "the integration tests use more of it")]
#[path = "../it/support/render.rs"]
mod render;
#[path = "../it/support/rewrite.rs"]
mod rewrite;
mod schedule;
mod seeds;
mod store;
mod trace;
mod tables;
mod totals;
mod mutants;
mod world;

use chance::Chance;
use plan::Plan;
use seeds::Seeds;
use std::time::Duration;
use world::World;

/// The real time within which a schedule must end. Most take less than a second; 5,000 commits in a debug build on a busy machine
/// take minutes.
const SCHEDULE_LIMIT: Duration = Duration::from_secs(1_800);

/// The seeds that run if `SIMULATION_SEEDS` is not set.
const SEEDS: Seeds = Seeds { from: 0, to: 200 };

#[test]
fn simulation_of_many_schedules() {
    if seeds::setting("SIMULATION_MUTANTS").is_some() {
        // Whoever asks for mutants does not want to wait for the many seeds as well.
        return;
    }
    let seeds = Seeds::asked_for().unwrap_or(SEEDS);
    let totals = seeds::run_all(seeds).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{totals}");
    assert!(totals.has_every_fault() || seeds.to - seeds.from < SEEDS.to, "some fault never happened: {totals}");
}

/// Without this a failing seed could not be replayed.
#[test]
fn simulation_of_one_seed_is_always_the_same() {
    for seed in 1_000..1_004 {
        let traces = [0, 1].map(|_| schedule::run(seed).expect("it holds").trace);
        let difference = traces[0].iter().zip(&traces[1]).find(|(one, other)| one != other);
        assert!(traces[0] == traces[1], "seed {seed} has two traces; they differ at {difference:?}");
    }
}

/// Gold did not run for a long time: 5,000 commits to silver wait for it.
#[test]
fn simulation_of_catching_up_after_5_000_commits() {
    let chance = Chance::seeded(5_000);
    let plan = Plan { partitions: 1, events: 5_000, batch: 1, micro_batch_events: 500, ..Plan::draw(&chance) };
    let steps = async |world: &World| {
        world.backlog().await?;
        world.drain().await
    };
    schedule::run_plan(5_000, chance, plan, steps).unwrap_or_else(|failure| panic!("{failure}"));
}
