//! The functions on a lake of their own, with a clock that a test sets. Tests call the product through here, so that a change of
//! its interface is a change of this file.

use super::envelope::{Sent, envelope};
use super::faulty::{Fate, Faulty};
use super::render;
use clickstream::app::{App, Settings};
use clickstream::audit;
use clickstream::clock::Clock;
use clickstream::columns::TableSpec;
use clickstream::config;
use clickstream::event::time::Timestamp;
use clickstream::functions;
use clickstream::functions::answer::Failure;
use clickstream::gold::rebuild::Scope;
use clickstream::ingest;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use clickstream::{bronze, gold, settings, silver};
use object_store::memory::InMemory;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// 2026-01-15T12:00:00Z.
pub const NOON: Timestamp = Timestamp(1_768_478_400_000_000);

pub struct World {
    pub app: App,
    lake: Lake,
    faults: Option<Arc<Faulty>>,
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

    /// In memory, where PUTs can be made to fail.
    pub fn with_faults(settings: &[(&str, &str)]) -> Self {
        let store = Arc::new(Faulty::new(Arc::new(InMemory::new()), |_, _| Fate::Works));
        let lake = Lake::on(store.clone(), "memory:///lake".parse().expect("a URL"));
        World { faults: Some(store), ..Self::on(lake, settings) }
    }

    pub fn on(lake: Lake, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let app = App::on(lake.clone(), app_settings(&settings), Clock::manual(NOON), Workers::of_this_machine());
        World { app, lake, faults: None, settings }
    }

    /// In memory, with settings that no setting of the environment changes.
    pub fn adjusted(adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut world = Self::new();
        let mut settings = app_settings(&world.settings);
        adjust(&mut settings);
        world.app = App::on(world.lake.clone(), settings, world.app.clock.clone(), Workers::of_this_machine());
        world
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

    /// Changes a setting, from the next restart on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Gives the next PUT whose path contains `path` this fate.
    pub fn fail_next_put(&self, path: &str, fate: Fate) {
        self.faults.as_ref().expect("the world is made `with_faults`").fail_next_put(path, fate);
    }

    pub fn set_now(&self, now: Timestamp) {
        self.app.clock.set(now);
    }

    pub async fn ingest(&self, partition: &str, events: &[Sent]) -> Result<ingest::Report, Failure> {
        let body = envelope(partition, events);
        functions::ingest(self.app.clone(), body).await.map_err(|error| Failure::of(&error))
    }

    /// Until gold is up to date.
    pub async fn sessionize(&self) {
        while self.app.gold.sessionize().await.expect("sessionize works").run.is_some() {}
    }

    /// Recomputes all of gold. The session dates that were replaced.
    pub async fn rebuild(&self) -> Vec<String> {
        let report = self.app.gold.rebuild(Scope::All).await.expect("rebuild works");
        report.replaced.keys().map(|date| date.to_string()).collect()
    }

    pub async fn audit(&self) -> audit::Report {
        audit::audit(&self.app).await.expect("the audit can look")
    }

    /// The table that scripts call `name`.
    pub fn table(&self, name: &str) -> Table {
        let at = |spec: TableSpec| Table::at(&self.app.lake, spec, &self.app.workers);
        match name {
            "bronze" => at(bronze::schema::table()),
            "silver" => at(silver::schema::table()),
            "quarantine" => at(silver::quarantine::table()),
            "sessions" => at(gold::schema::table()),
            "control" => at(gold::control::table()),
            "settings" => at(settings::schema::table()),
            _ => panic!("no table `{name}`"),
        }
    }

    /// All rows of that table.
    pub async fn rows(&self, table: &str) -> Vec<Value> {
        render::rows(&self.table(table)).await
    }
}

/// All columns of all tables.
pub fn column_names() -> BTreeSet<String> {
    let tables = [
        bronze::schema::table(),
        silver::schema::table(),
        silver::quarantine::table(),
        gold::schema::table(),
        gold::control::table(),
        settings::schema::table(),
    ];
    let columns = tables.iter().flat_map(|table| table.columns.fields());
    columns.map(|column| column.name().clone()).collect()
}

fn app_settings(settings: &BTreeMap<String, String>) -> Settings {
    config::app(settings, "memory:///lake").unwrap_or_else(|invalid| panic!("{invalid}"))
}
