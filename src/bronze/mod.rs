//! Bronze: every received event with its bytes as they came, and what was read in them.
//!
//! Promises that an event is there once, well-formed or not. Knows nothing of what is made of it later.

pub mod schema;

use crate::columns::{Append, ColumnError};
use crate::event::Parsed;
use crate::event::received::ReceivedBatch;
use crate::lineage::{self, Origin, Stamp};
use schema::Row;

/// The events of `batch`, one row each, in order. `parsed` holds what was read in each of them, in the same order.
pub fn rows(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp) -> Result<Append, ColumnError> {
    let events = batch.events.iter().zip(parsed);
    let rows: Vec<Row> =
        events.map(|(event, parsed)| Row { origin: Origin { source: &batch.source, event, stamp }, parsed }).collect();
    lineage::append(schema::LAYER, &batch.source, stamp, &schema::table(), &schema::columns(), &rows)
}
