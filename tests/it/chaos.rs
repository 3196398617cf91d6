//! Many handler processes on one lake, killed at random: SIGKILL for one of them, or for everything. Partitions and timers
//! move between the instances, batches overlap and come again. At the end nothing is lost and nothing doubled.
//!
//! A long run, with what happened printed at its end (`CHAOS_SEED` for other choices):
//!
//! `CHAOS_KILLS=200 CHAOS_INSTANCES=32 cargo test --release chaos -- --nocapture`
//!
//! What it prints of restarts is how long it takes from starting everything again to the first new commit.

use crate::support::azurite::Azurite;
use crate::support::process::clickstream;
use crate::support::scaled::{Running, Scaled, kill};
use crate::support::stored::Stored;
use clickstream::lake::log::Version;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::time::{Duration, Instant};

/// Commits between two kills, at most. As many kills as there are then fall within the events.
const COMMITS_PER_KILL: Version = 3;
const EVENTS_PER_KILL: usize = 150;
const BATCH: usize = 25;
const PARTITIONS: usize = 32;
/// One kill in so many is of everything.
const EVERYTHING_ONE_IN: u32 = 6;
const FAULTS: &str = "move=5,overlap=9,duplicate=11,redeliver=7";

/// Between two looks at the lake or at a process.
const GLANCE: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_on_a_local_disk() {
    on_local_disk(8, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_processes_on_a_local_disk() {
    on_local_disk(32, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_on_azurite() {
    on_azurite(8, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_processes_on_azurite() {
    on_azurite(32, 6).await;
}

async fn on_local_disk(instances: usize, kills: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake").to_string_lossy().into_owned();
    survive("local disk", Plan::new(instances, kills), Site::new(lake, vec![])).await;
}

async fn on_azurite(instances: usize, kills: usize) {
    let azurite = Azurite::start();
    azurite.create_container("chaos");
    survive("Azurite", Plan::new(instances, kills), Site::new("az://chaos/lake".into(), azurite.settings())).await;
}

/// Where it happens.
pub struct Site {
    lake: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Site {
    pub fn new(lake: String, environment: Vec<(String, String)>) -> Self {
        Site { lake, environment, arguments: Vec::new() }
    }

    /// With further arguments for `clickstream local`.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| argument.to_string()));
        self
    }
}

/// What happens.
pub struct Plan {
    pub instances: usize,
    pub kills: usize,
    pub seed: u64,
}

impl Plan {
    /// These numbers, unless the environment has others.
    pub fn new(instances: usize, kills: usize) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
        Plan {
            instances: number("CHAOS_INSTANCES").map_or(instances, |number: u64| number as usize),
            kills: number("CHAOS_KILLS").map_or(kills, |number| number as usize),
            seed: number("CHAOS_SEED").unwrap_or(1),
        }
    }

    fn events(&self) -> usize {
        self.kills * EVENTS_PER_KILL
    }
}

/// Runs `plan` to its end, and looks whether everything is there. What the tool told comes back.
pub async fn survive(store: &str, plan: Plan, site: Site) -> String {
    println!("{store}: seed {}, {} instances, {} kills", plan.seed, plan.instances, plan.kills);
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("sent.ndjson");
    let sent = generate(&input, plan.events(), plan.seed);
    let Site { lake, mut environment, arguments } = site;
    environment.push(("SESSIONIZE_SCHEDULE".into(), "* * * * * *".into()));
    let stored = Stored::new(&lake, &environment);
    let (instances, folder) = (plan.instances, folder.path().to_owned());
    let mut scaled = Scaled { lake, instances, environment, arguments, folder };
    let (partitions, batch) = (PARTITIONS.to_string(), BATCH.to_string());
    let shape = ["--partitions", &partitions, "--batch", &batch, "--faults", FAULTS, "--input"];
    scaled.arguments.extend(shape.map(str::to_owned));
    scaled.arguments.push(input.to_string_lossy().into_owned());
    let kills = storm(&plan, &scaled, &stored).await;
    everything_is_there(&scaled, &stored, &sent).await;
    report(store, &scaled, &stored, &kills).await;
    scaled.story()
}

/// The events, one a line, in a file; and sorted.
fn generate(path: &Path, events: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut command = clickstream();
    command.args(["generate", "--events", &events.to_string(), "--seed", &seed.to_string(), "--out"]).arg(path);
    let rates = ["--malformed", "0.02", "--late", "0.02", "--duplicates", "0.02", "--ids"];
    assert!(command.args(rates).status().expect("it starts").success());
    let text = std::fs::read(path).expect("it is there");
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let mut sent: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
    sent.sort_unstable();
    sent
}

#[derive(Default)]
struct Kills {
    of_one: usize,
    of_everything: usize,
    /// From starting everything again to the first new commit.
    restarts: Vec<Duration>,
}

/// Kills, and lets what is left come to its end.
async fn storm(plan: &Plan, scaled: &Scaled, stored: &Stored) -> Kills {
    let mut dice = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut kills = Kills::default();
    let mut running = scaled.start();
    let mut version = -1;
    for kill_number in 0..plan.kills {
        let due = version + dice.random_range(1..=COMMITS_PER_KILL);
        version = reach(due, version, &mut running, stored).await.unwrap_or_else(|| {
            panic!("the events ran out after {kill_number} kills:\n{}", tail(&scaled.story()));
        });
        // Anywhere within what follows the commit.
        tokio::time::sleep(Duration::from_micros(dice.random_range(0..30_000))).await;
        if dice.random_ratio(1, EVERYTHING_ONE_IN) {
            running.kill_everything();
            version = stored.bronze_version(version).await;
            let started = Instant::now();
            running = scaled.start();
            version = reach(version + 1, version, &mut running, stored).await.expect("there are events left");
            kills.restarts.push(started.elapsed());
            kills.of_everything += 1;
        } else {
            let handlers = running.handlers();
            assert!(!handlers.is_empty(), "no handler after {kill_number} kills:\n{}", tail(&scaled.story()));
            kill(handlers[dice.random_range(0..handlers.len())]);
            kills.of_one += 1;
        }
    }
    let status = loop {
        if let Some(status) = running.ended() {
            break status;
        }
        tokio::time::sleep(GLANCE).await;
    };
    assert!(status.success(), "{status}:\n{}", tail(&scaled.story()));
    kills
}

/// Waits until bronze has version `due`, and says which it has; `None` when everything has come to its end before.
async fn reach(due: Version, known: Version, running: &mut Running, stored: &Stored) -> Option<Version> {
    let mut version = known;
    while version < due {
        if running.ended().is_some() {
            return None;
        }
        tokio::time::sleep(GLANCE).await;
        version = stored.bronze_version(version).await;
    }
    Some(version)
}

async fn everything_is_there(scaled: &Scaled, stored: &Stored, sent: &[Vec<u8>]) {
    let (status, audit) = scaled.audit();
    assert!(status.success(), "{audit}");
    // Byte for byte, which the audit cannot know.
    let bodies = stored.bodies().await;
    assert_eq!((bodies.len(), bodies == sent), (sent.len(), true), "bronze is not what was sent");
    // No batch was given up, and no partition stopped before its end.
    assert_eq!(scaled.outcome()["delivered"]["lost"], 0);
    assert!(!scaled.story().contains(" gave up "), "{}", scaled.story());
    assert_eq!(stored.events_by_txns().await, sent.len() as i64);
}

async fn report(store: &str, scaled: &Scaled, stored: &Stored, kills: &Kills) {
    let story = scaled.story();
    let told = |what: &str| story.lines().filter(|line| line.contains(what)).count();
    println!(
        "{store}: {} kills of one process, {} of everything; {} moves, {} failed calls, {} commits to bronze",
        kills.of_one,
        kills.of_everything,
        told(" moved from instance "),
        told(" failed, again in "),
        stored.bronze_version(-1).await
    );
    println!("{store}, the last host: {}", scaled.outcome()["delivered"]);
    let mut restarts: Vec<u128> = kills.restarts.iter().map(Duration::as_millis).collect();
    restarts.sort_unstable();
    println!("{store}, from a restart of everything to the first new commit: {restarts:?} ms");
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
