//! No text longer than its limit, nor all of an event's together where they are repeated.

use super::field::Field;
use super::limits::Limits;
use super::members::Members;
use crate::event::click::Click;
use crate::event::reject::{Reject, RejectReason};

const IDS: [Field; 6] =
    [Field::UserId, Field::SessionId, Field::EventType, Field::EventId, Field::TransactionId, Field::OrderId];

/// Those of products are not among them: they may be lists, and are looked at where these are read.
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

/// Looks at every member that is one text.
pub(super) fn check(members: &Members<'_>, limits: &Limits) -> Result<(), Reject> {
    IDS.iter().try_for_each(|&field| check_field(members, field, limits.max_id_bytes))?;
    TEXTS.iter().try_for_each(|&field| check_field(members, field, limits.max_text_bytes))
}

fn check_field(members: &Members<'_>, field: Field, max_bytes: usize) -> Result<(), Reject> {
    // Resolving escapes only makes a text shorter: most are within the limit as they are written.
    if members.raw(field).is_none_or(|json| json.len() <= max_bytes) {
        return Ok(());
    }
    members.text(field).map_or(Ok(()), |text| check_text(field, &text, max_bytes))
}

/// Refuses a text of more than `max_bytes`.
pub(super) fn check_text(field: Field, text: &str, max_bytes: usize) -> Result<(), Reject> {
    if text.len() <= max_bytes {
        return Ok(());
    }
    let detail = format!("`{}` has a text of {} bytes, more than {max_bytes}", field.name(), text.len());
    Err(Reject::new(RejectReason::FieldTooLong, detail))
}

/// Refuses a list of more than `max_length` elements.
pub(super) fn list_too_long(field: Field, max_length: usize) -> Reject {
    let detail = format!("`{}` is a list of more than {max_length} elements", field.name());
    Reject::new(RejectReason::FieldTooLong, detail)
}

/// Refuses an event of several products that would take too much room as rows.
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
