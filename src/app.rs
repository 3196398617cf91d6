//! What is made once per process and shared by all invocations: handles on the tables, made without asking the lake
//! anything, so that a lake that is away delays answers and not the start.

use crate::bronze::high_water_marks::HighWaterMarks;
use crate::clock::Clock;
use crate::event::parse::Limits;
use crate::gold::{self, Gold};
use crate::lake::append::Appender;
use crate::lake::store::{Lake, StoreError};
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use crate::{bronze, silver};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A batch takes several times its body while it is on its way into the tables. This bounds the sum.
pub const BODY_KILOBYTES: usize = 6 << 10;

/// What the functions can be told.
#[derive(Clone)]
pub struct Settings {
    pub lake_url: String,
    /// For the store's client; may hold credentials, and is never printed.
    pub storage_options: BTreeMap<String, String>,
    pub limits: Limits,
    /// Counts how often the event hub was recreated under its old name.
    pub source_epoch: u32,
    pub gold: gold::Settings,
}

/// The functions' share of the world. Clones share it.
#[derive(Clone)]
pub struct App {
    pub lake: Lake,
    pub clock: Clock,
    pub workers: Workers,
    /// Kilobytes of request bodies that may be worked on at once.
    pub memory: Arc<Semaphore>,
    pub limits: Arc<Limits>,
    pub source_epoch: u32,
    pub bronze: Appender,
    pub high_water_marks: Arc<HighWaterMarks>,
    pub silver: Appender,
    pub quarantine: Appender,
    pub gold: Gold,
}

impl App {
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, StoreError> {
        let lake = Lake::open(&settings.lake_url, &settings.storage_options)?;
        Ok(Self::on(lake, settings, clock, Workers::of_this_machine()))
    }

    /// On a lake that is open already.
    pub fn on(lake: Lake, settings: Settings, clock: Clock, workers: Workers) -> Self {
        let appender = |spec| Appender::new(Table::at(&lake, spec, &workers));
        App {
            bronze: appender(bronze::schema::table()),
            high_water_marks: Arc::default(),
            silver: appender(silver::schema::table()),
            quarantine: appender(silver::quarantine::table()),
            gold: Gold::new(&lake, settings.gold, &clock, &workers),
            limits: Arc::new(settings.limits),
            source_epoch: settings.source_epoch,
            lake,
            clock,
            workers,
            memory: Arc::new(Semaphore::new(BODY_KILOBYTES)),
        }
    }
}
