//! The functions on a lake of their own, with a clock that stands until it is set.

use super::envelope::{Sent, envelope};
use clickstream::app::{App, Settings};
use clickstream::clock::Clock;
use clickstream::config;
use clickstream::event::time::Timestamp;
use clickstream::functions;
use clickstream::functions::answer::Failure;
use clickstream::ingest;
use clickstream::lake::store::Lake;
use clickstream::lake::workers::Workers;
use std::collections::BTreeMap;

/// 2026-01-15T12:00:00Z.
pub const NOON: Timestamp = Timestamp(1_768_478_400_000_000);

pub struct World {
    pub app: App,
    lake: Lake,
    settings: BTreeMap<String, String>,
}

impl World {
    /// In memory, with default settings.
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        let lake = Lake::open("memory:///lake", &BTreeMap::new()).expect("a lake in memory needs nothing");
        Self::on(lake, settings)
    }

    pub fn on(lake: Lake, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let app = App::on(lake.clone(), app_settings(&settings), Clock::manual(NOON), Workers::of_this_machine());
        World { app, lake, settings }
    }

    /// A second process on the same lake: it remembers nothing.
    pub fn restart(&mut self) {
        self.app = App::on(
            self.lake.clone(),
            app_settings(&self.settings),
            self.app.clock.clone(),
            Workers::of_this_machine(),
        );
    }

    pub fn set_now(&self, now: Timestamp) {
        self.app.clock.set(now);
    }

    pub async fn ingest(&self, partition: &str, events: &[Sent]) -> Result<ingest::Report, Failure> {
        let body = envelope(partition, events);
        functions::ingest(self.app.clone(), body).await.map_err(|error| Failure::of(&error))
    }

    /// Until nothing is left to do.
    pub async fn sessionize(&self) {
        while self.app.gold.sessionize().await.expect("sessionize works").run.is_some() {}
    }
}

fn app_settings(settings: &BTreeMap<String, String>) -> Settings {
    config::app(settings, "memory:///lake").unwrap_or_else(|invalid| panic!("{invalid}"))
}
