//! Ingest: one batch of one partition into bronze, silver and quarantine. [`Ingest`] writes these three tables and
//! `control/settings`, [`Gold`](crate::gold::Gold) writes gold.
//!
//! A malformed event is not an error here: it would be redelivered for ever and hold up its partition. It lands in
//! quarantine and the batch succeeds. A batch fails only for a reason outside its events: storage, a setting, a table, or a
//! bug.
//!
//! An event is read with one set of settings, those of the process that first writes it. Whoever completes the work of that
//! process reads it with the same settings ([`redelivery`]).
//!
//! Knows neither how the batch was encoded nor which status code its failure becomes.

mod epochs;
mod quality;
mod redelivery;

use crate::clock::Clock;
use crate::columns::{Append, ColumnError};
use crate::error::{Consequence, Kind};
use crate::event::ids::SourcePartition;
use crate::event::parse::{ParseSettings, parse};
use crate::event::received::{ReceivedBatch, ReceivedEvent};
use crate::lake::LakeError;
use crate::lake::append::{Appended, Appender};
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use crate::lineage::Stamp;
use crate::mutants::{self, Mutant};
use crate::settings::table::{Recorded, SettingsTable};
use crate::settings::{SettingsId, StoredSettings};
use crate::silver::quarantine;
use crate::{bronze, silver};
pub use epochs::SourceEpochs;
use redelivery::{History, OwnEvents};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// A batch occupies several times its encoded size while it is on its way into the tables. This bounds the sum of what is
/// worked on at once, in kilobytes.
const MAX_KILOBYTES_AT_ONCE: usize = 6 << 10;

/// How events are read.
#[derive(Debug, Clone)]
pub struct Settings {
    pub parse: ParseSettings,
    pub epochs: SourceEpochs,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// `namespace/hub/consumer group/partition`.
    pub source: String,
    pub received: usize,
    /// Events that were in bronze already.
    pub duplicates: usize,
    pub bronze_rows: usize,
    pub silver_rows: usize,
    pub quarantined: usize,
    /// Members of bodies that this version does not know.
    pub unknown_fields: u64,
    pub last_sequence_number: Option<i64>,
    /// Time from when the event hub accepted the last event to now.
    pub lag_ms: Option<i64>,
    /// Number of commits that added rows of this batch: at most 3, or 3 for each part that was read with other settings.
    pub commits: usize,
}

/// Why a batch failed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError<D: Consequence + 'static> {
    #[error(transparent)]
    Decode(D),
    /// The rows of the batch are not what the tables declare.
    #[error(transparent)]
    LayOut(#[from] ColumnError),
    #[error(transparent)]
    Lake(Arc<LakeError>),
    #[error(
        "{refusal}: the event hub was recreated and restarted its sequence numbers; set the entry `{entry}` in the \
         JSON object of `SOURCE_EPOCHS`"
    )]
    HubRecreated { refusal: Arc<LakeError>, entry: String },
}

impl<D: Consequence> Consequence for IngestError<D> {
    fn kind(&self) -> Kind {
        match self {
            IngestError::Decode(error) => error.kind(),
            IngestError::LayOut(_) => Kind::Bug,
            IngestError::Lake(error) => error.kind(),
            IngestError::HubRecreated { .. } => Kind::Operator,
        }
    }
}

impl<D: Consequence> From<Arc<LakeError>> for IngestError<D> {
    fn from(error: Arc<LakeError>) -> Self {
        IngestError::Lake(error)
    }
}

/// The tables that events come into. Clones share everything.
#[derive(Clone)]
pub struct Ingest {
    bronze: Appender,
    silver: Appender,
    quarantine: Appender,
    recorded: SettingsTable,
    /// Of the three tables, in the order in which they are written.
    histories: [History; 3],
    own: Arc<OwnEvents>,
    /// Whether this process found that it can write all tables, and no batch has failed since.
    are_checked: Arc<AtomicBool>,
    settings: Arc<StoredSettings>,
    epochs: Arc<SourceEpochs>,
    clock: Clock,
    workers: Workers,
    /// Kilobytes of encoded batches that may be worked on at once.
    memory: Arc<Semaphore>,
}

/// A batch as rows of the three tables.
struct Prepared {
    batch: ReceivedBatch,
    settings: SettingsId,
    stamp: Stamp,
    bronze: Append,
    silver: Append,
    quarantine: Append,
    unknown_fields: u64,
}

/// What became of rows of the three tables.
struct Written {
    bronze: Appended,
    silver: Appended,
    quarantine: Appended,
}

impl Ingest {
    /// Asks the lake nothing: the tables are opened, and created where missing, by the first batch.
    pub fn new(lake: &Lake, settings: Settings, clock: &Clock, workers: &Workers) -> Self {
        let appender = |spec| Appender::new(Table::at(lake, spec, workers));
        let [bronze, silver, quarantine] =
            [bronze::schema::table(), silver::schema::table(), quarantine::table()].map(appender);
        Ingest {
            histories: [&bronze, &silver, &quarantine].map(History::of),
            bronze,
            silver,
            quarantine,
            recorded: SettingsTable::new(lake, workers),
            own: Arc::default(),
            are_checked: Arc::default(),
            settings: Arc::new(StoredSettings::of(settings.parse)),
            epochs: Arc::new(settings.epochs),
            clock: clock.clone(),
            workers: workers.clone(),
            memory: Arc::new(Semaphore::new(MAX_KILOBYTES_AT_ONCE)),
        }
    }

    /// Writes the batch that `decode` makes of `encoded_bytes` bytes. Safe to repeat after any outcome: what is in a table
    /// already is recognised.
    pub async fn run<D: Consequence + Send + 'static>(
        &self,
        encoded_bytes: usize,
        decode: impl FnOnce() -> Result<ReceivedBatch, D> + Send + 'static,
    ) -> Result<Report, IngestError<D>> {
        // A batch above the limit waits until nothing else is being worked on.
        let kilobytes = (encoded_bytes >> 10).clamp(1, MAX_KILOBYTES_AT_ONCE) as u32;
        let _memory = self.memory.acquire_many(kilobytes).await;
        let now = self.clock.now();
        let (settings, epochs) = (self.settings.clone(), self.epochs.clone());
        let work = move || {
            let batch = decode().map_err(IngestError::Decode)?;
            let stamp = Stamp { ingested_at: now, source_epoch: epochs.of(&batch.source) };
            prepare(batch, &settings, stamp).map_err(IngestError::LayOut)
        };
        let prepared = self.workers.run("decode the batch", work).await.map_err(Arc::new)??;
        let last = prepared.batch.events.last().map(|event| (event.sequence_number, event.enqueued_at));
        let report = Report {
            source: prepared.batch.source.to_string(),
            received: prepared.batch.events.len(),
            unknown_fields: prepared.unknown_fields,
            last_sequence_number: last.map(|(number, _)| number.0),
            lag_ms: last.map(|(_, enqueued_at)| now.millis() - enqueued_at.millis()),
            ..Report::default()
        };
        self.check_tables().await?;
        // The lake has the settings before it has rows that were made with them.
        self.recorded.record(&self.settings, now).await?;
        let source = prepared.batch.source.clone();
        let written = self.write(prepared).await;
        if written.is_err() {
            self.are_checked.store(false, Ordering::Relaxed);
        }
        let written = written.map_err(|error| self.refused(error, &source))?;
        let rows = |of: fn(&Written) -> usize| written.iter().map(of).sum();
        let all = written.iter().flat_map(|part| [part.bronze, part.silver, part.quarantine]);
        Ok(Report {
            duplicates: rows(|part| part.bronze.duplicates),
            bronze_rows: rows(|part| part.bronze.rows),
            silver_rows: rows(|part| part.silver.rows),
            quarantined: rows(|part| part.quarantine.rows),
            commits: all.filter(|appended| appended.version.is_some()).count(),
            ..report
        })
    }

    /// A batch of `source` cannot be written.
    fn refused<D: Consequence>(&self, error: Arc<LakeError>, source: &SourcePartition) -> IngestError<D> {
        match error.as_ref() {
            LakeError::SequenceRestarted { .. } => {
                IngestError::HubRecreated { refusal: error, entry: self.epochs.next_entry(source) }
            }
            _ => IngestError::Lake(error),
        }
    }

    /// A table that is refused must not leave the others ahead of it: all are looked at before the first of them is
    /// written.
    async fn check_tables(&self) -> Result<(), Arc<LakeError>> {
        if !self.are_checked.load(Ordering::Relaxed) {
            let (settings, silver) = (self.recorded.check(), self.silver.check());
            tokio::try_join!(settings, self.bronze.check(), silver, self.quarantine.check())?;
            self.are_checked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Each of the three is idempotent on its own, so it does not matter which of them a kill leaves out. But only bronze
    /// has every event, so only bronze can recognise a hub that restarted its sequence numbers. A batch that does not simply
    /// follow what this process wrote has to pass bronze first, or the others would accept what bronze refuses.
    async fn write(&self, prepared: Prepared) -> Result<Vec<Written>, Arc<LakeError>> {
        if self.own.precede(&prepared.batch) {
            let Prepared { batch, bronze, silver, quarantine, .. } = prepared;
            let bronze = self.bronze.append(bronze);
            let (bronze, others) = tokio::join!(bronze, self.append_others(silver, quarantine));
            let bronze = bronze?;
            self.own.add(&batch, bronze.duplicates);
            let (silver, quarantine) = others?;
            return Ok(vec![Written { bronze, silver, quarantine }]);
        }
        let mut written = Vec::new();
        for part in self.as_first_read(prepared).await? {
            let mut bronze = self.bronze.append(part.bronze.clone()).await?;
            if part.settings == self.settings.id {
                self.own.add(&part.batch, bronze.duplicates);
            }
            // Another process may have been faster since. What bronze has by now decides.
            let parts = if bronze.duplicates > 0 { self.as_first_read(part).await? } else { vec![part] };
            for part in parts {
                let (silver, quarantine) = self.append_others(part.silver, part.quarantine).await?;
                written.push(Written { bronze: std::mem::take(&mut bronze), silver, quarantine });
            }
        }
        Ok(written)
    }

    async fn append_others(&self, silver: Append, quarantine: Append) -> Result<(Appended, Appended), Arc<LakeError>> {
        let (silver, quarantine) = tokio::join!(self.silver.append(silver), self.quarantine.append(quarantine));
        let silver = match silver {
            Err(_) if mutants::is(Mutant::SilverFailureAcknowledged) => Appended::default(),
            silver => silver?,
        };
        Ok((silver, quarantine?))
    }

    /// The batch, read again where one of its events was first read with other settings. Then it is several parts, in the
    /// order of their sequence numbers, each with the settings of its own.
    async fn as_first_read(&self, prepared: Prepared) -> Result<Vec<Prepared>, Arc<LakeError>> {
        if self.own.include(&prepared.batch) || self.recorded.are_alone(self.settings.id).await? {
            return Ok(vec![prepared]);
        }
        let settings = self.first_settings(&prepared).await?;
        if settings.iter().all(|settings| settings.id == self.settings.id) {
            return Ok(vec![prepared]);
        }
        let Prepared { batch, stamp, .. } = prepared;
        let work = move || {
            let mut parts = Vec::new();
            let mut rest = batch.events;
            for settings in settings.chunk_by(|one, next| one.id == next.id) {
                let later = rest.split_off(settings.len());
                let events = std::mem::replace(&mut rest, later);
                parts.push(prepare(ReceivedBatch { source: batch.source.clone(), events }, &settings[0], stamp)?);
            }
            Ok(parts)
        };
        let parts: Result<_, ColumnError> = self.workers.run("read the batch again", work).await?;
        Ok(parts.map_err(LakeError::from)?)
    }

    /// The settings with which each event of a batch was first read: those that a commit names which has the event, or
    /// else those of this process. Also where the settings cannot be read: an older version must not stop.
    async fn first_settings(&self, prepared: &Prepared) -> Result<Vec<Arc<StoredSettings>>, LakeError> {
        let numbers: Vec<i64> = prepared.batch.events.iter().map(|event| event.sequence_number.0).collect();
        let mut ids = vec![None; numbers.len()];
        let appends = [&prepared.bronze, &prepared.silver, &prepared.quarantine];
        for (history, append) in self.histories.iter().zip(appends) {
            let found = history.settings_of(&append.app_id, &numbers).await?;
            ids.iter_mut().zip(found).for_each(|(id, found)| *id = id.or(found));
        }
        let others: Vec<SettingsId> = ids.iter().flatten().copied().filter(|id| *id != self.settings.id).collect();
        let recorded = if others.is_empty() { Recorded::new() } else { self.recorded.read(&others).await? };
        let settings = |id: Option<SettingsId>| id.and_then(|id| recorded.get(&id)).unwrap_or(&self.settings).clone();
        Ok(ids.into_iter().map(settings).collect())
    }
}

/// Parses the events of `batch` and lays them out in columns. CPU-bound.
fn prepare(batch: ReceivedBatch, settings: &StoredSettings, stamp: Stamp) -> Result<Prepared, ColumnError> {
    let read = |event: &ReceivedEvent| parse(&event.body, event.enqueued_at, &settings.parse);
    let parsed: Vec<_> = batch.events.iter().map(read).collect();
    let silver = silver::rows(&batch, &parsed, stamp)?;
    let quality = quality::details(&batch, &parsed, stamp, &silver);
    let with = |details, append| Append { note: Some(settings.id.note()), details: Some(details), ..append };
    Ok(Prepared {
        settings: settings.id,
        bronze: with(quality.bronze, bronze::rows(&batch, &parsed, stamp)?),
        silver: with(quality.silver, silver),
        quarantine: with(quality.quarantine, quarantine::rows(&batch, &parsed, stamp)?),
        unknown_fields: parsed.iter().flatten().map(|click| u64::from(click.unknown_fields.count())).sum(),
        batch,
        stamp,
    })
}
