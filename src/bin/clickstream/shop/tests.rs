//! What a stream promises, with fixed seeds.

use super::*;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

fn shop() -> Shop {
    Shop {
        events: Some(8_000),
        seed: 1,
        users: 500,
        malformed: 0.0,
        late: 0.0,
        duplicates: 0.0,
        ids: false,
        start: DEFAULT_START,
    }
}

fn bytes(shop: &Shop) -> Vec<u8> {
    let mut out = Vec::new();
    shop.write_ndjson(&mut out).unwrap();
    out
}

fn objects(shop: &Shop) -> Vec<Value> {
    shop.stream().map(|event| serde_json::from_slice(&event.body).unwrap()).collect()
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_else(|| panic!("`{field}` is no text in {event}"))
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let disturbed = Shop { malformed: 0.1, late: 0.1, duplicates: 0.1, ids: true, ..shop() };
    assert_eq!(bytes(&disturbed), bytes(&disturbed));
    assert_ne!(bytes(&disturbed), bytes(&Shop { seed: 2, ..disturbed.clone() }));
    assert_ne!(disturbed.description(), Shop { seed: 2, ..disturbed.clone() }.description());
}

/// If this fails, each seed gives other events than before.
#[test]
fn the_first_event_of_seed_1_is_what_it_always_was() {
    let first = shop().stream().next().unwrap();
    assert_eq!(String::from_utf8(first.body).unwrap(), include_str!("tests/first-event.json").trim_end());
}

#[test]
fn exactly_the_events_asked_for_one_per_line() {
    for events in [0, 1, 777] {
        let disturbed = Shop { events: Some(events), malformed: 0.3, late: 0.5, duplicates: 0.5, ..shop() };
        assert_eq!(bytes(&disturbed).iter().filter(|byte| **byte == b'\n').count() as u64, events);
    }
}

#[test]
fn every_event_is_an_object_of_the_stated_shape() {
    for event in objects(&shop()) {
        assert!(text(&event, "user_id").strip_prefix("user_").is_some_and(|hex| hex.len() == 8));
        assert!(text(&event, "session_id").strip_prefix("session_").is_some_and(|hex| hex.len() == 12));
        assert!(Timestamp::parse(text(&event, "timestamp")).unwrap() >= DEFAULT_START);
        assert!(text(&event, "timestamp").len() == 27 && text(&event, "timestamp").ends_with('Z'));
        assert!(text(&event, "page_url").starts_with('/'));
        for field in ["browser", "os", "device_type", "referral_source", "geo_country", "geo_city", "ip_address"] {
            assert!(!text(&event, field).is_empty());
        }
        assert!(event["is_new_user"].is_boolean() && event["cart_size"].is_u64());
        assert_eq!(event.as_object().unwrap().len(), 19, "no ids, and no other members: {event}");
        assert_products(&event);
    }
}

fn assert_products(event: &Value) {
    let fields = ["product_id", "product_name", "product_brand"].map(|field| event[field].as_array());
    match (text(event, "event_type"), fields) {
        ("purchase", [Some(ids), Some(names), Some(brands)]) => {
            assert_eq!((ids.len() as u64, names.len()), (event["cart_size"].as_u64().unwrap(), ids.len()));
            assert_eq!(brands.len(), brands.iter().map(|brand| brand.as_str()).collect::<HashSet<_>>().len());
            assert!(event["product_price"].is_number() && event["category"] == "Mixed");
        }
        ("add_to_cart" | "remove_from_cart" | "page_view", [Some(ids), Some(names), Some(brands)]) => {
            assert_eq!([ids.len(), names.len(), brands.len()], [1, 1, 1]);
            assert!(event["product_price"][0].as_f64().unwrap() > 0.0 && event["category"].is_string());
            let page = text(event, "page_url");
            assert!(page == "/cart" || page == format!("/products/{}", ids[0].as_str().unwrap()));
        }
        ("page_view" | "search" | "checkout", [None, None, None]) => {
            assert!(["/", "/products", "/cart", "/search_results", "/checkout"].contains(&text(event, "page_url")));
            assert!(event["product_id"].is_null() && event["product_price"].is_null() && event["category"].is_null());
        }
        (event_type, _) => panic!("unexpected products of a {event_type}: {event}"),
    }
}

#[test]
fn events_come_in_order_of_time_and_visits_are_interleaved() {
    let events = objects(&shop());
    assert!(events.is_sorted_by_key(|event| text(event, "timestamp").to_owned()));
    let changes = events.windows(2).filter(|pair| pair[0]["session_id"] != pair[1]["session_id"]).count();
    assert!(changes > events.len() / 2);
}

#[test]
fn a_purchase_holds_what_the_session_put_in_and_did_not_take_out() {
    let mut carts: HashMap<String, Vec<Value>> = HashMap::new();
    let mut purchases = 0;
    for event in objects(&shop()) {
        let cart = carts.entry(text(&event, "session_id").to_owned()).or_default();
        match text(&event, "event_type") {
            "add_to_cart" => cart.push(event["product_id"][0].clone()),
            "remove_from_cart" => {
                let taken_out = &event["product_id"][0];
                assert!(cart.contains(taken_out));
                // Which of two equal products it was does not show, so carts are compared without their order.
                cart.remove(cart.iter().position(|product| product == taken_out).unwrap());
            }
            "purchase" => {
                let mut bought = event["product_id"].as_array().unwrap().clone();
                bought.sort_by_key(|product| product.to_string());
                cart.sort_by_key(|product| product.to_string());
                assert!(!bought.is_empty());
                assert_eq!(&bought, cart);
                cart.clear();
                purchases += 1;
            }
            _ => (),
        }
    }
    assert!((50..500).contains(&purchases), "{purchases} purchases");
}

#[test]
fn users_return_and_are_new_only_once() {
    let mut sessions: HashMap<String, HashSet<String>> = HashMap::new();
    let mut new_sessions: HashMap<String, HashSet<String>> = HashMap::new();
    for event in objects(&shop()) {
        let user = text(&event, "user_id").to_owned();
        let session = text(&event, "session_id").to_owned();
        if event["is_new_user"] == true {
            new_sessions.entry(user.clone()).or_default().insert(session.clone());
        }
        sessions.entry(user).or_default().insert(session);
    }
    assert!((300..=500).contains(&sessions.len()));
    assert!(sessions.values().any(|sessions| sessions.len() > 3));
    assert!(new_sessions.len() > 100 && new_sessions.values().all(|sessions| sessions.len() == 1));
}

#[test]
fn evenings_are_busier_than_nights() {
    let mut by_hour = [0; 24];
    for event in objects(&Shop { events: Some(20_000), users: 2_000, ..shop() }) {
        by_hour[text(&event, "timestamp")[11..13].parse::<usize>().unwrap()] += 1;
    }
    assert!(by_hour[19] > 3 * by_hour[3].max(1), "{by_hour:?}");
}

#[test]
fn fractions_hold_roughly() {
    let clean: HashSet<Vec<u8>> = shop().stream().map(|event| event.body).collect();
    let malformed: Vec<_> = Shop { malformed: 0.1, ..shop() }.stream().collect();
    let broken = malformed.iter().filter(|event| !clean.contains(&event.body)).count();
    assert!((650..950).contains(&broken), "{broken} of 8,000 broken");

    let duplicates: Vec<_> = Shop { duplicates: 0.1, ..shop() }.stream().collect();
    let repeats = duplicates.len() - duplicates.iter().map(|event| &event.body).collect::<HashSet<_>>().len();
    assert!((600..850).contains(&repeats), "{repeats} of 8,000 repeated");

    let mut newest = DEFAULT_START;
    let mut late = 0;
    for event in objects(&Shop { late: 0.1, ..shop() }) {
        let at = Timestamp::parse(text(&event, "timestamp")).unwrap();
        newest = newest.max(at);
        late += usize::from(newest.0 - at.0 >= 3_600 * 1_000_000);
        assert!(newest.0 - at.0 < 13 * 3_600 * 1_000_000, "at most 12 hours, and the time until the next step");
    }
    assert!((500..950).contains(&late), "{late} of 8,000 late");
}

#[test]
fn faults_are_of_many_kinds_and_change_nothing_else() {
    let broken: Vec<_> = Shop { malformed: 1.0, ..shop() }.stream().map(|event| event.body).collect();
    let parsed: Vec<Value> = broken.iter().filter_map(|body| serde_json::from_slice(body).ok()).collect();
    assert!(broken.iter().any(|body| body == b"null"));
    assert!(broken.iter().any(|body| std::str::from_utf8(body).is_err()));
    assert!(parsed.iter().any(Value::is_array));
    for field in ["user_id", "timestamp"] {
        assert!(parsed.iter().any(|event| event.is_object() && event.get(field).is_none()), "{field}");
    }
    assert!(parsed.iter().any(|event| event["timestamp"].as_str().is_some_and(|at| at > "2030")));
    assert!(parsed.iter().any(|event| event["product_price"][0].as_f64().is_some_and(|price| price < 0.0)));
    let is_detail = |event: &Value| event["page_url"].as_str().is_some_and(|page| page.starts_with("/products/"));
    assert!(parsed.iter().any(|event| is_detail(event) && event["product_id"].is_null()));
    assert!(broken.iter().any(|body| String::from_utf8_lossy(body).contains(&"[".repeat(300))));
    assert!(broken.iter().all(|body| !body.contains(&b'\n')));
    let (keys, clean_keys): (Vec<_>, Vec<_>) =
        Shop { malformed: 1.0, ..shop() }.stream().zip(shop().stream()).map(|(a, b)| (a.key, b.key)).unzip();
    assert_eq!(keys, clean_keys);
}

#[test]
fn ids_are_added_and_nothing_else_changes() {
    let mut transactions = HashSet::new();
    let mut event_ids = HashSet::new();
    for (mut with, without) in objects(&Shop { ids: true, ..shop() }).into_iter().zip(objects(&shop())) {
        let members = with.as_object_mut().unwrap();
        assert!(event_ids.insert(members.remove("event_id").unwrap().to_string()));
        let transaction = members.remove("transaction_id");
        assert_eq!(transaction.is_some(), without["event_type"] == "purchase");
        assert!(transaction.is_none_or(|id| transactions.insert(id.to_string())));
        assert_eq!(with, without);
    }
    assert!(!transactions.is_empty());
}
