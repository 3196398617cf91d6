//! Received events as rows of bronze. CPU-bound and pure.

use super::schema;
use crate::event::Parsed;
use crate::event::click::{Click, Product};
use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::arrow::array::{ArrayRef, BinaryArray, BooleanArray, Int32Array, RecordBatch};
use crate::lake::columns;
use crate::lake::schema::record_batch;
use crate::lineage::{self, Stamp};
use std::sync::Arc;

/// Rows of bronze, one an event, in the order of the batch.
#[derive(Debug, Clone)]
pub struct Rows {
    pub stamp: Stamp,
    pub rows: RecordBatch,
}

/// `parsed` holds what was read in each event of `batch`, in the same order.
pub fn rows(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp) -> Result<Rows, LakeError> {
    let mut all = lineage::arrays(&batch.source, stamp, batch.events.iter());
    all.push(Arc::new(BinaryArray::from_iter_values(batch.events.iter().map(|event| &event.body))));
    let error = |parsed: &Parsed| parsed.as_ref().err().map(ToString::to_string);
    all.push(columns::texts(parsed.iter().map(error)));
    all.extend(click_columns(parsed));
    Ok(Rows { stamp, rows: record_batch(&schema::table(), all)? })
}

fn click_columns(parsed: &[Parsed]) -> Vec<ArrayRef> {
    let clicks = || parsed.iter().map(|parsed| parsed.as_ref().ok());
    let text = |field: fn(&Click) -> Option<&str>| columns::texts(clicks().map(|click| click.and_then(field)));
    let lists = |of: fn(&Product) -> Option<&str>, of_event: fn(&Click) -> &[String]| {
        columns::text_lists(clicks().map(|click| by_product(click?, of, of_event)))
    };
    vec![
        Arc::new(Int32Array::from_iter(clicks().map(|click| click.map(|click| click.unknown_fields as i32)))),
        text(|click| click.event_id.as_deref()),
        text(|click| Some(click.user_id.as_str())),
        text(|click| Some(click.session_id.as_str())),
        columns::instants(clicks().map(|click| click.map(|click| click.event_time.0))),
        text(|click| Some(click.event_type.as_str())),
        text(|click| click.page_url.as_deref()),
        lists(|product| product.id.as_deref(), |_| &[]),
        lists(|product| product.name.as_deref(), |click| &click.event_level.names),
        lists(|product| product.brand.as_deref(), |click| &click.event_level.brands),
        columns::amounts(clicks().map(|click| click?.event_value.map(|value| value.0))),
        text(|click| click.category.as_deref()),
        text(|click| click.transaction_id.as_deref()),
        text(|click| click.browser.as_deref()),
        text(|click| click.os.as_deref()),
        text(|click| click.device_type.as_deref()),
        text(|click| click.referral_source.as_deref()),
        text(|click| click.geo_country.as_deref()),
        text(|click| click.geo_city.as_deref()),
        text(|click| click.ip_address.as_deref()),
        Arc::new(BooleanArray::from_iter(clicks().map(|click| click?.is_new_user))),
        Arc::new(Int32Array::from_iter(clicks().map(|click| click?.cart_size))),
    ]
}

/// What the products of an event say, or what could not be told apart by product.
fn by_product(
    click: &Click,
    of: fn(&Product) -> Option<&str>,
    of_event: fn(&Click) -> &[String],
) -> Option<Vec<Option<&str>>> {
    if click.products.iter().any(|product| of(product).is_some()) {
        return Some(click.products.iter().map(of).collect());
    }
    let left = of_event(click);
    (!left.is_empty()).then(|| left.iter().map(|value| Some(value.as_str())).collect())
}
