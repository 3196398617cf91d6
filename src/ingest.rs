//! Ingest: one batch of one partition into bronze, silver and quarantine. [`Ingest`] writes these three tables,
//! [`Gold`](crate::gold::Gold) writes gold.
//!
//! A malformed event is not an error here: it would be redelivered for ever and hold up its partition. It lands in
//! quarantine and the batch succeeds. A batch fails only for a reason outside its events: storage, a setting, a table, or a
//! bug.
//!
//! Knows neither how the batch was encoded nor which status code its failure becomes.

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
use crate::silver::quarantine;
use crate::{bronze, silver};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// A batch occupies several times its encoded size while it is on its way into the tables. This bounds the sum of what is
/// worked on at once, in kilobytes.
const MAX_KILOBYTES_AT_ONCE: usize = 6 << 10;

/// How events are read.
#[derive(Debug, Clone)]
pub struct Settings {
    pub parse: ParseSettings,
    /// Counts how often the event hub was recreated under its old name.
    pub source_epoch: u32,
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
    /// Number of commits, at most 3, that added rows of this batch.
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
        "{0}: the event hub was recreated and restarted its sequence numbers; set `SOURCE_EPOCH` to a number not used before"
    )]
    HubRecreated(Arc<LakeError>),
}

impl<D: Consequence> Consequence for IngestError<D> {
    fn kind(&self) -> Kind {
        match self {
            IngestError::Decode(error) => error.kind(),
            IngestError::LayOut(_) => Kind::Bug,
            IngestError::Lake(error) => error.kind(),
            IngestError::HubRecreated(_) => Kind::Operator,
        }
    }
}

impl<D: Consequence> From<Arc<LakeError>> for IngestError<D> {
    fn from(error: Arc<LakeError>) -> Self {
        match error.as_ref() {
            LakeError::SequenceRestarted { .. } => IngestError::HubRecreated(error),
            _ => IngestError::Lake(error),
        }
    }
}

/// The tables that events come into. Clones share everything.
#[derive(Clone)]
pub struct Ingest {
    bronze: Appender,
    silver: Appender,
    quarantine: Appender,
    high_water_marks: Arc<HighWaterMarks>,
    /// Whether this process found that it can write all three tables, and no batch has failed since.
    are_checked: Arc<AtomicBool>,
    settings: Arc<Settings>,
    clock: Clock,
    workers: Workers,
    /// Kilobytes of encoded batches that may be worked on at once.
    memory: Arc<Semaphore>,
}

/// A batch as rows of the three tables.
struct Prepared {
    batch: ReceivedBatch,
    bronze: Append,
    silver: Append,
    quarantine: Append,
    unknown_fields: u64,
}

impl Ingest {
    /// Asks the lake nothing: the tables are opened, and created where missing, by the first batch.
    pub fn new(lake: &Lake, settings: Settings, clock: &Clock, workers: &Workers) -> Self {
        let appender = |spec| Appender::new(Table::at(lake, spec, workers));
        Ingest {
            bronze: appender(bronze::schema::table()),
            silver: appender(silver::schema::table()),
            quarantine: appender(quarantine::table()),
            high_water_marks: Arc::default(),
            are_checked: Arc::default(),
            settings: Arc::new(settings),
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
        let stamp = Stamp { ingested_at: now, source_epoch: self.settings.source_epoch };
        let settings = self.settings.clone();
        let work = move || prepare(decode().map_err(IngestError::Decode)?, &settings.parse, stamp);
        let prepared = self.workers.run("decode the batch", work).await.map_err(Arc::new)??;
        let Prepared { batch, bronze, silver, quarantine, unknown_fields } = prepared;
        self.check_tables().await?;
        let written = self.write(&batch, bronze, silver, quarantine).await;
        if written.is_err() {
            self.are_checked.store(false, Ordering::Relaxed);
        }
        let (bronze, silver, quarantine) = written?;
        let last = batch.events.last();
        Ok(Report {
            source: batch.source.to_string(),
            received: batch.events.len(),
            duplicates: bronze.duplicates,
            bronze_rows: bronze.rows,
            silver_rows: silver.rows,
            quarantined: quarantine.rows,
            unknown_fields,
            last_sequence_number: last.map(|event| event.sequence_number.0),
            lag_ms: last.map(|event| now.millis() - event.enqueued_at.millis()),
            commits: [bronze, silver, quarantine].iter().filter(|appended| appended.version.is_some()).count(),
        })
    }

    /// A table that is refused must not leave the others ahead of it: all three are looked at before the first of them is
    /// written.
    async fn check_tables(&self) -> Result<(), Arc<LakeError>> {
        if !self.are_checked.load(Ordering::Relaxed) {
            tokio::try_join!(self.bronze.check(), self.silver.check(), self.quarantine.check())?;
            self.are_checked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Each of the three is idempotent on its own, so it does not matter which of them a kill leaves out. But only bronze
    /// has every event, so only bronze can recognise a hub that restarted its sequence numbers. A batch that does not simply
    /// follow the one before it has to pass bronze first, or the others would accept what bronze refuses.
    async fn write(
        &self,
        batch: &ReceivedBatch,
        bronze: Append,
        silver: Append,
        quarantine: Append,
    ) -> Result<(Appended, Appended, Appended), Arc<LakeError>> {
        let bronze = self.bronze.append(bronze);
        let others = async { tokio::join!(self.silver.append(silver), self.quarantine.append(quarantine)) };
        let (bronze, (silver, quarantine)) = match self.high_water_marks.precede(batch) {
            true => {
                let (bronze, others) = tokio::join!(bronze, others);
                (bronze?, others)
            }
            false => (bronze.await?, others.await),
        };
        self.high_water_marks.raise(batch);
        let silver = match silver {
            Err(_) if mutants::is(Mutant::SilverFailureAcknowledged) => Appended::default(),
            silver => silver?,
        };
        Ok((bronze, silver, quarantine?))
    }
}

/// Parses the events of `batch` and lays them out in columns. CPU-bound.
fn prepare<D: Consequence>(
    batch: ReceivedBatch,
    settings: &ParseSettings,
    stamp: Stamp,
) -> Result<Prepared, IngestError<D>> {
    let read = |event: &ReceivedEvent| parse(&event.body, event.enqueued_at, settings);
    let parsed: Vec<_> = batch.events.iter().map(read).collect();
    Ok(Prepared {
        bronze: bronze::rows(&batch, &parsed, stamp)?,
        silver: silver::rows(&batch, &parsed, stamp)?,
        quarantine: quarantine::rows(&batch, &parsed, stamp)?,
        unknown_fields: parsed.iter().flatten().map(|click| u64::from(click.unknown_fields)).sum(),
        batch,
    })
}

/// How far bronze got, by what this process wrote: the last sequence number by source partition. A process has one source
/// epoch. Tells a batch that simply follows the one before it from a repetition and from a hub that was recreated.
#[derive(Debug, Default)]
struct HighWaterMarks {
    last: Mutex<HashMap<SourcePartition, i64>>,
}

impl HighWaterMarks {
    /// Whether `batch` starts after what bronze has of its partition.
    fn precede(&self, batch: &ReceivedBatch) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.get(&batch.source);
        batch.events.first().zip(before).is_some_and(|(first, before)| first.sequence_number.0 > *before)
    }

    /// Bronze has `batch`.
    fn raise(&self, batch: &ReceivedBatch) {
        let Some(event) = batch.events.last() else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = last.entry(batch.source.clone()).or_insert(i64::MIN);
        *mark = event.sequence_number.0.max(*mark);
    }
}
