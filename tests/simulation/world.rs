//! The simulated world: a hub with partitions, a fleet of instances, and a host that delivers events and timers as badly as it
//! is allowed to.

use super::chance::{Chance, between, one_in};
use super::envelope::{HUB, NAMESPACE, Sent, envelope};
use super::events::{self, Produced};
use super::instance::{Answer, Instance};
use super::plan::Plan;
use super::store::FaultInjector;
use clickstream::event::time::Timestamp;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// The faults stop after this many calls, whatever has been reached.
const MAX_CALLS: u64 = 6_000;

/// Runs of `sessionize` that have to happen before the faults stop.
const RUNS: u64 = 6;

/// Runs within which gold must catch up once the faults have stopped.
const CATCH_UP: u64 = 500;

/// The longest backoff of the host's retry policy.
const MAX_BACKOFF_S: u64 = 60;

/// An event that was sent, with the position and the source epoch that the tables must show for it.
pub struct Expected {
    pub epoch: u32,
    pub partition: usize,
    pub sequence: i64,
    pub produced: Produced,
}

#[derive(Default)]
struct Partition {
    log: Vec<Sent>,
    /// The host's checkpoint: the next event to deliver.
    checkpoint: usize,
    /// Number of the current owner. An owner that finds another number has lost the partition.
    owner: u64,
}

/// What the host did.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stats {
    pub batches: u64,
    pub failures: u64,
    /// Invocations whose process was killed.
    pub gone: u64,
    /// Rows that invocations reported as added to bronze.
    pub reported_rows: u64,
    pub redeliveries: u64,
    pub moves: u64,
    pub runs: u64,
    pub rebuilds: u64,
    pub checkpoints: u64,
    pub recreated: u64,
    /// Versions in which another engine laid out the same rows in another way.
    pub rewrites: u64,
    /// Versions in which another engine deleted rows of silver.
    pub deletions: u64,
    /// Versions in which another engine updated rows of silver.
    pub updates: u64,
}

pub struct World {
    pub faults: Arc<FaultInjector>,
    pub plan: Plan,
    pub expected: RefCell<Vec<Expected>>,
    pub stats: Cell<Stats>,
    partitions: RefCell<Vec<Partition>>,
    fleet: RefCell<Vec<Instance>>,
    epoch: Cell<u32>,
    producing: Cell<usize>,
    runs_left: Cell<u64>,
    started: Cell<u64>,
}

impl Stats {
    pub fn add(&mut self, other: Stats) {
        self.batches += other.batches;
        self.failures += other.failures;
        self.gone += other.gone;
        self.reported_rows += other.reported_rows;
        self.redeliveries += other.redeliveries;
        self.moves += other.moves;
        self.runs += other.runs;
        self.rebuilds += other.rebuilds;
        self.checkpoints += other.checkpoints;
        self.recreated += other.recreated;
        self.rewrites += other.rewrites;
        self.deletions += other.deletions;
        self.updates += other.updates;
    }
}

impl World {
    pub fn new(faults: Arc<FaultInjector>, plan: Plan) -> Self {
        let world = World {
            partitions: RefCell::new((0..plan.partitions).map(|_| Partition::default()).collect()),
            faults,
            plan,
            expected: RefCell::default(),
            stats: Cell::default(),
            fleet: RefCell::default(),
            epoch: Cell::new(0),
            producing: Cell::new(0),
            runs_left: Cell::new(0),
            started: Cell::new(0),
        };
        let fleet = (0..world.plan.instances).map(|_| world.start_instance()).collect();
        world.fleet.replace(fleet);
        world
    }

    pub fn count(&self, change: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    /// Starts a process with empty memory.
    pub fn start_instance(&self) -> Instance {
        self.started.set(self.started.get() + 1);
        let name = format!("instance {}", self.started.get());
        Instance::start(&self.faults, name, &self.settings(), &self.faults.clock)
    }

    fn settings(&self) -> BTreeMap<String, String> {
        let setting = |name: &str, value: String| (name.to_owned(), value);
        BTreeMap::from([
            setting("SESSIONIZE_MAX_EVENTS", self.plan.micro_batch_events.to_string()),
            setting("MAX_SESSION_EVENTS", self.plan.max_session_events.to_string()),
            setting("SOURCE_EPOCHS", format!(r#"{{"{NAMESPACE}/{HUB}": {}}}"#, self.epoch.get())),
        ])
    }

    /// A process on a lake of its own, without faults.
    pub fn instance_on_another_lake(&self) -> Instance {
        let now = self.faults.clock.now();
        let faults = FaultInjector::new(Chance::seeded(0), self.plan.rates, now);
        faults.quiescent.store(true, Ordering::SeqCst);
        Instance::start(&faults, "instance on another lake".to_owned(), &self.settings(), &faults.clock)
    }

    /// Whether another engine deleted or updated rows of silver.
    pub fn has_changed_rows(&self) -> bool {
        let stats = self.stats.get();
        stats.deletions + stats.updates > 0
    }

    /// A random instance of the fleet, restarted if it is dead.
    fn instance(&self) -> Instance {
        let at = self.faults.chance.up_to(self.plan.instances as u64 - 1) as usize;
        if self.fleet.borrow()[at].life.is_over() {
            let restarted = self.start_instance();
            self.fleet.borrow_mut()[at] = restarted;
        }
        self.fleet.borrow()[at].clone()
    }

    fn is_quiescent(&self) -> bool {
        self.faults.quiescent.load(Ordering::SeqCst)
    }

    pub fn set_quiescent(&self, quiescent: bool) {
        self.faults.quiescent.store(quiescent, Ordering::SeqCst);
    }

    /// Whether the phase with faults ends: everything is produced, delivered and sessionized, or there were enough calls.
    pub fn is_over(&self) -> bool {
        let delivered = self.partitions.borrow().iter().all(|partition| partition.checkpoint == partition.log.len());
        let done = self.producing.get() == 0 && delivered && self.runs_left.get() == 0;
        self.is_quiescent() || done || self.faults.counts.calls.load(Ordering::SeqCst) > MAX_CALLS
    }

    /// Producers, owners, timers and operators all run concurrently, with faults, until [`World::is_over`].
    pub async fn run_with_faults(&self) {
        self.producing.set(self.plan.partitions);
        self.runs_left.set(RUNS);
        let partitions = 0..self.plan.partitions;
        let producers = futures::future::join_all(partitions.clone().map(|partition| self.produce(partition)));
        let owners = futures::future::join_all(partitions.map(|partition| self.own(partition)));
        tokio::join!(
            producers,
            owners,
            self.move_partitions(),
            self.sessionize(1),
            self.sessionize(2),
            self.rebuild(),
            self.checkpoint(),
            self.operate(),
            self.rewrite_files(),
            self.change_rows(),
        );
    }

    /// Delivers each event in a commit of its own while no timer runs, then runs the timers with faults.
    pub async fn backlog(&self) -> Result<(), String> {
        self.set_quiescent(true);
        self.producing.set(self.plan.partitions);
        for partition in 0..self.plan.partitions {
            self.produce(partition).await;
        }
        self.drain_hub(&self.start_instance()).await?;
        self.set_quiescent(false);
        self.runs_left.set(RUNS);
        tokio::join!(self.sessionize(1), self.sessionize(2), self.rebuild(), self.checkpoint());
        Ok(())
    }

    async fn produce(&self, partition: usize) {
        for _ in 0..self.plan.events {
            sleep(Duration::from_millis(between(&self.faults.chance, 10, 20_000))).await;
            self.faults.set_clock();
            let now = Timestamp(self.faults.clock.now().0 / 1_000 * 1_000);
            let produced = events::produce(&self.faults.chance, now, &self.expected.borrow());
            let log = &mut self.partitions.borrow_mut()[partition].log;
            let sequence = log.len() as i64;
            log.push(Sent { sequence_number: sequence, enqueued_at: now, body: produced.body.clone() });
            let epoch = self.stats.get().recreated as u32;
            self.expected.borrow_mut().push(Expected { epoch, partition, sequence, produced });
        }
        self.producing.set(self.producing.get() - 1);
    }

    /// Delivers a partition until [`World::is_over`] or until another owner has it.
    async fn own(&self, partition: usize) {
        let owner = self.partitions.borrow()[partition].owner;
        let mut instance = self.instance();
        let mut next = self.partitions.borrow()[partition].checkpoint;
        let mut failures = 0;
        while !self.is_over() && self.partitions.borrow()[partition].owner == owner {
            let Some(batch) = self.batch(partition, next) else {
                sleep(Duration::from_secs(1)).await;
                continue;
            };
            match self.deliver(&instance, partition, &batch).await {
                Answer::Done { .. } => {
                    failures = 0;
                    next += batch.len();
                    // The host may lose the checkpoint, and a former owner may still write it.
                    if !one_in(&self.faults.chance, 5) {
                        self.partitions.borrow_mut()[partition].checkpoint = next;
                    }
                    if one_in(&self.faults.chance, 8) {
                        self.count(|stats| stats.redeliveries += 1);
                        next = next.saturating_sub(self.faults.chance.up_to(10) as usize);
                    }
                }
                Answer::Failed { .. } => {
                    failures += 1;
                    sleep(Duration::from_secs((1 << failures.min(6)).min(MAX_BACKOFF_S))).await;
                    // Eventually another process receives the events, in other batches.
                    if one_in(&self.faults.chance, 4) {
                        (instance, next) = (self.instance(), self.partitions.borrow()[partition].checkpoint);
                    }
                }
                Answer::Gone => {
                    sleep(Duration::from_secs(1)).await;
                    (instance, next) = (self.instance(), self.partitions.borrow()[partition].checkpoint);
                }
            }
        }
    }

    fn batch(&self, partition: usize, next: usize) -> Option<Vec<Sent>> {
        let log = &self.partitions.borrow()[partition].log;
        let max = between(&self.faults.chance, 1, self.plan.batch) as usize;
        let end = (next + max).min(log.len());
        (next < end).then(|| log[next..end].to_vec())
    }

    async fn deliver(&self, instance: &Instance, partition: usize, batch: &[Sent]) -> Answer {
        self.count(|stats| stats.batches += 1);
        self.faults.set_clock();
        let answer = instance.call("ingest", envelope(&partition.to_string(), batch)).await;
        match answer {
            Answer::Done { bronze_rows } => self.count(|stats| stats.reported_rows += bronze_rows),
            Answer::Failed { .. } => self.count(|stats| stats.failures += 1),
            Answer::Gone => self.count(|stats| stats.gone += 1),
        }
        let (first, last) = (batch[0].sequence_number, batch[batch.len() - 1].sequence_number);
        self.faults.trace.record(&instance.life.name, format_args!("ingest {partition}: {first}..={last}: {answer:?}"));
        answer
    }

    /// Gives partitions to new owners while the old ones still deliver.
    async fn move_partitions(&self) {
        let mut new_owners = FuturesUnordered::new();
        while !self.is_over() {
            let mut pause = std::pin::pin!(sleep(Duration::from_secs(between(&self.faults.chance, 5, 120))));
            loop {
                tokio::select! {
                    biased;
                    () = &mut pause => break,
                    Some(()) = new_owners.next(), if !new_owners.is_empty() => {}
                }
            }
            let partition = self.faults.chance.up_to(self.plan.partitions as u64 - 1) as usize;
            self.partitions.borrow_mut()[partition].owner += 1;
            self.count(|stats| stats.moves += 1);
            new_owners.push(self.own(partition));
        }
        while new_owners.next().await.is_some() {}
    }

    /// One of the two owners of the timer.
    async fn sessionize(&self, owner: u64) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.faults.chance, 1, 20 * owner))).await;
            self.faults.set_clock();
            let instance = self.instance();
            let answer = instance.call("sessionize", "{}".into()).await;
            self.faults.trace.record(&instance.life.name, format_args!("sessionize: {answer:?}"));
            self.count(|stats| stats.runs += 1);
            self.runs_left.set(self.runs_left.get().saturating_sub(1));
        }
    }

    async fn rebuild(&self) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.faults.chance, 10, 200))).await;
            self.faults.set_clock();
            let instance = self.instance();
            let answer = instance.call("rebuild", "{}".into()).await;
            self.faults.trace.record(&instance.life.name, format_args!("rebuild: {answer:?}"));
            self.count(|stats| stats.rebuilds += 1);
        }
    }

    /// Writes checkpoints of any table and version at any moment.
    async fn checkpoint(&self) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.faults.chance, 10, 200))).await;
            self.instance().checkpoint_some_table(&self.faults).await;
            self.count(|stats| stats.checkpoints += 1);
        }
    }

    /// After a while an operator reads the error, which names the setting, and sets it.
    async fn operate(&self) {
        if self.epoch.get() as u64 == self.stats.get().recreated {
            return;
        }
        sleep(Duration::from_secs(between(&self.faults.chance, 1, 1_800))).await;
        self.epoch.set(self.stats.get().recreated as u32);
        self.faults.trace.record("operator", format_args!("sets the epoch of the hub to {}", self.epoch.get()));
        self.fleet.borrow().iter().for_each(|instance| instance.life.end());
    }

    /// Deletes the hub and creates an empty one with the same name.
    pub async fn recreate(&self) {
        sleep(Duration::from_secs(3_600)).await;
        for partition in self.partitions.borrow_mut().iter_mut() {
            *partition = Partition { owner: partition.owner + 1, ..Partition::default() };
        }
        self.count(|stats| stats.recreated += 1);
        self.faults.trace.record("operator", format_args!("recreates the hub"));
    }

    /// Stops the faults and delivers the remaining events to a fresh process. Fails if gold does not catch up.
    pub async fn drain(&self) -> Result<Instance, String> {
        self.set_quiescent(true);
        self.epoch.set(self.stats.get().recreated as u32);
        // Calls that still sleep between reading and committing wake up first.
        sleep(Duration::from_secs(2 * 3_600)).await;
        let instance = self.start_instance();
        self.drain_hub(&instance).await?;
        for _ in 0..CATCH_UP {
            let report = instance.app.gold.sessionize().await.map_err(|error| format!("sessionize: {error}"))?;
            if report.run.is_none() {
                return Ok(instance);
            }
        }
        Err(format!("gold has not caught up after {CATCH_UP} runs"))
    }

    async fn drain_hub(&self, instance: &Instance) -> Result<(), String> {
        for partition in 0..self.plan.partitions {
            let mut next = self.partitions.borrow()[partition].checkpoint;
            while let Some(batch) = self.batch(partition, next) {
                match self.deliver(instance, partition, &batch).await {
                    Answer::Done { .. } => next += batch.len(),
                    answer => return Err(format!("partition {partition} stops at {next}: {answer:?}")),
                }
            }
            self.partitions.borrow_mut()[partition].checkpoint = next;
        }
        Ok(())
    }
}
