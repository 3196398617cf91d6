//! Silver: what well-formed events say, one row for each event and product; and quarantine: why the others were
//! rejected.
//!
//! Promises that an event lands in exactly one of the two, once. Knows nothing of sessions.

pub mod schema;
pub mod quarantine;
pub mod rejections;

use crate::columns::{Append, ColumnError};
use crate::event::Parsed;
use crate::event::click::Click;
use crate::event::received::ReceivedBatch;
use crate::lineage::{self, Origin, Stamp};
use schema::Row;

/// The well-formed events of `batch`; `parsed` holds what was read in each of its events, in the same order.
pub fn rows(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp) -> Result<Append, ColumnError> {
    let well_formed =
        batch.events.iter().zip(parsed).filter_map(|(event, parsed)| Some((event, parsed.as_ref().ok()?)));
    let rows: Vec<Row> =
        well_formed.flat_map(|(event, click)| flatten(Origin { source: &batch.source, event, stamp }, click)).collect();
    lineage::append(schema::LAYER, &batch.source, stamp, &schema::table(), &schema::columns(), &rows)
}

/// One row for each product; an event without products is one row all the same.
fn flatten<'a>(origin: Origin<'a>, click: &'a Click) -> impl Iterator<Item = Row<'a>> {
    let rows = click.products.len().max(1);
    (0..rows).map(move |index| Row { origin, click, index, product: click.products.get(index) })
}
