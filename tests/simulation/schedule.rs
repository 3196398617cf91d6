//! One seed from beginning to end.

use super::chance::Chance;
use super::check;
use super::instance::Instance;
use super::plan::Plan;
use super::render;
use super::store::Weather;
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

/// Simulated time within which every schedule has to come to rest.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// How a schedule went that ended well.
pub struct Ending {
    pub story: Vec<String>,
    pub totals: Totals,
}

/// One that did not.
pub struct Failure {
    pub seed: u64,
    pub why: String,
    pub plan: String,
    pub story: Vec<String>,
    pub tables: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, why, plan, story, tables } = self;
        writeln!(f, "{}\n\n{tables}\nseed {seed}: {plan}\n{why}", story.join("\n"))?;
        write!(f, "replay: SIMULATION_SEEDS={seed}..{} cargo test --release simulation -- --nocapture", seed + 1)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Runs the schedule of `seed`.
pub fn run(seed: u64) -> Result<Ending, Box<Failure>> {
    let chance = Chance::seeded(seed);
    let plan = Plan::draw(&chance);
    stage(seed, chance, plan, act)
}

/// Sets up the world that `plan` says, and looks at it once `play` is through.
pub fn stage(
    seed: u64,
    chance: Chance,
    plan: Plan,
    play: impl AsyncFnOnce(&World) -> Result<Instance, String>,
) -> Result<Ending, Box<Failure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let world = World::new(Weather::new(chance, plan.rates, NOON), plan);
        let whole = async {
            let instance = play(&world).await?;
            check::everything(&world, &instance).await
        };
        let outcome = tokio::time::timeout(LONGEST, whole).await;
        let story = world.weather.story.lines();
        match outcome.unwrap_or_else(|_| Err("it never comes to rest".to_owned())) {
            Ok(()) => Ok(Ending { story, totals: Totals::of(&world.weather.counts, world.doings.get()) }),
            Err(why) => {
                let plan = format!("{:?}", world.plan);
                Err(Box::new(Failure { seed, why, plan, story, tables: tables_as_text(&world).await }))
            }
        }
    })
}

async fn act(world: &World) -> Result<Instance, String> {
    world.trouble().await;
    let mut instance = world.drain().await?;
    if world.plan.recreated {
        world.recreate().await;
        world.make_calm(false);
        world.trouble().await;
        instance = world.drain().await?;
    }
    Ok(instance)
}

/// Where and when everything is, for a person.
async fn tables_as_text(world: &World) -> String {
    world.make_calm(true);
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

/// Columns that tell most of the story.
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
