//! Well-formed events as rows of silver. CPU-bound and pure.

use super::{Rows, schema};
use crate::event::Parsed;
use crate::event::click::{Click, Product};
use crate::event::money::Money;
use crate::event::received::{ReceivedBatch, ReceivedEvent};
use crate::lake::LakeError;
use crate::lake::arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array};
use crate::lake::columns;
use crate::lake::schema::record_batch;
use crate::lineage::{self, Stamp};
use std::sync::Arc;

/// One row: an event and one of its products, if it has any.
#[derive(Clone, Copy)]
struct Row<'a> {
    event: &'a ReceivedEvent,
    click: &'a Click,
    index: usize,
    product: Option<&'a Product>,
}

/// The well-formed events of `batch`; `parsed` holds what was read in each of its events, in the same order.
pub fn rows(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp) -> Result<Rows, LakeError> {
    let good = batch.events.iter().zip(parsed).filter_map(|(event, parsed)| Some((event, parsed.as_ref().ok()?)));
    let flattened: Vec<Row> = good.flat_map(|(event, click)| flatten(event, click)).collect();
    let mut all = lineage::arrays(&batch.source, stamp, flattened.iter().map(|row| row.event));
    all.extend(event_columns(&flattened));
    all.extend(product_columns(&flattened));
    all.extend(context_columns(&flattened));
    let positions = flattened.iter().map(|row| lineage::position(row.event)).collect();
    Ok(Rows { layer: schema::LAYER, stamp, rows: record_batch(&schema::table(), all)?, positions })
}

/// An event without products is one row all the same.
fn flatten<'a>(event: &'a ReceivedEvent, click: &'a Click) -> impl Iterator<Item = Row<'a>> {
    let rows = click.products.len().max(1);
    (0..rows).map(move |index| Row { event, click, index, product: click.products.get(index) })
}

fn event_columns(rows: &[Row]) -> Vec<ArrayRef> {
    vec![
        text(rows, |row| row.click.event_id.as_deref()),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.click.event_key.0))),
        text(rows, |row| Some(row.click.user_id.as_str())),
        text(rows, |row| Some(row.click.session_id.as_str())),
        columns::instants(rows.iter().map(|row| Some(row.click.event_time.0))),
        text(rows, |row| Some(row.click.event_type.as_str())),
        text(rows, |row| row.click.page_url.as_deref()),
        text(rows, |row| row.click.page_domain.as_deref()),
    ]
}

fn product_columns(rows: &[Row]) -> Vec<ArrayRef> {
    let product = |field: fn(&Product) -> Option<&str>| -> ArrayRef {
        columns::texts(rows.iter().map(|row| row.product.and_then(field)))
    };
    vec![
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.index as i32))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.click.products.len() as i32))),
        product(|product| product.id.as_deref()),
        product(|product| product.name.as_deref()),
        product(|product| product.brand.as_deref()),
        text(rows, |row| match row.product {
            Some(product) => product.category.as_deref(),
            None => row.click.category.as_deref(),
        }),
        amounts(rows, |row| row.product.and_then(|product| product.price)),
        amounts(rows, |row| row.click.event_value),
        lists(rows, |row| &row.click.event_level.names),
        lists(rows, |row| &row.click.event_level.brands),
        lists(rows, |row| &row.click.event_level.categories),
        text(rows, |row| row.click.transaction_id.as_deref()),
    ]
}

fn context_columns(rows: &[Row]) -> Vec<ArrayRef> {
    vec![
        text(rows, |row| row.click.browser.as_deref()),
        text(rows, |row| row.click.os.as_deref()),
        text(rows, |row| row.click.device_type.as_deref()),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.click.is_bot)))),
        text(rows, |row| row.click.referral_source.as_deref()),
        text(rows, |row| row.click.referral_domain.as_deref()),
        text(rows, |row| row.click.geo_country.as_deref()),
        text(rows, |row| row.click.geo_city.as_deref()),
        text(rows, |row| row.click.ip_address.as_deref()),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.click.is_new_user))),
        Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.click.cart_size))),
    ]
}

fn text<'a>(rows: &'a [Row<'a>], field: fn(&'a Row<'a>) -> Option<&'a str>) -> ArrayRef {
    columns::texts(rows.iter().map(field))
}

fn amounts(rows: &[Row], field: fn(&Row) -> Option<Money>) -> ArrayRef {
    columns::amounts(rows.iter().map(|row| field(row).map(|amount| amount.0)))
}

/// Null where the list is empty.
fn lists<'a>(rows: &'a [Row<'a>], field: fn(&'a Row<'a>) -> &'a [String]) -> ArrayRef {
    let list = |row| Some(field(row)).filter(|list| !list.is_empty()).map(|list| list.iter().map(Some));
    columns::text_lists(rows.iter().map(list))
}
