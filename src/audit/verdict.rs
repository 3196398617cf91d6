//! What the events in bronze should have become, by the code that ingests them.
//!
//! The bytes decide. Only where a limit that can be set rejected an event (too large, too old, in the future) is
//! bronze's own word taken: what the limit was then is not in the lake.

use super::origin::{Group, column};
use crate::bronze;
use crate::event::Parsed;
use crate::event::ids::SequenceNumber;
use crate::event::parse::{Limits, parse};
use crate::event::received::{ReceivedBatch, ReceivedEvent};
use crate::event::reject::{Reject, RejectReason};
use crate::event::time::Timestamp;
use crate::lake::arrow::array::{BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use crate::lake::arrow::error::ArrowError;
use crate::lineage::{self, Stamp};
use crate::silver::{self, quarantine};
use bytes::Bytes;

/// The rows that a group of bronze's rows makes.
#[derive(Debug, Clone)]
pub struct Expected {
    pub bronze: RecordBatch,
    pub silver: RecordBatch,
    pub quarantine: RecordBatch,
}

/// Limits that reject nothing which could have been accepted under some setting.
pub fn widest() -> Limits {
    Limits {
        max_body_bytes: usize::MAX,
        future_tolerance_micros: i64::MAX,
        max_event_age_micros: None,
        site_domain: None,
        ..Limits::default()
    }
}

/// What `group`, rows of bronze, should be and should have become.
pub fn expected(group: &Group, limits: &Limits) -> Result<Expected, ArrowError> {
    let batch = ReceivedBatch { source: group.partition.clone(), events: events(&group.rows)? };
    let errors: &StringArray = column(&group.rows, bronze::schema::PARSE_ERROR)?;
    let verdict = |(event, recorded): (&ReceivedEvent, Option<&str>)| match recorded.and_then(by_a_setting) {
        Some(reject) => Err(reject),
        None => parse(&event.body, event.enqueued_at, limits),
    };
    let parsed: Vec<Parsed> = batch.events.iter().zip(errors.iter()).map(verdict).collect();
    let stamp = Stamp { ingested_at: Timestamp(0), source_epoch: group.epoch };
    Ok(Expected {
        bronze: bronze::rows(&batch, &parsed, stamp)?.rows,
        silver: silver::rows(&batch, &parsed, stamp)?.rows,
        quarantine: quarantine::rows(&batch, &parsed, stamp)?.rows,
    })
}

fn events(rows: &RecordBatch) -> Result<Vec<ReceivedEvent>, ArrowError> {
    let sequence: &Int64Array = column(rows, lineage::SEQUENCE_NUMBER)?;
    let offset: &StringArray = column(rows, lineage::OFFSET)?;
    let enqueued: &TimestampMicrosecondArray = column(rows, lineage::ENQUEUED_AT)?;
    let body: &BinaryArray = column(rows, bronze::schema::BODY)?;
    let event = |row: usize| ReceivedEvent {
        sequence_number: SequenceNumber(sequence.value(row)),
        offset: offset.value(row).to_owned(),
        enqueued_at: Timestamp(enqueued.value(row)),
        body: Bytes::copy_from_slice(body.value(row)),
    };
    Ok((0..rows.num_rows()).map(event).collect())
}

/// The reject that bronze recorded, where a setting was its reason.
fn by_a_setting(recorded: &str) -> Option<Reject> {
    let (reason, detail) = recorded.split_once(": ")?;
    let reason: RejectReason = reason.parse().ok()?;
    let settable =
        [RejectReason::BodyTooLarge, RejectReason::TimestampInFuture, RejectReason::TimestampTooOld].contains(&reason);
    settable.then(|| Reject::new(reason, detail))
}
