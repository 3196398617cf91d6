//! Runs one seed from beginning to end.

use super::chance::Chance;
use super::check;
use super::instance::Instance;
use super::limit::Watchdog;
use super::plan::Plan;
use super::render;
use super::store::FaultInjector;
use super::tables;
use super::totals::Totals;
use super::world::World;
use clickstream::event::time::Timestamp;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use std::fmt;
use std::time::Duration;

/// 2026-01-15T12:00:00Z.
const NOON: Timestamp = Timestamp(1_768_478_400_000_000);

/// The simulated time within which every schedule must end.
const TIME_LIMIT: Duration = Duration::from_secs(30 * 86_400);

/// A schedule whose checks all held.
pub struct Success {
    pub trace: Vec<String>,
    pub totals: Totals,
}

/// A schedule with a check that failed.
pub struct Failure {
    pub seed: u64,
    pub why: String,
    pub plan: String,
    pub trace: Vec<String>,
    pub tables: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, why, plan, trace, tables } = self;
        writeln!(f, "{}\n\n{tables}\nseed {seed}: {plan}\n{why}", trace.join("\n"))?;
        write!(f, "replay: SIMULATION_SEEDS={seed}..{} cargo test --release simulation -- --nocapture", seed + 1)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Runs the schedule of `seed`.
pub fn run(seed: u64) -> Result<Success, Box<Failure>> {
    let chance = Chance::seeded(seed);
    let plan = Plan::draw(&chance);
    run_plan(seed, chance, plan, steps)
}

/// Sets up the world of `plan`, runs `steps` in it and then checks it.
pub fn run_plan(
    seed: u64,
    chance: Chance,
    plan: Plan,
    steps: impl AsyncFnOnce(&World) -> Result<Instance, String>,
) -> Result<Success, Box<Failure>> {
    let _limit = Watchdog::start(&format!("seed {seed} of the simulation"), super::SCHEDULE_LIMIT);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let world = World::new(FaultInjector::new(chance, plan.rates, NOON), plan);
        let whole = async {
            let instance = steps(&world).await?;
            check::everything(&world, &instance).await
        };
        let outcome = tokio::time::timeout(TIME_LIMIT, whole).await;
        let trace = world.faults.trace.lines();
        match outcome.unwrap_or_else(|_| Err("it does not end".to_owned())) {
            Ok(()) => Ok(Success { trace, totals: Totals::of(&world.faults.counts, world.stats.get()) }),
            Err(why) => {
                let plan = format!("{:?}", world.plan);
                Err(Box::new(Failure { seed, why, plan, trace, tables: tables_as_text(&world).await }))
            }
        }
    })
}

async fn steps(world: &World) -> Result<Instance, String> {
    world.run_with_faults().await;
    let mut instance = world.drain().await?;
    if world.plan.recreated {
        world.recreate().await;
        world.set_quiescent(false);
        world.run_with_faults().await;
        instance = world.drain().await?;
    }
    Ok(instance)
}

/// The tables as text, for a person who reads a failure.
async fn tables_as_text(world: &World) -> String {
    world.set_quiescent(true);
    let instance = world.start_instance();
    let mut text = String::new();
    for spec in tables::all() {
        let columns: Vec<String> = spec.columns.fields().iter().map(|field| field.name().clone()).collect();
        let shown: Vec<&str> = columns.iter().map(String::as_str).filter(|name| SHOWN.contains(name)).collect();
        let name = spec.name;
        let rows = render::rows(&Table::at(&instance.app.lake, spec, &Workers::InPlace)).await;
        text.push_str(&format!("{name}\n{}\n", render::columns(&rows, &shown)));
    }
    text
}

/// The columns that explain most failures.
const SHOWN: [&str; 16] = [
    "source_epoch",
    "partition_id",
    "sequence_number",
    "event_id",
    "user_id",
    "session_id",
    "event_time",
    "parse_error",
    "session_start_time",
    "session_end_time",
    "total_events",
    "activity",
    "silver_version",
    "gold_version",
    "watermark",
    "reason",
];
