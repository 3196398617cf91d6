//! Bytes to a [`Click`] or a typed [`Reject`]: total, pure, in time proportional to the bytes.
//!
//! Whatever arrives, exactly one of the two comes out, and the same one each time. What is needed (who, which visit,
//! when, what) must be there and readable; what is optional and unreadable is left out. Prices are the exception:
//! one that cannot be trusted rejects the event, because a sum would silently be wrong.
//!
//! Does not know where the bytes came from, nor what time it is: "in the future" is relative to when the event hub
//! took the event.

mod depth;
mod device;
mod field;
mod identity;
mod lengths;
mod limits;
mod list;
mod members;
mod moment;
mod prices;
mod products;
mod text;
mod value;

pub use limits::Limits;

use super::click::{Click, EventType};
use super::ids::{SessionId, UserId};
use super::reject::{Reject, RejectReason};
use super::time::Timestamp;
use super::url::{Location, path_segments};
use field::Field;
use members::Members;
use value::Value;

/// Reads one event. The checks run in the order of [`RejectReason::ALL`]; the first that fails names the reason.
pub fn parse(body: &[u8], enqueued_at: Timestamp, limits: &Limits) -> Result<Click, Reject> {
    let members = Members::read(text::checked(body, limits)?)?;
    let user_id = identity::required(&members, Field::UserId, UserId::new, RejectReason::MissingUser)?;
    let session_id = identity::required(&members, Field::SessionId, SessionId::new, RejectReason::MissingSession)?;
    let event_time = moment::event_time(&members, enqueued_at, limits)?;
    let event_type = event_type(&members)?;
    lengths::check(&members, limits)?;
    let attributes = products::Attributes::read(&members, limits)?;
    let prices = prices::Prices::read(&members, limits)?;
    let event_value = prices.event_value()?;
    let (products, event_level) = attributes.zip(&prices);
    let page = members.text(Field::PageUrl).map(|url| Location::of_page(&url, limits.site_domain.as_deref()));
    if products.is_empty() && event_type == EventType::PageView {
        refuse_product_detail(page.as_ref())?;
    }
    let (page_url, page_domain) = page.map_or((None, None), |page| (Some(page.text), page.domain));
    let referrer = members.text(Field::ReferralSource).map(|source| Location::of_referrer(&source));
    let (referral_source, referral_domain) = referrer.map_or((None, None), |from| (Some(from.text), from.domain));
    let event_id = members.owned_text(Field::EventId);
    let device = device::Device::read(&members);
    let click = Click {
        event_key: identity::event_key(event_id.as_deref(), event_time, body),
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
    lengths::check_rows(&click, limits.max_rows_bytes)?;
    Ok(click)
}

fn event_type(members: &Members<'_>) -> Result<EventType, Reject> {
    match members.value(Field::EventType) {
        Value::Text(name) => Ok(EventType::from_name(&name)),
        Value::Absent => Err(Reject::new(RejectReason::MissingEventType, "`event_type` is missing, null or empty")),
        other => {
            let detail = format!("`event_type` must be a string, it is {}", other.kind());
            Err(Reject::new(RejectReason::MissingEventType, detail))
        }
    }
}

/// A page view of one product's page that does not say which product is incomplete; one of the listing is not.
fn refuse_product_detail(page: Option<&Location>) -> Result<(), Reject> {
    let is_detail = page.is_some_and(|page| {
        let mut segments = path_segments(&page.text).skip_while(|segment| !matches!(*segment, "product" | "products"));
        segments.nth(1).is_some()
    });
    if !is_detail {
        return Ok(());
    }
    let detail = "`product_id` and `product_name` are missing from the page view of a product detail page";
    Err(Reject::new(RejectReason::ProductDetailWithoutProduct, detail))
}

#[cfg(test)]
mod tests;
