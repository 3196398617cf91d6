//! One seed from beginning to end, and many of them.

use super::chance::Chance;
use super::check;
use super::instance::Instance;
use super::plan::Plan;
use super::render;
use super::store::{Counts, Weather};
use super::tables;
use super::world::{Doings, World};
use clickstream::event::time::Timestamp;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// 2026-01-15T12:00:00Z.
const NOON: Timestamp = Timestamp(1_768_478_400_000_000);

/// Simulated time within which every schedule has to come to rest.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// Threads that run seeds side by side; each has its own time.
const THREADS: u64 = 2;

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
    fn of(counts: &Counts, doings: Doings) -> Self {
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
