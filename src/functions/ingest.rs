//! `ingest`: one batch of one partition into bronze, silver and quarantine.
//!
//! A malformed event is not an error here: it would be redelivered for ever and hold up its partition. It goes to
//! quarantine and the batch succeeds. Only what a later attempt can mend fails: the lake, or the host's settings.

use super::{Failure, Slot, answer};
use crate::app::{App, BODY_KILOBYTES};
use crate::event::parse;
use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::append::Appended;
use crate::lineage::Stamp;
use crate::mutants::{self, Mutant};
use crate::silver::quarantine;
use crate::{bronze, config, silver, wire};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;

/// Binding in `functions/ingest/function.json`.
const BINDING: &str = "events";

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
    /// Time from the event hub's taking the last event to now.
    pub lag_ms: Option<i64>,
    /// Commits to the tables in which rows of this batch are.
    pub commits: usize,
}

pub(super) async fn handle(State(slot): Slot, request: Request) -> Response {
    answer("ingest", slot, request, async |app, body| run(&app, body).await).await
}

/// A batch as rows of the three tables.
struct Prepared {
    batch: ReceivedBatch,
    bronze: bronze::rows::Rows,
    silver: silver::Rows,
    quarantine: silver::Rows,
    unknown_fields: u64,
}

pub async fn run(app: &App, body: Bytes) -> Result<Report, Failure> {
    // A body larger than all that is allowed at once goes alone.
    let kilobytes = (body.len() >> 10).clamp(1, BODY_KILOBYTES) as u32;
    let _memory = app.memory.acquire_many(kilobytes).await;
    let now = app.clock.now();
    let stamp = Stamp { ingested_at: now, source_epoch: app.source_epoch };
    let limits = app.limits.clone();
    let prepare = move || prepare(body, &limits, stamp);
    let prepared = app.workers.run("decode the batch", prepare).await.map_err(|error| Failure::because(&error))??;
    let Prepared { batch, bronze: bronze_rows, silver: silver_rows, quarantine: quarantine_rows, unknown_fields } =
        prepared;
    let (bronze, silver, quarantine) = write(app, &batch, bronze_rows, silver_rows, quarantine_rows).await?;
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

/// Each of the three is idempotent on its own, so it does not matter which of them a kill leaves out. But only bronze
/// has every event, so only bronze can tell a hub that numbers its events anew: what does not simply go on has to pass
/// it first, or the others would take what it refuses.
async fn write(
    app: &App,
    batch: &ReceivedBatch,
    bronze_rows: bronze::rows::Rows,
    silver_rows: silver::Rows,
    quarantine_rows: silver::Rows,
) -> Result<(Appended, Appended, Appended), Failure> {
    let bronze = async { written(bronze::write(&app.bronze, batch, bronze_rows).await) };
    let others = async {
        tokio::join!(
            silver::write(&app.silver, batch, silver_rows),
            silver::write(&app.quarantine, batch, quarantine_rows)
        )
    };
    let (bronze, (silver, quarantine)) = match app.high_water_marks.is_followed_by(batch) {
        true => {
            let (bronze, others) = tokio::join!(bronze, others);
            (bronze?, others)
        }
        false => (bronze.await?, others.await),
    };
    app.high_water_marks.note(batch);
    let silver = match silver {
        Err(_) if mutants::is(Mutant::SilverFailureAcknowledged) => Appended::default(),
        silver => written(silver)?,
    };
    Ok((bronze, silver, written(quarantine)?))
}

fn prepare(body: Bytes, limits: &parse::Limits, stamp: Stamp) -> Result<Prepared, Failure> {
    let batch = wire::decode_events(body, BINDING).map_err(|error| Failure::because(&error))?;
    let read = |event: &crate::event::received::ReceivedEvent| parse::parse(&event.body, event.enqueued_at, limits);
    let parsed: Vec<_> = batch.events.iter().map(read).collect();
    let laid_out = |error: LakeError| Failure::because(&error);
    Ok(Prepared {
        bronze: bronze::rows::rows(&batch, &parsed, stamp).map_err(laid_out)?,
        silver: silver::rows::rows(&batch, &parsed, stamp).map_err(laid_out)?,
        quarantine: quarantine::rows(&batch, &parsed, stamp).map_err(laid_out)?,
        unknown_fields: parsed.iter().flatten().map(|click| u64::from(click.unknown_fields)).sum(),
        batch,
    })
}

fn written(outcome: Result<Appended, Arc<LakeError>>) -> Result<Appended, Failure> {
    outcome.map_err(|error| match error.as_ref() {
        LakeError::SequenceRestarted { .. } => Failure {
            status: StatusCode::CONFLICT,
            reason: format!(
                "{error}: the event hub was recreated and numbers its events anew; set `{}` to a number not used before",
                config::SOURCE_EPOCH
            ),
        },
        _ => Failure::because(error.as_ref()),
    })
}
