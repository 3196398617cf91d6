//! From a workload and [`Prices`] to a [`Bill`], by arithmetic alone. Does not know what the functions do.
//!
//! The estimate of compute is an upper bound. Azure bills invocations that overlap on one instance once, and here each counts
//! separately.

use crate::command::Failure;
use serde::{Deserialize, Serialize};

/// The month of Azure's price lists.
const HOURS_PER_MONTH: f64 = 730.0;
pub const SECONDS_PER_MONTH: f64 = HOURS_PER_MONTH * 3_600.0;

/// The shortest time that is billed for an execution.
const MIN_SECONDS: f64 = 1.0;

const INGRESS_UNIT_BYTES: f64 = 65_536.0;

/// What one throughput unit receives and sends in a second, at most.
const TU_EVENTS_IN: f64 = 1_000.0;
const TU_BYTES_IN: f64 = 1_000_000.0;
const TU_EVENTS_OUT: f64 = 4_096.0;
const TU_BYTES_OUT: f64 = 2_000_000.0;

const GB: f64 = 1e9;

/// The price of something that is metered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    usd: f64,
    /// The number of units that cost `usd`.
    per: f64,
    /// Units that are free each month.
    free: f64,
    unit: String,
    source: String,
    /// The date of the price, as exactly as it is known: 2026-09-23, or 2026-10.
    date: String,
}

impl Price {
    /// US dollars for `quantity` units in one month.
    fn of(&self, quantity: f64) -> f64 {
        self.of_more((quantity - self.free).max(0.0))
    }

    /// US dollars for `quantity` further units, when the free ones are used up.
    fn of_more(&self, quantity: f64) -> f64 {
        quantity / self.per * self.usd
    }
}

/// All prices, from `prices.json`. Nothing else knows a price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The date of the newest price.
    pub as_of: String,
    pub region: String,
    flex_executions: Price,
    flex_gb_seconds: Price,
    always_ready_gb_seconds: Price,
    throughput_unit_hours: Price,
    /// An event counts as one unit for each 64 KB that it begins.
    ingress_units: Price,
    storage_writes: Price,
    storage_lists: Price,
    storage_reads: Price,
    capacity_gb_months: Price,
    log_gb: Price,
    private_endpoint_hours: Price,
}

impl Prices {
    pub fn read() -> Result<Self, Failure> {
        serde_json::from_str(include_str!("prices.json"))
            .map_err(|error| format!("cannot read the prices that this program was built with: {error}").into())
    }
}

/// Requests to a storage account.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Operations {
    pub writes: f64,
    pub lists: f64,
    pub reads: f64,
}

impl Operations {
    fn plus(self, other: Operations, times: f64) -> Operations {
        Operations {
            writes: self.writes + other.writes * times,
            lists: self.lists + other.lists * times,
            reads: self.reads + other.reads * times,
        }
    }
}

/// A function that a timer starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timer {
    /// Runs per month.
    pub runs: f64,
    /// Seconds of one run.
    pub seconds: f64,
    /// Requests of one run.
    pub operations: Operations,
}

/// What has to be paid for in one month.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    pub events: f64,
    pub event_bytes: f64,
    /// Events per batch, on average.
    pub batch: f64,
    /// Functions that read the event hub. Each reads every event.
    pub consumers: f64,
    /// Seconds of one invocation of a consumer.
    pub seconds: f64,
    /// Requests of one invocation of a consumer.
    pub operations: Operations,
    pub timers: Vec<Timer>,
    pub memory_gb: f64,
    /// `None` is as many as the average rate needs.
    pub throughput_units: Option<f64>,
    pub always_ready_instances: f64,
    pub private_endpoints: f64,
    /// Bytes in the lake per byte of an event.
    pub stored_fraction: f64,
    pub log_bytes_per_execution: f64,
}

/// One line of the bill.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub meter: &'static str,
    pub quantity: f64,
    pub unit: String,
    pub usd: f64,
    pub price_source: String,
    pub price_date: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Bill {
    pub lines: Vec<Line>,
    /// US dollars per month.
    pub usd: f64,
    pub usd_per_million_events: f64,
    /// What another million events costs: all free units are used up, no further throughput unit is needed, and the timers run
    /// anyway.
    pub usd_per_further_million_events: f64,
}

impl Workload {
    pub fn batches(&self) -> f64 {
        self.consumers * self.events / self.batch
    }

    pub fn needed_throughput_units(&self) -> f64 {
        let events = self.events / SECONDS_PER_MONTH;
        let bytes = events * self.event_bytes;
        let needs = [
            events / TU_EVENTS_IN,
            bytes / TU_BYTES_IN,
            self.consumers * events / TU_EVENTS_OUT,
            self.consumers * bytes / TU_BYTES_OUT,
        ];
        needs.into_iter().fold(0.0, f64::max).ceil().max(1.0)
    }

    fn executions(&self) -> f64 {
        self.batches() + self.timers.iter().map(|timer| timer.runs).sum::<f64>()
    }

    fn gb_seconds(&self) -> f64 {
        let of_batches = self.batches() * self.seconds.max(MIN_SECONDS);
        let of_timers: f64 = self.timers.iter().map(|timer| timer.runs * timer.seconds.max(MIN_SECONDS)).sum();
        (of_batches + of_timers) * self.memory_gb
    }

    fn operations(&self) -> Operations {
        let of_batches = Operations::default().plus(self.operations, self.batches());
        self.timers.iter().fold(of_batches, |all, timer| all.plus(timer.operations, timer.runs))
    }

    fn ingress_units(&self) -> f64 {
        self.events * (self.event_bytes / INGRESS_UNIT_BYTES).ceil().max(1.0)
    }

    /// What this costs in a month at `prices`.
    pub fn bill(&self, prices: &Prices) -> Bill {
        let operations = self.operations();
        let units = self.throughput_units.unwrap_or_else(|| self.needed_throughput_units());
        let always_ready = self.always_ready_instances * self.memory_gb * SECONDS_PER_MONTH;
        let log_gb = self.executions() * self.log_bytes_per_execution / GB;
        let stored_gb = self.events * self.event_bytes * self.stored_fraction / GB;
        let lines = vec![
            line("Functions, executions", &prices.flex_executions, self.executions()),
            line("Functions, on demand", &prices.flex_gb_seconds, self.gb_seconds()),
            line("Functions, always ready", &prices.always_ready_gb_seconds, always_ready),
            line("Event Hubs, throughput units", &prices.throughput_unit_hours, units * HOURS_PER_MONTH),
            line("Event Hubs, ingress", &prices.ingress_units, self.ingress_units()),
            line("storage, writes", &prices.storage_writes, operations.writes),
            line("storage, lists", &prices.storage_lists, operations.lists),
            line("storage, reads", &prices.storage_reads, operations.reads),
            line("storage, a month's events kept", &prices.capacity_gb_months, stored_gb),
            line("Log Analytics", &prices.log_gb, log_gb),
            line("private endpoints", &prices.private_endpoint_hours, self.private_endpoints * HOURS_PER_MONTH),
        ];
        let usd: f64 = lines.iter().map(|line| line.usd).sum();
        let further = self.usd_per_further_million(prices);
        Bill { lines, usd, usd_per_million_events: usd / self.events * 1e6, usd_per_further_million_events: further }
    }

    fn usd_per_further_million(&self, prices: &Prices) -> f64 {
        let million = Workload { events: 1e6, timers: Vec::new(), ..self.clone() };
        let operations = million.operations();
        prices.flex_executions.of_more(million.executions())
            + prices.flex_gb_seconds.of_more(million.gb_seconds())
            + prices.ingress_units.of_more(million.ingress_units())
            + prices.storage_writes.of_more(operations.writes)
            + prices.storage_lists.of_more(operations.lists)
            + prices.storage_reads.of_more(operations.reads)
    }
}

fn line(meter: &'static str, price: &Price, quantity: f64) -> Line {
    Line {
        meter,
        quantity,
        unit: price.unit.clone(),
        usd: price.of(quantity),
        price_source: price.source.clone(),
        price_date: price.date.clone(),
    }
}
