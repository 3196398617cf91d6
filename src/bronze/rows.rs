//! Received events as rows of bronze. CPU-bound and pure.

use super::schema;
use crate::event::Parsed;
use crate::event::click::{Click, Product};
use crate::event::received::ReceivedBatch;
use crate::lake::LakeError;
use crate::lake::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Int32Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use crate::lake::arrow::datatypes::{DataType, Field};
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
    let mut columns = lineage::arrays(&batch.source, stamp, batch.events.iter());
    columns.push(Arc::new(BinaryArray::from_iter_values(batch.events.iter().map(|event| &event.body))));
    columns.push(Arc::new(StringArray::from_iter(
        parsed.iter().map(|parsed| parsed.as_ref().err().map(|reject| format!("{}: {}", reject.reason, reject.detail))),
    )));
    columns.extend(click_columns(parsed));
    Ok(Rows { stamp, rows: record_batch(&schema::table(), columns)? })
}

fn click_columns(parsed: &[Parsed]) -> Vec<ArrayRef> {
    let clicks = || parsed.iter().map(|parsed| parsed.as_ref().ok());
    let text = |field: fn(&Click) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(clicks().map(|click| click.and_then(field))))
    };
    let names = |of: fn(&Product) -> Option<&str>, left: fn(&Click) -> &[String]| text_lists(clicks(), of, left);
    let times = clicks().map(|click| click.map(|click| click.event_time.0)).collect::<Vec<_>>();
    let values = clicks().map(|click| click?.event_value.map(|value| i128::from(value.0)));
    vec![
        Arc::new(Int32Array::from_iter(clicks().map(|click| click.map(|click| click.unknown_fields as i32)))),
        text(|click| click.event_id.as_deref()),
        text(|click| Some(&click.user_id.0)),
        text(|click| Some(&click.session_id.0)),
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        text(|click| Some(click.event_type.as_str())),
        text(|click| click.page_url.as_deref()),
        names(|product| product.id.as_deref(), |_| &[]),
        names(|product| product.name.as_deref(), |click| &click.event_level.names),
        names(|product| product.brand.as_deref(), |click| &click.event_level.brands),
        Arc::new(Decimal128Array::from_iter(values).with_data_type(crate::lake::schema::money())),
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

/// One list an event: what its products say, or what could not be told apart by product.
fn text_lists<'a>(
    clicks: impl Iterator<Item = Option<&'a Click>>,
    of: fn(&Product) -> Option<&str>,
    left: fn(&Click) -> &[String],
) -> ArrayRef {
    let element = Field::new("element", DataType::Utf8, true);
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(element);
    for click in clicks {
        let Some(click) = click else {
            lists.append_null();
            continue;
        };
        let any = click.products.iter().any(|product| of(product).is_some());
        if any {
            click.products.iter().for_each(|product| lists.values().append_option(of(product)));
        } else {
            left(click).iter().for_each(|value| lists.values().append_value(value));
        }
        lists.append(any || !left(click).is_empty());
    }
    Arc::new(lists.finish())
}
