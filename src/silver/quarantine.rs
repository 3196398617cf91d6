//! `silver/quarantine`: rejected events, with a reason for programs, a sentence for people, and the bytes.

use crate::columns::{Append, Column, ColumnError, TableSpec, declare};
use crate::event::Parsed;
use crate::event::received::ReceivedBatch;
use crate::event::reject::Reject;
use crate::lineage::{self, Ingested, Origin, Stamp};

pub const TABLE: &str = "silver/quarantine";
pub const LAYER: &str = "quarantine";

/// What a row is made from.
pub struct Row<'a> {
    origin: Origin<'a>,
    reject: &'a Reject,
}

impl Ingested for Row<'_> {
    fn origin(&self) -> Origin<'_> {
        self.origin
    }
}

declare! {
    ['a] Row<'a>;

    /// Why the event was rejected, as a name for programs.
    REASON = "reason", string(|row| Some(row.reject.reason.as_str())).required();
    /// Why the event was rejected, as a sentence for people.
    DETAIL = "detail", string(|row| Some(row.reject.detail.as_str())).required();
    /// The event as it came, byte for byte.
    BODY = "body", binary(|row| Some(row.origin.event.body.as_ref())).required();
}

pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    lineage::around(declared())
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns())
}

/// The rejected events of `batch`; `parsed` holds what was read in each of its events, in the same order.
pub fn rows(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp) -> Result<Append, ColumnError> {
    let rejected = batch.events.iter().zip(parsed).filter_map(|(event, parsed)| Some((event, parsed.as_ref().err()?)));
    let rows: Vec<Row> = rejected
        .map(|(event, reject)| Row { origin: Origin { source: &batch.source, event, stamp }, reject })
        .collect();
    lineage::append(LAYER, &batch.source, stamp, &table(), &columns(), &rows)
}
