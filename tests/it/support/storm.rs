//! Kills handlers, one or all of them, while they process events. Sends more events if the events run out before the kills do.

use super::limit::{Deadline, STEP_LIMIT};
use super::process::clickstream;
use super::scaled::{Running, Scaled, kill};
use super::stored::Stored;
use clickstream::lake::log::Version;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The most commits between two kills.
const COMMITS_PER_KILL: Version = 3;
const EVENTS_PER_KILL: usize = 150;
/// One kill in so many kills everything.
const EVERYTHING_ONE_IN: u32 = 6;
/// The time between two looks at the lake or at a process.
const GLANCE: Duration = Duration::from_millis(5);

pub struct Storm<'a> {
    pub scaled: &'a Scaled,
    pub stored: &'a Stored,
    pub kills: usize,
    pub seed: u64,
}

/// What happened.
#[derive(Default)]
pub struct Aftermath {
    /// The bodies of all events, sorted.
    pub sent: Vec<Vec<u8>>,
    pub kills_of_one: usize,
    pub kills_of_everything: usize,
    /// Times from a restart of everything to the first new commit.
    pub restarts: Vec<Duration>,
}

impl Storm<'_> {
    /// Makes all kills and then waits until the remaining events are processed.
    pub async fn rage(self) -> Aftermath {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        let mut aftermath = Aftermath::default();
        let mut flow = Flow::start(&self, &mut aftermath);
        for _ in 0..self.kills {
            flow.commits(dice.random_range(1..=COMMITS_PER_KILL), &mut aftermath).await;
            // The kill hits a random moment of what follows the commit.
            tokio::time::sleep(Duration::from_micros(dice.random_range(0..30_000))).await;
            if dice.random_ratio(1, EVERYTHING_ONE_IN) {
                aftermath.kills_of_everything += 1;
                flow.kill_everything(&mut aftermath).await;
            } else if let handlers @ [_, ..] = &flow.running.handlers()[..] {
                aftermath.kills_of_one += 1;
                kill(handlers[dice.random_range(0..handlers.len())]);
            }
        }
        self.expect_success(flow.end().await);
        aftermath.sent.sort_unstable();
        aftermath
    }

    fn expect_success(&self, status: ExitStatus) {
        let story = self.scaled.story();
        let lines: Vec<&str> = story.lines().collect();
        assert!(status.success(), "{status}:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
}

/// The running command and its inputs, one after the other.
struct Flow<'a> {
    storm: &'a Storm<'a>,
    inputs: u64,
    input: PathBuf,
    running: Running,
    /// Version of bronze at the last look.
    version: Version,
}

impl<'a> Flow<'a> {
    fn start(storm: &'a Storm<'a>, aftermath: &mut Aftermath) -> Self {
        let input = storm.scaled.folder.join("sent-0.ndjson");
        aftermath.sent = generate(&input, storm.kills * EVENTS_PER_KILL, storm.seed);
        let running = storm.scaled.start(&input);
        Flow { storm, inputs: 1, input, running, version: -1 }
    }

    /// Waits for `more` commits to bronze.
    async fn commits(&mut self, more: Version, aftermath: &mut Aftermath) {
        let due = self.version + more;
        let deadline = Deadline::after(STEP_LIMIT);
        loop {
            self.version = self.storm.stored.bronze_version(self.version).await;
            if self.version >= due {
                return;
            }
            if let Some(status) = self.running.ended() {
                self.storm.expect_success(status);
                self.next_input(aftermath);
            }
            deadline.check("commits to bronze");
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn next_input(&mut self, aftermath: &mut Aftermath) {
        self.input = self.storm.scaled.folder.join(format!("sent-{}.ndjson", self.inputs));
        let seed = self.storm.seed + self.inputs;
        aftermath.sent.extend(generate(&self.input, self.storm.kills * EVENTS_PER_KILL, seed));
        self.inputs += 1;
        self.running = self.storm.scaled.start(&self.input);
    }

    async fn kill_everything(&mut self, aftermath: &mut Aftermath) {
        self.running.kill_everything();
        self.version = self.storm.stored.bronze_version(self.version).await;
        let (started, inputs) = (Instant::now(), self.inputs);
        self.running = self.storm.scaled.start(&self.input);
        self.commits(1, aftermath).await;
        if self.inputs == inputs {
            aftermath.restarts.push(started.elapsed());
        }
    }

    async fn end(mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.running.ended() {
                return status;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// Writes events to a file, one per line, some of them malformed, late or duplicated. Returns the lines.
fn generate(path: &Path, events: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut command = clickstream();
    command.args(["generate", "--events", &events.to_string(), "--seed", &seed.to_string(), "--out"]).arg(path);
    let rates = ["--malformed", "0.02", "--late", "0.02", "--duplicates", "0.02", "--ids"];
    assert!(command.args(rates).status().expect("it starts").success());
    let text = std::fs::read(path).expect("it is there");
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(<[u8]>::to_vec).collect()
}
