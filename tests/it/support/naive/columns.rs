//! The columns of a session, each computed from all of its events.

use super::Amount;
use super::content::{Content, Row};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The smallest products and hours that a session lists.
const MAX_PRODUCTS: usize = 1_000;

const HOUR_MICROS: i64 = 3_600_000_000;

/// The session of `events`, which are in their order. One that is truncated has only its key, times and number of events.
pub fn session(events: &[&Content], max_events: usize) -> Value {
    let (first, last) = (events[0], events[events.len() - 1]);
    let is_truncated = events.len() > max_events;
    let mut session = json!({
        "user_id": first.user,
        "session_id": first.session,
        "session_start_time": first.at_micros,
        "session_end_time": last.at_micros,
        "total_events": events.len(),
        "is_truncated": is_truncated,
    });
    let columns = session.as_object_mut().expect("an object");
    if !is_truncated {
        for part in [counts(events), money(events), lists(events), first_known(events)] {
            columns.extend(part.as_object().cloned().expect("an object"));
        }
    }
    columns.retain(|_, value| !value.is_null());
    session
}

fn counts(events: &[&Content]) -> Value {
    let count = |kind: &str| events.iter().filter(|event| event.event_type == kind).count();
    let micros = events[events.len() - 1].at_micros - events[0].at_micros;
    let urls: Vec<&String> = events.iter().filter_map(|event| event.page_url.as_ref()).collect();
    let purchases = purchases(events).len();
    let page_views = count("page_view");
    json!({
        "session_duration_seconds": micros as f64 / 1e6,
        "unique_page_views": urls.iter().collect::<BTreeSet<_>>().len(),
        "page_view_count": page_views,
        "add_to_cart_count": count("add_to_cart"),
        "remove_from_cart_count": count("remove_from_cart"),
        "search_count": count("search"),
        "checkout_count": count("checkout"),
        "purchase_count": purchases,
        "refund_count": count("refund"),
        "landing_page": urls.first(),
        "exit_page": urls.last(),
        "cart_abandoned": count("add_to_cart") > 0 && purchases == 0,
        "is_bounce": events.len() == 1,
        "is_engaged": micros >= 10_000_000 || page_views >= 2 || purchases >= 1,
        "is_bot": events.iter().any(|event| event.is_bot),
        "is_anonymous": events.iter().all(|event| event.is_anonymous),
        "duplicates_unchecked": false,
    })
}

/// The purchases that count: each one without a transaction id, and of each transaction the first with a known value, or the
/// first of all where no value is known. In the order of the events.
fn purchases<'a>(events: &[&'a Content]) -> Vec<&'a Content> {
    let all: Vec<&Content> = events.iter().copied().filter(|event| event.event_type == "purchase").collect();
    let counts = |event: &&Content| {
        let Some(id) = &event.transaction else { return true };
        let mut same = all.iter().filter(|other| other.transaction.as_ref() == Some(id));
        let with_value = same.clone().find(|other| other.value.is_some());
        with_value.or_else(|| same.next()).is_some_and(|chosen| std::ptr::eq::<Content>(*chosen, *event))
    };
    all.iter().copied().filter(counts).collect()
}

fn refunds<'a>(events: &[&'a Content]) -> Vec<&'a Content> {
    events.iter().copied().filter(|event| event.event_type == "refund").collect()
}

/// The first known currency of the purchases that count, else of the refunds.
fn currency<'a>(events: &[&'a Content]) -> Option<&'a str> {
    purchases(events).into_iter().chain(refunds(events)).find_map(|event| event.currency.as_deref())
}

/// An amount without a currency counts as one in that of the session.
fn is_in(currency: Option<&str>, event: &Content) -> bool {
    event.currency.is_none() || event.currency.as_deref() == currency
}

fn money(events: &[&Content]) -> Value {
    let currency = currency(events);
    let sum = |of: &[&Content]| -> Amount {
        of.iter().filter(|event| is_in(currency, event)).filter_map(|event| event.value).sum()
    };
    let (purchases, refunds) = (purchases(events), refunds(events));
    json!({
        "currency": currency,
        "total_purchase_value": sum(&purchases),
        "refund_value": refunds
            .iter()
            .filter(|event| is_in(currency, event))
            .filter_map(|event| event.value)
            .map(Amount::abs)
            .sum::<Amount>(),
        "has_other_currencies": purchases.iter().chain(&refunds).any(|event| !is_in(currency, event)),
    })
}

fn lists(events: &[&Content]) -> Value {
    let rows = || events.iter().flat_map(|event| &event.rows);
    let distinct = |of: fn(&Row) -> &Option<String>, of_events: fn(&Content) -> &Vec<String>| {
        let of_rows = rows().filter_map(|row| of(row).clone());
        let of_events = events.iter().flat_map(|event| of_events(event).clone());
        of_rows.chain(of_events).collect::<BTreeSet<String>>()
    };
    json!({
        "product_ids_viewed": rows().filter_map(|row| row.id.clone()).collect::<BTreeSet<_>>(),
        "product_names_viewed": distinct(|row| &row.name, |event| &event.event_names),
        "product_brands_viewed": distinct(|row| &row.brand, |event| &event.event_brands),
        "product_categories_viewed": distinct(|row| &row.category, |event| &event.event_categories),
        "products": products(events),
    })
}

/// One entry for each product id and hour that an event names.
fn products(events: &[&Content]) -> Vec<Value> {
    let hour = |event: &Content| event.at_micros.div_euclid(HOUR_MICROS);
    let named = events.iter().flat_map(|event| event.rows.iter().map(move |row| (row, hour(event))));
    let keys: BTreeSet<(&str, i64)> = named.filter_map(|(row, hour)| Some((row.id.as_deref()?, hour))).collect();
    let entry = |(id, of): (&str, i64)| {
        let here = |event: &&&Content| hour(event) == of && event.names_product(id);
        let count = |kind: &str| events.iter().filter(here).filter(|event| event.event_type == kind).count();
        let purchases = purchases(events);
        let purchases: Vec<&&Content> = purchases.iter().filter(here).collect();
        let rows_of = |event: &Content| event.rows.clone().into_iter().filter(|row| row.id.as_deref() == Some(id));
        let in_currency = purchases.iter().filter(|event| is_in(currency(events), event));
        let known: Vec<Amount> = in_currency.filter_map(|event| value_of(event, id)).collect();
        let mut entry = json!({
            "product_id": id,
            "name": last_of(events, id, |row| &row.name, true).or_else(|| last_of(events, id, |row| &row.name, false)),
            "brand": last_of(events, id, |row| &row.brand, true),
            "category": last_of(events, id, |row| &row.category, true),
            "hour": of,
            "views": count("page_view"),
            "adds": count("add_to_cart"),
            "removes": count("remove_from_cart"),
            "purchases": purchases.len(),
            "units": purchases.iter().flat_map(|event| rows_of(event)).map(|row| row.quantity.unwrap_or(1)).sum::<i64>(),
            "value": (!known.is_empty()).then(|| known.iter().sum::<Amount>()),
        });
        entry.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        entry
    };
    keys.into_iter().take(MAX_PRODUCTS).map(entry).collect()
}

/// What a purchase contributes to the value of one of its products: its total where it is of that product only, else the sum
/// of the known prices times pieces.
fn value_of(event: &Content, id: &str) -> Option<Amount> {
    let of_rows = event.rows.iter().filter(|row| row.id.as_deref() == Some(id));
    let lines: Vec<Amount> = of_rows.filter_map(|row| Some(row.price? * row.quantity.unwrap_or(1))).collect();
    let total = event.value.filter(|_| event.names_only(id));
    total.or_else(|| (!lines.is_empty()).then(|| lines.iter().sum()))
}

/// The last known value of the rows of this product, in the events that name no other product, or in all the others.
fn last_of(events: &[&Content], id: &str, of: fn(&Row) -> &Option<String>, alone: bool) -> Option<String> {
    let events = events.iter().filter(|event| event.names_only(id) == alone);
    let rows = events.flat_map(|event| &event.rows).filter(|row| row.id.as_deref() == Some(id));
    rows.filter_map(|row| of(row).clone()).next_back()
}

/// Values of the first event that has one.
fn first_known(events: &[&Content]) -> Value {
    let first = |of: fn(&Content) -> &Option<String>| events.iter().find_map(|event| of(event).clone());
    let campaign = events.iter().find(|event| event.utm.iter().any(Option::is_some));
    let utm = |at: usize| campaign.and_then(|event| event.utm[at].clone());
    json!({
        "browser": first(|event| &event.browser),
        "os": first(|event| &event.os),
        "device_type": first(|event| &event.device_type),
        "geo_country": first(|event| &event.geo_country),
        "geo_city": first(|event| &event.geo_city),
        "referral_source": first(|event| &event.referral_source),
        "utm_source": utm(0),
        "utm_medium": utm(1),
        "utm_campaign": utm(2),
        "utm_term": utm(3),
        "utm_content": utm(4),
    })
}
