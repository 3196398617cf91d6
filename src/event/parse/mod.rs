//! Bytes to a [`Click`] or a typed [`Reject`]: total and pure. The time is proportional to the bytes, and to the
//! selectors of a map.
//!
//! Whatever arrives, exactly one of the two comes out, and the same one each time. The fields an event cannot do without
//! must be there and readable. Nothing optional costs the event: a value that is too long is cut, one that is unreadable
//! is left out, and both are counted.
//!
//! Does not know where the bytes came from, nor what time it is: "in the future" is relative to when the event hub
//! received the event.
//!
//! The steps, in the order in which [`parse`] runs them:
//!
//! | step | file |
//! |---|---|
//! | the body is UTF-8, neither too long nor nested too deep | `body` |
//! | the object is split into the fields we know, by name or by the paths of a map | `field`, `split`, `map`, `members` |
//! | each field's JSON becomes a typed value within its limits where a step asks for it | `value`, `reading` |
//! | user, session, time and type are there; the event gets its key | `required` |
//! | products and what is said about each | `items`, `products` |
//! | amounts, and what the event is worth | `prices`, `currency` |
//! | page, campaign, referrer and device | `context` |

mod body;
pub mod field;
mod split;
mod value;
mod map;
mod members;
mod limits;
mod settings;
mod reading;
mod required;
mod items;
mod products;
mod prices;
mod currency;
mod context;

pub use limits::Limits;
pub use map::{EventMap, EventTypes};
pub use settings::{AnonymousEvents, ParseSettings, ProductViewsWithoutProduct};

use super::click::{Click, EventType};
use super::money::Money;
use super::reject::Reject;
use super::time::Timestamp;
use context::Device;
use field::Field;
use members::Members;
use prices::Prices;
use products::Attributes;
use reading::Reading;
use required::Identity;

/// Reads one event. The checks run in the order of the variants of [`RejectReason`](super::reject::RejectReason); the
/// first that fails names the reason.
pub fn parse(body: &[u8], enqueued_at: Timestamp, settings: &ParseSettings) -> Result<Click, Reject> {
    let limits = &settings.limits;
    let mut members = Members::read(body::checked(body, limits)?, &settings.map)?;
    let unknown_fields = members.take_unknown();
    let reading = &mut Reading::of(&members, limits);
    let Identity { user_id, is_anonymous, session_id } = Identity::read(reading, settings)?;
    let event_time = required::event_time(reading, enqueued_at, settings)?;
    let event_type = required::event_type(reading, &settings.map)?;
    let (attributes, items) = Attributes::read(reading);
    let prices = Prices::read(reading, &items);
    let event_value = prices.event_value(reading);
    let (products, event_level) = attributes.zip(&prices, limits.max_list_length);
    let (page, address) = context::page(reading, settings.site_domain.as_deref());
    if products.is_empty() && event_type == EventType::PageView {
        context::check_detail_page(page.as_ref(), settings.product_views_without_product)?;
    }
    let (page_url, page_domain) = page.map_or((None, None), |page| (Some(page.text), page.domain));
    let (referral_source, referral_domain) =
        context::referrer(reading).map_or((None, None), |from| (Some(from.text), from.domain));
    let device = Device::read(reading);
    let event_id = reading.id(Field::EventId);
    let mut click = Click {
        event_key: required::event_key(event_id.as_deref(), event_time, body),
        event_id,
        user_id,
        is_anonymous,
        session_id,
        event_time,
        page_url,
        page_domain,
        page_title: reading.owned_text(Field::PageTitle),
        search_term: reading.owned_text(Field::SearchTerm),
        products,
        event_level,
        // Some senders send what was paid back as a negative amount.
        event_value: if event_type == EventType::Refund { event_value.map(Money::magnitude) } else { event_value },
        event_type,
        currency: prices.currency,
        transaction_id: reading.id(Field::TransactionId),
        category: attributes.bare_category(),
        browser: device.browser,
        os: device.os,
        device_type: device.device_type,
        is_bot: device.is_bot,
        referral_source,
        referral_domain,
        campaign: context::campaign(reading, address.as_deref()),
        geo_country: reading.owned_text(Field::GeoCountry),
        geo_city: reading.owned_text(Field::GeoCity),
        ip_address: reading.owned_text(Field::IpAddress),
        is_new_user: reading.boolean(Field::IsNewUser),
        cart_size: reading.integer(Field::CartSize),
        unknown_fields,
        fields_cut: 0,
        fields_unreadable: 0,
    };
    if products::fit_rows(&mut click, limits.max_rows_bytes) {
        reading.note_cut(Field::ProductId);
    }
    click.fields_cut = reading.fields_cut();
    click.fields_unreadable = reading.fields_unreadable();
    Ok(click)
}

#[cfg(test)]
mod tests;
