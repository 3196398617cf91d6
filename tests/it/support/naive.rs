//! Gold by brute force: sorts all events and walks through them once. Written from the definition of a session, and shares
//! no code with the product.

use clickstream::event::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An event, with only what the comparison needs.
#[derive(Debug, Clone)]
pub struct Event {
    pub user: String,
    pub session: String,
    pub at_micros: i64,
    pub kind: String,
    pub url: Option<String>,
    /// Ten-thousandths.
    pub price: Option<i64>,
    pub transaction: Option<String>,
    pub products: Vec<String>,
    /// The same for an event and its repetition, different for any other event.
    pub identity: String,
}

impl Event {
    /// The JSON that its producer sends.
    pub fn body(&self) -> Vec<u8> {
        super::event::Event::page_view(Timestamp(self.at_micros))
            .with("event_id", self.identity.as_str())
            .with("user_id", self.user.as_str())
            .with("session_id", self.session.as_str())
            .with("event_type", self.kind.as_str())
            .with("page_url", self.url.clone())
            .with("product_id", self.products.clone())
            .with("product_price", self.price.map(|price| price as f64 / 10_000.0))
            .with("transaction_id", self.transaction.clone())
            .body()
    }
}

const TIMEOUT_MICROS: i64 = 30 * 60 * 1_000_000;

/// One object for each session, with the columns that are compared, sorted.
pub fn fold(events: &[Event]) -> Vec<Value> {
    let mut distinct: BTreeMap<(&str, &str, &str), &Event> = BTreeMap::new();
    for event in events {
        distinct.entry((&event.user, &event.session, &event.identity)).or_insert(event);
    }
    let mut by_key: BTreeMap<(&str, &str), Vec<&Event>> = BTreeMap::new();
    for event in distinct.into_values() {
        by_key.entry((&event.user, &event.session)).or_default().push(event);
    }
    let mut sessions = Vec::new();
    for events in by_key.values_mut() {
        events.sort_by_key(|event| (event.at_micros, event.url.clone()));
        let mut current: Vec<&Event> = Vec::new();
        for event in events.iter() {
            if current.last().is_some_and(|last| event.at_micros - last.at_micros > TIMEOUT_MICROS) {
                sessions.push(session(&std::mem::take(&mut current)));
            }
            current.push(event);
        }
        sessions.push(session(&current));
    }
    sessions.sort_by_key(Value::to_string);
    sessions
}

fn session(events: &[&Event]) -> Value {
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    let urls: Vec<&String> = events.iter().filter_map(|event| event.url.as_ref()).collect();
    let mut transactions = BTreeSet::new();
    let counted: Vec<&&Event> = events
        .iter()
        .filter(|event| event.kind == "purchase")
        .filter(|event| event.transaction.as_ref().is_none_or(|id| transactions.insert(id.clone())))
        .collect();
    let (first, last) = (events[0], events[events.len() - 1]);
    json!({
        "user_id": first.user,
        "session_id": first.session,
        "start": first.at_micros,
        "end": last.at_micros,
        "total_events": events.len(),
        "unique_page_views": urls.iter().collect::<BTreeSet<_>>().len(),
        "add_to_cart_count": count("add_to_cart"),
        "purchase_count": counted.len(),
        "total_purchase_value": counted.iter().filter_map(|event| event.price).sum::<i64>(),
        "product_ids_viewed": events.iter().flat_map(|event| &event.products).collect::<BTreeSet<_>>(),
        "landing_page": urls.first(),
        "exit_page": urls.last(),
    })
}

/// A row of gold, in the form that [`fold`] returns.
pub fn of_row(row: &Value) -> Value {
    let micros = |name: &str| {
        let text = row[name].as_str().expect("an instant");
        chrono::DateTime::parse_from_rfc3339(text).expect("an instant").timestamp_micros()
    };
    let money = row["total_purchase_value"].to_string();
    let money: f64 = money.trim_matches('"').parse().expect("an amount");
    json!({
        "user_id": row["user_id"],
        "session_id": row["session_id"],
        "start": micros("session_start_time"),
        "end": micros("session_end_time"),
        "total_events": row["total_events"],
        "unique_page_views": row["unique_page_views"],
        "add_to_cart_count": row["add_to_cart_count"],
        "purchase_count": row["purchase_count"],
        "total_purchase_value": (money * 10_000.0).round() as i64,
        "product_ids_viewed": row["product_ids_viewed"],
        "landing_page": row["landing_page"],
        "exit_page": row["exit_page"],
    })
}
