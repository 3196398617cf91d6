//! Many handler processes work on one lake, and SIGKILL hits one or all of them at random. Partitions and timers move between
//! instances, and batches overlap and are redelivered. At the end no event is lost and none is duplicated.
//!
//! A long run prints at its end what happened. `CHAOS_SEED` makes other choices:
//!
//! `TEST_LIMIT_SECONDS=7200 CHAOS_KILLS=200 CHAOS_INSTANCES=32 cargo test --release chaos -- --nocapture`
//!
//! The restart times that it prints are from a restart of everything to the first new commit.

use crate::support::azurite::Azurite;
use crate::support::scaled::Scaled;
use crate::support::stored::Stored;
use crate::support::storm::{Aftermath, Storm};
use std::time::Duration;

/// Many partitions and small batches make many commits. The host makes faults of its own.
const SHAPE: [&str; 6] =
    ["--partitions", "32", "--batch", "25", "--faults", "move=5,overlap=9,duplicate=11,redeliver=7,back=40"];

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn eight_processes_on_a_local_disk() {
    on_local_disk(8, 12).await;
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn thirty_two_processes_on_a_local_disk() {
    on_local_disk(32, 8).await;
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn eight_processes_on_azurite() {
    on_azurite(8, 8).await;
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
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

/// The store, and how its processes are configured.
pub struct Site {
    lake: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Site {
    pub fn new(lake: String, environment: Vec<(String, String)>) -> Self {
        Site { lake, environment, arguments: Vec::new() }
    }

    /// Adds arguments of `clickstream local`.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| argument.to_string()));
        self
    }
}

/// How much happens.
pub struct Plan {
    instances: usize,
    kills: usize,
    pub seed: u64,
}

impl Plan {
    /// These numbers, unless environment variables override them.
    pub fn new(instances: usize, kills: usize) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
        Plan {
            instances: number("CHAOS_INSTANCES").map_or(instances, |number: u64| number as usize),
            kills: number("CHAOS_KILLS").map_or(kills, |number| number as usize),
            seed: number("CHAOS_SEED").unwrap_or(1),
        }
    }
}

/// Runs `plan` and checks that the lake is complete. Returns the messages of the tool.
pub async fn survive(store: &str, plan: Plan, site: Site) -> String {
    let Plan { instances, kills, seed } = plan;
    println!("{store}: seed {seed}, {instances} instances, {kills} kills");
    let folder = tempfile::tempdir().expect("a folder");
    let Site { lake, mut environment, mut arguments } = site;
    environment.push(("SESSIONIZE_SCHEDULE".into(), "* * * * * *".into()));
    arguments.extend(SHAPE.map(str::to_owned));
    let stored = Stored::new(&lake, &environment);
    let scaled = Scaled { lake, instances, environment, arguments, folder: folder.path().to_owned() };
    let aftermath = Storm { scaled: &scaled, stored: &stored, kills, seed }.rage().await;
    everything_is_there(&scaled, &stored, &aftermath.sent).await;
    report(store, &scaled, &stored, &aftermath).await;
    scaled.story()
}

async fn everything_is_there(scaled: &Scaled, stored: &Stored, sent: &[Vec<u8>]) {
    let (status, audit) = scaled.audit();
    assert!(status.success(), "{audit}");
    // The audit cannot know the bytes that were sent.
    let bodies = stored.bodies().await;
    assert_eq!((bodies.len(), bodies == sent), (sent.len(), true), "bronze is not what was sent");
    // The host gave up no batch and reached the end of each partition.
    assert_eq!(scaled.outcome()["delivered"]["lost"], 0);
    assert!(!scaled.story().contains(" gave up "), "{}", scaled.story());
    assert_eq!(stored.events_by_txns().await, sent.len() as i64);
}

async fn report(store: &str, scaled: &Scaled, stored: &Stored, aftermath: &Aftermath) {
    let story = scaled.story();
    let told = |what: &str| story.lines().filter(|line| line.contains(what)).count();
    let Aftermath { sent, kills_of_one, kills_of_everything, .. } = aftermath;
    let (moves, failures) = (told(" moved from instance "), told(" failed, again in "));
    println!(
        "{store}: {} events; {kills_of_one} kills of one process, {kills_of_everything} of everything; {moves} moves and \
         {failures} failed calls, each delivered again; {} commits to bronze",
        sent.len(),
        stored.bronze_version(-1).await
    );
    println!("{store}, the last host: {}", scaled.outcome()["delivered"]);
    let mut restarts: Vec<u128> = aftermath.restarts.iter().map(Duration::as_millis).collect();
    restarts.sort_unstable();
    println!("{store}, from a restart of everything to the first new commit: {restarts:?} ms");
}
