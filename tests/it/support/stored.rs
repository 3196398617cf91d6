//! What is in a lake, read from its tables, for comparison with what was sent.

use clickstream::app::App;
use clickstream::bronze;
use clickstream::clock::Clock;
use clickstream::columns::TableSpec;
use clickstream::config;
use clickstream::lake::arrow::array::AsArray;
use clickstream::lake::log::Version;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;
use std::collections::BTreeMap;

/// A look at a lake from outside.
pub struct Stored {
    pub app: App,
}

impl Stored {
    pub fn new(lake: &str, environment: &[(String, String)]) -> Self {
        let environment: BTreeMap<String, String> = environment.iter().cloned().collect();
        let settings = config::app(&environment, lake).unwrap_or_else(|invalid| panic!("{invalid}"));
        Stored { app: App::new(settings, Clock::System).expect("it opens") }
    }

    pub fn table(&self, spec: TableSpec) -> Table {
        Table::at(&self.app.lake, spec, &self.app.workers)
    }

    /// The newest version of bronze behind `after`; -1 when there is no table.
    pub async fn bronze_version(&self, after: Version) -> Version {
        let bronze = self.table(bronze::schema::table());
        let versions = bronze.log.versions_after(after).await.expect("the log can be listed");
        versions.last().copied().unwrap_or(after)
    }

    /// The bodies of all events, sorted.
    pub async fn bodies(&self) -> Vec<Vec<u8>> {
        let bronze = self.table(bronze::schema::table());
        let snapshot = bronze.snapshot(Replay::TxnsAndFiles).await.expect("a table");
        let mut bodies = Vec::new();
        for add in snapshot.files.values() {
            for batch in bronze.read(add, &[bronze::schema::BODY]).await.expect("a file") {
                bodies.extend(batch.column(0).as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec));
            }
        }
        bodies.sort_unstable();
        bodies
    }

    /// How many events each source's last commit says are done, in bronze.
    pub async fn events_by_txns(&self) -> i64 {
        let bronze = self.table(bronze::schema::table());
        let snapshot = bronze.snapshot(Replay::Txns).await.expect("a table");
        snapshot.txns.values().map(|progress| progress.version + 1).sum()
    }
}
