//! What is made once per process and shared by all invocations: handles on the tables, made without asking the lake
//! anything, so that a lake that is away delays answers and not the start.

use crate::clock::Clock;
use crate::gold::{self, Gold};
use crate::ingest::{self, Ingest};
use crate::lake::store::{Lake, StoreError};
use crate::lake::workers::Workers;
use std::collections::BTreeMap;

/// Everything that can be set about the functions.
#[derive(Clone)]
pub struct Settings {
    pub lake_url: String,
    /// For the store's client; may hold credentials, and is never printed.
    pub storage_options: BTreeMap<String, String>,
    pub ingest: ingest::Settings,
    pub gold: gold::Settings,
}

/// The functions' share of the world. Clones share it.
#[derive(Clone)]
pub struct App {
    pub lake: Lake,
    pub clock: Clock,
    pub workers: Workers,
    pub ingest: Ingest,
    pub gold: Gold,
}

impl App {
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, StoreError> {
        let lake = Lake::open(&settings.lake_url, &settings.storage_options)?;
        Ok(Self::on(lake, settings, clock, Workers::of_this_machine()))
    }

    /// On a lake that is open already.
    pub fn on(lake: Lake, settings: Settings, clock: Clock, workers: Workers) -> Self {
        App {
            ingest: Ingest::new(&lake, settings.ingest, &clock, &workers),
            gold: Gold::new(&lake, settings.gold, &clock, &workers),
            lake,
            clock,
            workers,
        }
    }
}
