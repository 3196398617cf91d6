//! The table `control/settings`: adds a row for settings that it does not have, and reads what others have recorded.
//!
//! A process looks at the table once, together with the tables that its first batch goes into. Afterwards it asks only
//! about an event that another process has put into bronze.

use super::schema::{self, Row, SETTINGS};
use super::{SettingsId, StoredSettings};
use crate::columns::{Append, Rows, SourcePosition};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::append::Appender;
use crate::lake::snapshot::Replay;
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use arrow::array::StringArray;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// A row is one event of a source of its own, so that a second process that adds it adds nothing.
const SEQUENCE: i64 = 0;

/// The table of settings. Clones share what is known of it.
#[derive(Clone)]
pub struct SettingsTable {
    table: Table,
    appender: Appender,
    /// Set once the table has the settings of this process.
    recorded: Arc<OnceCell<()>>,
    /// The rows, as of the last time that they were needed.
    read: Arc<Mutex<Recorded>>,
}

/// Settings by their ids.
pub type Recorded = HashMap<SettingsId, Arc<StoredSettings>>;

impl SettingsTable {
    /// Sends no request.
    pub fn new(lake: &Lake, workers: &Workers) -> Self {
        let table = Table::at(lake, schema::table(), workers);
        SettingsTable { appender: Appender::new(table.clone()), table, recorded: Arc::default(), read: Arc::default() }
    }

    /// Fails where the table exists and this version cannot write it. Writes nothing.
    pub async fn check(&self) -> Result<(), LakeError> {
        self.appender.check().await
    }

    /// Ensures that the table has `settings`, those of this process. Asks the lake nothing if [`SettingsTable::check`] has
    /// found them.
    pub async fn record(&self, settings: &StoredSettings, now: Timestamp) -> Result<(), Arc<LakeError>> {
        let add = async || {
            let row = Row { settings, first_used_at: now };
            let append = Append {
                app_id: app_id(settings.id),
                partition: None,
                rows: schema::table().record_batch(&schema::columns(), &[row]).map_err(LakeError::from)?,
                positions: vec![SourcePosition { sequence: SEQUENCE, enqueued_ms: 0 }],
                now_ms: now.millis(),
                note: None,
                details: None,
            };
            self.appender.append(append).await.map(|_| ())
        };
        self.recorded.get_or_try_init(add).await.map(|_| ())
    }

    /// Whether nobody has recorded other settings than `settings`. Costs one request while the table does not change.
    pub async fn are_alone(&self, settings: SettingsId) -> Result<bool, LakeError> {
        let app_id = app_id(settings);
        Ok(self.appender.refresh().await?.is_none_or(|table| table.txns.keys().all(|name| *name == app_id)))
    }

    /// The settings named `ids`. Those that are not recorded, and those that this version cannot read, are left out.
    pub async fn read(&self, ids: &[SettingsId]) -> Result<Recorded, LakeError> {
        let mut read = self.read.lock().await;
        if !ids.iter().all(|id| read.contains_key(id)) {
            *read = self.read_all().await?;
        }
        Ok(read.clone())
    }

    async fn read_all(&self) -> Result<Recorded, LakeError> {
        let mut found = Recorded::new();
        let Some(newest) = self.appender.refresh().await? else { return Ok(found) };
        // Never an older state: settings that are not listed yet would count as not recorded.
        let snapshot = self.table.snapshot_at(newest.version, Replay::TxnsAndFiles).await?;
        for add in snapshot.files.values() {
            for batch in self.table.read(add, &[SETTINGS]).await? {
                let texts: &StringArray = Rows::of(schema::TABLE, &batch).column(SETTINGS)?;
                let settings = texts.iter().flatten().filter_map(|text| StoredSettings::from_text(text).ok());
                found.extend(settings.map(|settings| (settings.id, Arc::new(settings))));
            }
        }
        Ok(found)
    }
}

fn app_id(settings: SettingsId) -> String {
    format!("settings:{settings}")
}
