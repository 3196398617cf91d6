//! Bytes to a [`Click`] or a typed [`Reject`]: total, pure, in time proportional to the bytes.
//!
//! Whatever arrives, exactly one of the two comes out, and the same one each time. The members an event cannot do
//! without must be there and readable. An optional member that is unreadable is left out, except for prices: one that
//! cannot be trusted rejects the event, because a sum would silently be wrong.
//!
//! Does not know where the bytes came from, nor what time it is: "in the future" is relative to when the event hub
//! received the event.
//!
//! The steps, in the order in which [`parse`] takes them:
//!
//! | step | file |
//! |---|---|
//! | the body is UTF-8, neither too long nor nested too deep | `body` |
//! | the object is split into the members we know, by name | `members` |
//! | each member's JSON becomes a typed value where a step asks for it | `value` |
//! | user, session, time and type are there; the event gets its key | `required` |
//! | texts, lists and rows are within their limits | `limits` |
//! | products and what is said about each | `products` |
//! | prices, and what the event is worth | `prices` |
//! | page, referrer and device | `context` |

mod body;
mod members;
mod value;
mod required;
mod limits;
mod products;
mod prices;
mod context;

pub use limits::Limits;

use super::click::{Click, EventType};
use super::ids::{SessionId, UserId};
use super::reject::{Reject, RejectReason};
use super::time::Timestamp;
use context::Device;
use members::{Field, Members};
use prices::Prices;
use products::Attributes;

/// Reads one event. The checks run in the order of the variants of [`RejectReason`]; the first that fails names the
/// reason.
pub fn parse(body: &[u8], enqueued_at: Timestamp, limits: &Limits) -> Result<Click, Reject> {
    let members = Members::read(body::checked(body, limits)?)?;
    let user_id = required::id(&members, Field::UserId, UserId::new, RejectReason::MissingUser)?;
    let session_id = required::id(&members, Field::SessionId, SessionId::new, RejectReason::MissingSession)?;
    let event_time = required::event_time(&members, enqueued_at, limits)?;
    let event_type = required::event_type(&members)?;
    limits::check_texts(&members, limits)?;
    let attributes = Attributes::read(&members, limits)?;
    let prices = Prices::read(&members, limits)?;
    let event_value = prices.event_value()?;
    let (products, event_level) = attributes.zip(&prices);
    let page = context::page(&members, limits.site_domain.as_deref());
    if products.is_empty() && event_type == EventType::PageView {
        context::reject_detail_page(page.as_ref())?;
    }
    let (page_url, page_domain) = page.map_or((None, None), |page| (Some(page.text), page.domain));
    let (referral_source, referral_domain) =
        context::referrer(&members).map_or((None, None), |from| (Some(from.text), from.domain));
    let device = Device::read(&members);
    let event_id = members.owned_text(Field::EventId);
    let click = Click {
        event_key: required::event_key(event_id.as_deref(), event_time, body),
        event_id,
        user_id,
        session_id,
        event_time,
        event_type,
        page_url,
        page_domain,
        products,
        event_level,
        event_value,
        transaction_id: members.owned_text(Field::TransactionId).or_else(|| members.owned_text(Field::OrderId)),
        category: attributes.bare_category(),
        browser: device.browser,
        os: device.os,
        device_type: device.device_type,
        is_bot: device.is_bot,
        referral_source,
        referral_domain,
        geo_country: members.owned_text(Field::GeoCountry),
        geo_city: members.owned_text(Field::GeoCity),
        ip_address: members.owned_text(Field::IpAddress),
        is_new_user: members.value(Field::IsNewUser).as_bool(),
        cart_size: members.value(Field::CartSize).as_i32(),
        unknown_fields: members.unknown(),
    };
    limits::check_rows(&click, limits.max_rows_bytes)?;
    Ok(click)
}

#[cfg(test)]
mod tests;
