//! The world around the functions, simulated: what ships (`functions`, `bronze`, `silver`, `gold`, `lake`) against a hub,
//! a host and a store that do everything to it that they may. One seed is one schedule, on one thread, in simulated time.
//!
//! ```text
//! SIMULATION_SEEDS=0..10000 cargo test --release simulation -- --nocapture     any range, a line per thousand
//! SIMULATION_SEEDS=17..18 cargo test --release simulation -- --nocapture       one seed; its story if it ends badly
//! SIMULATION_MUTANTS=all cargo test --release simulation -- --nocapture         each broken variant has to be found
//! ```
//!
//! In a schedule: batches are cut anywhere, come again, overlap with a call that still runs; partitions move to new owners
//! while the old ones are at it; any store call fails before it took effect or after, is slow, is throttled, sleeps for an
//! hour, lists less than there is, or is the last one of its process; two owners of the timer run `sessionize` beside
//! `rebuild` and beside checkpoints of any version; the hub is recreated. Then it is calm, everything is delivered, and
//! [`check::everything`] has to hold.
//!
//! In reading order: [`plan`] (what a seed decides), [`events`] (what is sent), [`store`] and [`life`] (what goes wrong),
//! [`instance`] (a process), [`world`] (the hub and the host), [`schedule`], [`check`], [`variants`] (that it can fail).

mod chance;
mod check;
#[path = "../it/support/envelope.rs"]
mod envelope;
mod events;
mod instance;
mod life;
#[path = "../it/support/naive.rs"]
mod naive;
mod plan;
// Shared with tests that look at more of it.
#[allow(dead_code)]
#[path = "../it/support/render.rs"]
mod render;
mod schedule;
mod seeds;
mod store;
mod story;
mod tables;
mod totals;
mod variants;
mod world;

use chance::Chance;
use plan::Plan;
use seeds::Seeds;
use world::World;

/// Without `SIMULATION_SEEDS`.
const SEEDS: Seeds = Seeds { from: 0, to: 200 };

#[test]
fn simulation_of_many_schedules() {
    if std::env::var_os("SIMULATION_MUTANTS").is_some() {
        // Then it is the broken variants that are asked for.
        return;
    }
    let seeds = Seeds::asked_for().unwrap_or(SEEDS);
    let totals = seeds::run_all(seeds).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{totals}");
    assert!(totals.has_seen_everything() || seeds.to - seeds.from < 200, "trouble is missing: {totals}");
}

/// Otherwise a failing seed could not be replayed.
#[test]
fn simulation_of_one_seed_is_always_the_same() {
    for seed in 1_000..1_004 {
        let stories = [0, 1].map(|_| schedule::run(seed).expect("it holds").story);
        let parting = stories[0].iter().zip(&stories[1]).find(|(one, other)| one != other);
        assert!(stories[0] == stories[1], "seed {seed} has two stories: {parting:?}");
    }
}

/// Gold was away: 5,000 commits to silver wait for it.
#[test]
fn simulation_of_catching_up_after_5_000_commits() {
    let chance = Chance::seeded(5_000);
    let plan = Plan { partitions: 1, events: 5_000, batch: 1, slice_events: 500, ..Plan::draw(&chance) };
    let play = async |world: &World| {
        world.backlog().await?;
        world.drain().await
    };
    schedule::stage(5_000, chance, plan, play).unwrap_or_else(|failure| panic!("{failure}"));
}
