//! How large, deep, early and late an event may be, and the checks of length.
//!
//! The checks of depth and time are with the steps that measure them, in `body` and `required`. Does not know where the
//! limits come from: [`Limits`] is values only.

use super::members::{Field, Members};
use super::value::{self, TooManyElements, Value};
use crate::event::click::Click;
use crate::event::reject::{Reject, RejectReason};
use crate::event::time::Span;

/// Bounds of what parses. An event that exceeds one is rejected with the reason that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Length of the body as received.
    pub max_body_bytes: usize,
    /// How many objects and lists may be nested, the event itself included.
    pub max_depth: usize,
    /// Length of one text in UTF-8, without its quotes and with escapes resolved.
    pub max_text_bytes: usize,
    /// The same for ids of users, sessions, events, transactions and orders, and for the event type.
    pub max_id_bytes: usize,
    /// Elements of one list.
    pub max_list_length: usize,
    /// Text in all silver rows of one event that has several products. Each row repeats what belongs to the event, so
    /// without this bound a small body could become a thousand times as large.
    pub max_rows_bytes: usize,
    /// How much later than its arrival at the event hub an event may claim to be: clocks differ.
    pub future_tolerance: Span,
    /// How much earlier it may claim to be; `None` for an archive, where any age is right.
    pub max_event_age: Option<Span>,
    /// The domain that relative page addresses get; `None` leaves them without one.
    pub site_domain: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // The largest event that an event hub accepts.
            max_body_bytes: 1 << 20,
            max_depth: 32,
            max_text_bytes: 8_192,
            max_id_bytes: 512,
            max_list_length: 1_000,
            // Enough for an ordinary event with a thousand products; a thousand such events still fit into an instance.
            max_rows_bytes: 256 << 10,
            future_tolerance: Span::from_minutes(5),
            max_event_age: Some(Span::from_days(30)),
            site_domain: None,
        }
    }
}

/// Members that `max_id_bytes` applies to.
const IDS: [Field; 6] =
    [Field::UserId, Field::SessionId, Field::EventType, Field::EventId, Field::TransactionId, Field::OrderId];

/// Members that `max_text_bytes` applies to. Those of products are checked where they are read: they may be lists.
const TEXTS: [Field; 9] = [
    Field::PageUrl,
    Field::Browser,
    Field::Os,
    Field::DeviceType,
    Field::ReferralSource,
    Field::GeoCountry,
    Field::GeoCity,
    Field::IpAddress,
    Field::UserAgent,
];

/// Rejects an event with an id or text that is too long, products aside.
pub(super) fn check_texts(members: &Members<'_>, limits: &Limits) -> Result<(), Reject> {
    IDS.iter().try_for_each(|&field| check_field(members, field, limits.max_id_bytes))?;
    TEXTS.iter().try_for_each(|&field| check_field(members, field, limits.max_text_bytes))
}

fn check_field(members: &Members<'_>, field: Field, max_bytes: usize) -> Result<(), Reject> {
    // Resolving escapes only makes a text shorter, so the raw length settles nearly every case.
    if members.raw(field).is_none_or(|json| json.len() <= max_bytes) {
        return Ok(());
    }
    members.text(field).map_or(Ok(()), |text| check_text(field, &text, max_bytes))
}

/// Rejects a text of more than `max_bytes`.
pub(super) fn check_text(field: Field, text: &str, max_bytes: usize) -> Result<(), Reject> {
    if text.len() <= max_bytes {
        return Ok(());
    }
    let detail = format!("`{}` has a text of {} bytes, more than {max_bytes}", field.name(), text.len());
    Err(Reject::new(RejectReason::FieldTooLong, detail))
}

/// The elements of the list `json`, the value of `field`. Rejects a list that is too long.
pub(super) fn list<'a>(field: Field, json: &'a str, limits: &Limits) -> Result<Vec<Value<'a>>, Reject> {
    let max_length = limits.max_list_length;
    value::elements(json, max_length).map_err(|TooManyElements| {
        let detail = format!("`{}` is a list of more than {max_length} elements", field.name());
        Reject::new(RejectReason::FieldTooLong, detail)
    })
}

/// Rejects an event of several products whose rows would occupy too much.
pub(super) fn check_rows(click: &Click, max_bytes: usize) -> Result<(), Reject> {
    let products = click.products.len();
    let bytes = if products > 1 { click.text_bytes_in_rows() } else { 0 };
    if bytes <= max_bytes {
        return Ok(());
    }
    let detail = format!(
        "the event has {products} products, and its texts on a row for each of them are {bytes} bytes, more than \
         {max_bytes}: send fewer products in one event"
    );
    Err(Reject::new(RejectReason::RowsTooLarge, detail))
}
