//! Rows of the tables as the naive fold has them: silver's as contents of events, gold's as sessions.

use super::Amount;
use super::content::{Content, Row};
use clickstream::event::time::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The events in rows of silver. Rows of one position are one event, in whatever order they stand.
pub fn contents_of(silver: &[Value]) -> Vec<Content> {
    let mut by_position: BTreeMap<String, BTreeMap<i64, &Value>> = BTreeMap::new();
    for row in silver {
        let position = ["namespace", "event_hub", "consumer_group", "partition_id", "source_epoch", "sequence_number"];
        let position: Vec<String> = position.iter().map(|name| row[*name].to_string()).collect();
        let index = row["product_index"].as_i64().expect("a row has an index");
        let before = by_position.entry(position.join(" ")).or_default().insert(index, row);
        assert!(before.is_none(), "silver has two rows of one position and product: {row}");
    }
    by_position.into_values().map(|rows| content(&rows.into_values().collect::<Vec<_>>())).collect()
}

fn content(rows: &[&Value]) -> Content {
    let first = rows[0];
    let text = |name: &str| first[name].as_str().map(str::to_owned);
    let required = |name: &str| text(name).expect("a required column");
    let flag = |name: &str| first[name].as_bool().expect("a required column");
    let list = |name: &str| match &first[name] {
        Value::Array(values) => values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    Content {
        user: required("user_id"),
        session: required("session_id"),
        key: first["event_key"].as_i64().expect("a key"),
        at_micros: micros(&first["event_time"]),
        page_url: text("page_url"),
        event_type: required("event_type"),
        value: amount(&first["event_value"]),
        currency: text("currency"),
        transaction: text("transaction_id"),
        is_anonymous: flag("is_anonymous"),
        event_names: list("event_names"),
        event_brands: list("event_brands"),
        event_categories: list("event_categories"),
        browser: text("browser"),
        os: text("os"),
        device_type: text("device_type"),
        is_bot: flag("is_bot"),
        referral_source: text("referral_source"),
        utm: ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"].map(text),
        geo_country: text("geo_country"),
        geo_city: text("geo_city"),
        rows: rows.iter().map(|row| product(row)).collect(),
    }
}

fn product(row: &Value) -> Row {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    Row {
        id: text("product_id"),
        name: text("product_name"),
        brand: text("product_brand"),
        category: text("product_category"),
        price: amount(&row["product_price"]),
        quantity: row["quantity"].as_i64(),
    }
}

/// A row of gold, in the form that the naive fold returns: every column but those that depend on when it was written, the
/// state, and the partition column, which is in no file.
pub fn of_row(row: &Value) -> Value {
    let mut session: Map<String, Value> = row.as_object().expect("a row is an object").clone();
    for name in ["is_final", "last_updated", "state", "session_date"] {
        session.remove(name);
    }
    if row["is_truncated"] == true {
        let compared =
            ["user_id", "session_id", "session_start_time", "session_end_time", "total_events", "is_truncated"];
        session.retain(|name, _| compared.contains(&name.as_str()));
    }
    for (name, value) in &mut session {
        *value = plain(name, value);
    }
    Value::Object(session)
}

/// Instants in microseconds, amounts in ten-thousandths.
fn plain(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("session_start_time" | "session_end_time", value) => json!(micros(value)),
        ("total_purchase_value" | "refund_value" | "value", value) => json!(amount(value)),
        (_, Value::Object(members)) => {
            members.iter().map(|(name, value)| (name.clone(), plain(name, value))).collect::<Map<_, _>>().into()
        }
        (_, Value::Array(values)) => values.iter().map(|value| plain("", value)).collect(),
        (_, other) => other.clone(),
    }
}

fn micros(instant: &Value) -> i64 {
    Timestamp::parse(instant.as_str().expect("an instant")).expect("an instant").0
}

fn amount(value: &Value) -> Option<Amount> {
    let amount: f64 = match value {
        Value::Null => return None,
        Value::String(text) => text.parse().expect("an amount"),
        number => number.as_f64().expect("an amount"),
    };
    Some((amount * 10_000.0).round() as Amount)
}
