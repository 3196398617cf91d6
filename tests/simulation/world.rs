//! The world around the functions: a hub with partitions, a fleet of instances, and the host that brings them together
//! as badly as it may.

use super::chance::{between, one_in};
use super::envelope::{Sent, envelope};
use super::events::{self, Produced};
use super::instance::{Answer, Instance};
use super::plan::Plan;
use super::store::Weather;
use clickstream::event::time::Timestamp;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// Calls after which trouble ends, whatever has been reached.
const MOST_CALLS: u64 = 6_000;

/// Activations of `sessionize` that trouble still lasts for once everything is delivered.
const ACTIVATIONS: u64 = 6;

/// Activations within which gold has to catch up once it is calm.
const CATCH_UP: u64 = 500;

/// Longest backoff of the host's retry policy.
const LONGEST_BACKOFF_S: u64 = 60;

/// An event that was sent, where, and under which epoch it has to be in the tables.
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
    /// Counts owners: who finds it changed has lost the partition.
    owner: u64,
}

/// What the host did.
#[derive(Debug, Default, Clone, Copy)]
pub struct Doings {
    pub batches: u64,
    pub failures: u64,
    /// Invocations whose process was killed.
    pub gone: u64,
    /// Rows that invocations said they added to bronze.
    pub reported_rows: u64,
    pub redeliveries: u64,
    pub moves: u64,
    pub activations: u64,
    pub rebuilds: u64,
    pub checkpoints: u64,
    pub recreated: u64,
}

pub struct World {
    pub weather: Arc<Weather>,
    pub plan: Plan,
    pub expected: RefCell<Vec<Expected>>,
    pub doings: Cell<Doings>,
    partitions: RefCell<Vec<Partition>>,
    fleet: RefCell<Vec<Instance>>,
    epoch: Cell<u32>,
    producing: Cell<usize>,
    activations_left: Cell<u64>,
    started: Cell<u64>,
}

impl Doings {
    pub fn add(&mut self, other: Doings) {
        self.batches += other.batches;
        self.failures += other.failures;
        self.gone += other.gone;
        self.reported_rows += other.reported_rows;
        self.redeliveries += other.redeliveries;
        self.moves += other.moves;
        self.activations += other.activations;
        self.rebuilds += other.rebuilds;
        self.checkpoints += other.checkpoints;
        self.recreated += other.recreated;
    }
}

impl World {
    pub fn new(weather: Arc<Weather>, plan: Plan) -> Self {
        let world = World {
            partitions: RefCell::new((0..plan.partitions).map(|_| Partition::default()).collect()),
            weather,
            plan,
            expected: RefCell::default(),
            doings: Cell::default(),
            fleet: RefCell::default(),
            epoch: Cell::new(0),
            producing: Cell::new(0),
            activations_left: Cell::new(0),
            started: Cell::new(0),
        };
        let fleet = (0..world.plan.instances).map(|_| world.start_instance()).collect();
        world.fleet.replace(fleet);
        world
    }

    pub fn do_one(&self, change: impl FnOnce(&mut Doings)) {
        let mut doings = self.doings.get();
        change(&mut doings);
        self.doings.set(doings);
    }

    /// A process with an empty memory.
    pub fn start_instance(&self) -> Instance {
        self.started.set(self.started.get() + 1);
        let setting = |name: &str, value: String| (name.to_owned(), value);
        let settings = BTreeMap::from([
            setting("SESSIONIZE_MAX_EVENTS", self.plan.slice_events.to_string()),
            setting("SOURCE_EPOCH", self.epoch.get().to_string()),
        ]);
        let name = format!("instance {}", self.started.get());
        Instance::start(&self.weather, name, &settings, &self.weather.clock)
    }

    /// Any of the fleet; a dead one has been replaced.
    fn instance(&self) -> Instance {
        let at = self.weather.chance.up_to(self.plan.instances as u64 - 1) as usize;
        if self.fleet.borrow()[at].life.is_over() {
            let fresh = self.start_instance();
            self.fleet.borrow_mut()[at] = fresh;
        }
        self.fleet.borrow()[at].clone()
    }

    fn is_calm(&self) -> bool {
        self.weather.calm.load(Ordering::SeqCst)
    }

    pub fn make_calm(&self, calm: bool) {
        self.weather.calm.store(calm, Ordering::SeqCst);
    }

    /// Everything is produced, delivered, and sessionized for a while; or it has been enough.
    fn is_over(&self) -> bool {
        let delivered = self.partitions.borrow().iter().all(|partition| partition.checkpoint == partition.log.len());
        let done = self.producing.get() == 0 && delivered && self.activations_left.get() == 0;
        self.is_calm() || done || self.weather.counts.calls.load(Ordering::SeqCst) > MOST_CALLS
    }

    /// Trouble: everybody at once, until it is over.
    pub async fn trouble(&self) {
        self.producing.set(self.plan.partitions);
        self.activations_left.set(ACTIVATIONS);
        let partitions = 0..self.plan.partitions;
        let producers = futures::future::join_all(partitions.clone().map(|partition| self.produce(partition)));
        let owners = futures::future::join_all(partitions.map(|partition| self.own(partition)));
        tokio::join!(
            producers,
            owners,
            self.steal(),
            self.sessionize(1),
            self.sessionize(2),
            self.rebuild(),
            self.checkpoint(),
            self.operate(),
        );
    }

    /// Each event in a commit of its own, while nobody sessionizes; then the timers, with all their trouble.
    pub async fn backlog(&self) -> Result<(), String> {
        self.make_calm(true);
        self.producing.set(self.plan.partitions);
        for partition in 0..self.plan.partitions {
            self.produce(partition).await;
        }
        self.drain_hub(&self.start_instance()).await?;
        self.make_calm(false);
        self.activations_left.set(ACTIVATIONS);
        tokio::join!(self.sessionize(1), self.sessionize(2), self.rebuild(), self.checkpoint());
        Ok(())
    }

    async fn produce(&self, partition: usize) {
        for _ in 0..self.plan.events {
            sleep(Duration::from_millis(between(&self.weather.chance, 10, 20_000))).await;
            self.weather.set_clock();
            let now = Timestamp(self.weather.clock.now().0 / 1_000 * 1_000);
            let produced = events::produce(&self.weather.chance, now, &self.expected.borrow());
            let log = &mut self.partitions.borrow_mut()[partition].log;
            let sequence = log.len() as i64;
            log.push(Sent { sequence_number: sequence, enqueued_at: now, body: produced.body.clone() });
            let epoch = self.doings.get().recreated as u32;
            self.expected.borrow_mut().push(Expected { epoch, partition, sequence, produced });
        }
        self.producing.set(self.producing.get() - 1);
    }

    /// Delivers a partition until trouble is over, or until somebody else owns it.
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
                    // The host's checkpoint may be lost, and one that lost the partition may still write it.
                    if !one_in(&self.weather.chance, 5) {
                        self.partitions.borrow_mut()[partition].checkpoint = next;
                    }
                    if one_in(&self.weather.chance, 8) {
                        self.do_one(|doings| doings.redeliveries += 1);
                        next = next.saturating_sub(self.weather.chance.up_to(10) as usize);
                    }
                }
                Answer::Failed { .. } => {
                    failures += 1;
                    sleep(Duration::from_secs((1 << failures.min(6)).min(LONGEST_BACKOFF_S))).await;
                    // Sooner or later another process gets it, cut at another place.
                    if one_in(&self.weather.chance, 4) {
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
        let most = between(&self.weather.chance, 1, self.plan.batch) as usize;
        let end = (next + most).min(log.len());
        (next < end).then(|| log[next..end].to_vec())
    }

    async fn deliver(&self, instance: &Instance, partition: usize, batch: &[Sent]) -> Answer {
        self.do_one(|doings| doings.batches += 1);
        self.weather.set_clock();
        let answer = instance.call("ingest", envelope(&partition.to_string(), batch)).await;
        match answer {
            Answer::Done { bronze_rows } => self.do_one(|doings| doings.reported_rows += bronze_rows),
            Answer::Failed { .. } => self.do_one(|doings| doings.failures += 1),
            Answer::Gone => self.do_one(|doings| doings.gone += 1),
        }
        let (first, last) = (batch[0].sequence_number, batch[batch.len() - 1].sequence_number);
        self.weather.story.tell(&instance.life.name, format_args!("ingest {partition}: {first}..={last}: {answer:?}"));
        answer
    }

    /// Gives partitions to new owners, while the old ones are still at it.
    async fn steal(&self) {
        let mut thefts = FuturesUnordered::new();
        while !self.is_over() {
            let mut pause = std::pin::pin!(sleep(Duration::from_secs(between(&self.weather.chance, 5, 120))));
            loop {
                tokio::select! {
                    biased;
                    () = &mut pause => break,
                    Some(()) = thefts.next(), if !thefts.is_empty() => {}
                }
            }
            let partition = self.weather.chance.up_to(self.plan.partitions as u64 - 1) as usize;
            self.partitions.borrow_mut()[partition].owner += 1;
            self.do_one(|doings| doings.moves += 1);
            thefts.push(self.own(partition));
        }
        while thefts.next().await.is_some() {}
    }

    /// One owner of the timer; there are two.
    async fn sessionize(&self, owner: u64) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.weather.chance, 1, 20 * owner))).await;
            self.weather.set_clock();
            let instance = self.instance();
            let answer = instance.call("sessionize", "{}".into()).await;
            self.weather.story.tell(&instance.life.name, format_args!("sessionize: {answer:?}"));
            self.do_one(|doings| doings.activations += 1);
            self.activations_left.set(self.activations_left.get().saturating_sub(1));
        }
    }

    async fn rebuild(&self) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.weather.chance, 10, 200))).await;
            self.weather.set_clock();
            let instance = self.instance();
            let answer = instance.call("rebuild", "{}".into()).await;
            self.weather.story.tell(&instance.life.name, format_args!("rebuild: {answer:?}"));
            self.do_one(|doings| doings.rebuilds += 1);
        }
    }

    /// Checkpoints of any table, of any version, at any moment.
    async fn checkpoint(&self) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.weather.chance, 10, 200))).await;
            self.instance().checkpoint_some_table(&self.weather).await;
            self.do_one(|doings| doings.checkpoints += 1);
        }
    }

    /// After a while somebody reads the error that names the setting, and sets it.
    async fn operate(&self) {
        if self.epoch.get() as u64 == self.doings.get().recreated {
            return;
        }
        sleep(Duration::from_secs(between(&self.weather.chance, 1, 1_800))).await;
        self.epoch.set(self.doings.get().recreated as u32);
        self.weather.story.tell("operator", format_args!("sets SOURCE_EPOCH to {}", self.epoch.get()));
        self.fleet.borrow().iter().for_each(|instance| instance.life.end());
    }

    /// The hub is deleted and made anew, with the same name and no memory.
    pub async fn recreate(&self) {
        sleep(Duration::from_secs(3_600)).await;
        for partition in self.partitions.borrow_mut().iter_mut() {
            *partition = Partition { owner: partition.owner + 1, ..Partition::default() };
        }
        self.do_one(|doings| doings.recreated += 1);
        self.weather.story.tell("operator", format_args!("recreates the hub"));
    }

    /// No more trouble: a fresh process gets everything that is left, and gold catches up. Fails when it does not.
    pub async fn drain(&self) -> Result<Instance, String> {
        self.make_calm(true);
        self.epoch.set(self.doings.get().recreated as u32);
        // Who still sleeps between reading and committing wakes up first.
        sleep(Duration::from_secs(2 * 3_600)).await;
        let instance = self.start_instance();
        self.drain_hub(&instance).await?;
        for _ in 0..CATCH_UP {
            let report = instance.app.gold.sessionize().await.map_err(|error| format!("sessionize: {error}"))?;
            if report.run.is_none() {
                return Ok(instance);
            }
        }
        Err(format!("gold has not caught up after {CATCH_UP} activations"))
    }

    async fn drain_hub(&self, instance: &Instance) -> Result<(), String> {
        for partition in 0..self.plan.partitions {
            let mut next = self.partitions.borrow()[partition].checkpoint;
            while let Some(batch) = self.batch(partition, next) {
                match self.deliver(instance, partition, &batch).await {
                    Answer::Done { .. } => next += batch.len(),
                    answer => return Err(format!("partition {partition} is stuck at {next}: {answer:?}")),
                }
            }
            self.partitions.borrow_mut()[partition].checkpoint = next;
        }
        Ok(())
    }
}
