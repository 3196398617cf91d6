//! The fifteen defects of the ancestor, each a test of ours.

use crate::support::envelope::Sent;
use crate::support::render;
use crate::support::world::{NOON, World};
use clickstream::event::time::Timestamp;
use clickstream::lake::table::Table;
use clickstream::silver::quarantine;
use serde_json::{Value, json};

/// A page view at noon with `members` on top.
fn event(members: Value) -> Vec<u8> {
    let mut event = json!({
        "user_id": "u1", "session_id": "s1", "timestamp": "2026-01-15T11:00:00.000000Z", "event_type": "page_view",
        "page_url": "/", "product_id": null, "product_name": null, "product_brand": null, "product_price": null,
        "category": null, "browser": "Chrome",
    });
    for (name, value) in members.as_object().expect("members are an object") {
        event[name] = value.clone();
    }
    event.to_string().into_bytes()
}

async fn world(bodies: Vec<Vec<u8>>) -> World {
    let world = World::new();
    ingest(&world, "0", 0, bodies).await;
    world.sessionize().await;
    world
}

async fn ingest(world: &World, partition: &str, first: i64, bodies: Vec<Vec<u8>>) {
    let numbered = bodies.into_iter().zip(first..);
    let batch: Vec<Sent> =
        numbered.map(|(body, sequence_number)| Sent { sequence_number, enqueued_at: NOON, body }).collect();
    world.ingest(partition, &batch).await.expect("the batch is taken");
}

async fn sessions(world: &World) -> Vec<Value> {
    render::sessions(&world.app.gold.table).await
}

async fn silver(world: &World) -> Vec<Value> {
    let mut rows = render::rows(&world.app.gold.silver).await;
    rows.sort_by_key(|row| (row["sequence_number"].as_i64(), row["product_index"].as_i64()));
    rows
}

async fn reasons(world: &World) -> Vec<String> {
    let table = Table::at(&world.app.lake, quarantine::table(), &world.app.workers);
    render::rows(&table).await.iter().map(|row| row["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

fn amount(value: &Value) -> f64 {
    value.to_string().trim_matches('"').parse().expect("an amount")
}

#[tokio::test]
async fn s1_a_purchase_of_three_items_is_one_purchase() {
    let world = world(vec![event(json!({
        "event_type": "purchase", "product_id": ["A", "B", "C"], "product_name": ["a", "b", "c"], "product_price": 900.00,
    }))])
    .await;
    assert_eq!(silver(&world).await.len(), 3);
    let sessions = sessions(&world).await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["total_events"], 1);
    assert_eq!(sessions[0]["purchase_count"], 1);
    assert_eq!(amount(&sessions[0]["total_purchase_value"]), 900.0);
}

#[tokio::test]
async fn s2_prices_are_read_as_array_and_as_scalar() {
    let world = world(vec![
        event(json!({"event_type": "add_to_cart", "product_id": ["A"], "product_price": [12.5]})),
        event(json!({"event_type": "purchase", "product_id": ["A", "B"], "product_price": 20.25})),
    ])
    .await;
    let rows = silver(&world).await;
    assert_eq!(amount(&rows[0]["product_price"]), 12.5);
    assert_eq!(amount(&rows[1]["event_value"]), 20.25);
    assert_eq!(amount(&sessions(&world).await[0]["total_purchase_value"]), 20.25);
}

#[tokio::test]
async fn s3_a_relative_url_has_no_domain_and_an_absolute_one_its_host() {
    let world = world(vec![
        event(json!({"page_url": "/cart"})),
        event(json!({"page_url": "https://user:pass@Shop.Example:8443/cart?x=1"})),
    ])
    .await;
    let rows = silver(&world).await;
    assert_eq!(rows[0]["page_domain"], Value::Null);
    assert_eq!(rows[1]["page_domain"], "shop.example");
    assert_eq!(rows[1]["page_url"], "https://shop.example/cart?x=1");
}

#[tokio::test]
async fn s4_brands_reach_gold() {
    let world = world(vec![event(json!({
        "product_id": ["A"], "product_name": ["a"], "product_brand": ["Acme"], "product_price": [1],
    }))])
    .await;
    assert_eq!(silver(&world).await[0]["product_brand"], "Acme");
    assert_eq!(sessions(&world).await[0]["product_brands_viewed"], json!(["Acme"]));
}

#[tokio::test]
async fn s5_a_brand_set_of_another_length_is_not_matched_with_products() {
    let world = world(vec![event(json!({
        "event_type": "purchase", "product_id": ["A", "B", "A"], "product_brand": ["Zeta", "Acme"], "product_price": 3,
    }))])
    .await;
    for row in silver(&world).await {
        assert_eq!(row["product_brand"], Value::Null);
        assert_eq!(row["event_brands"], json!(["Zeta", "Acme"]));
    }
    assert_eq!(sessions(&world).await[0]["product_brands_viewed"], json!(["Acme", "Zeta"]));
}

#[tokio::test]
async fn s6_the_watermark_is_persisted_and_late_events_are_counted_and_merged() {
    let mut world = world(vec![event(json!({})), event(json!({"timestamp": "2026-01-15T02:00:00Z"}))]).await;
    world.restart();
    ingest(&world, "0", 2, vec![event(json!({"timestamp": "2026-01-15T02:10:00Z"}))]).await;
    world.sessionize().await;
    let mut runs = render::rows(&world.app.gold.control.table).await;
    runs.sort_by_key(|run| run["silver_version"].as_i64());
    let last = runs.last().expect("there were runs");
    assert_eq!(last["watermark"], "2026-01-15T04:00:00Z");
    assert_eq!(last["watermark_before"], last["watermark"]);
    assert_eq!(last["late_events"], 1);
    let sessions = sessions(&world).await;
    assert_eq!(sessions.iter().map(|session| session["total_events"].as_i64()).max(), Some(Some(2)));
}

#[tokio::test]
async fn s7_malformed_json_keeps_its_bytes_and_makes_no_null_session() {
    let bytes = b"{\"user_id\": \xff".to_vec();
    let world = world(vec![bytes.clone(), b"{\"user_id\":".to_vec()]).await;
    let table = Table::at(&world.app.lake, quarantine::table(), &world.app.workers);
    let mut rows = render::rows(&table).await;
    rows.sort_by_key(|row| row["sequence_number"].as_i64());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(rows[0]["body"], hex.as_str());
    assert_eq!(reasons(&world).await.len(), 2);
    assert!(sessions(&world).await.is_empty());
}

#[tokio::test]
async fn s8_nothing_is_dropped_because_a_predicate_is_null() {
    let world = world(vec![
        event(json!({"user_id": null})),
        event(json!({"session_id": null})),
        event(json!({"timestamp": null})),
        event(json!({"event_type": null})),
        event(json!({"page_url": null})),
    ])
    .await;
    let mut reasons = reasons(&world).await;
    reasons.sort();
    assert_eq!(reasons, ["missing_event_type", "missing_session", "missing_timestamp", "missing_user"]);
    assert_eq!(silver(&world).await.len(), 1);
}

#[tokio::test]
async fn s9_listings_are_kept_and_only_detail_views_need_a_product() {
    let world = world(vec![
        event(json!({"page_url": "/products"})),
        event(json!({"page_url": "/products/?page=2"})),
        event(json!({"page_url": "/production/plant"})),
        event(json!({"page_url": "/products/LAPTOP-1"})),
    ])
    .await;
    assert_eq!(silver(&world).await.len(), 3);
    assert_eq!(reasons(&world).await, ["product_detail_without_product"]);
}

#[tokio::test]
async fn s10_positions_are_kept_and_redelivery_and_retries_count_once() {
    let again = event(json!({"timestamp": "2026-01-15T11:00:01Z"}));
    let world = world(vec![event(json!({})), again.clone()]).await;
    ingest(&world, "0", 0, vec![event(json!({})), again.clone()]).await;
    // The producer's own retry has a new sequence number, and comes by another partition.
    ingest(&world, "1", 40, vec![again]).await;
    world.sessionize().await;
    let rows = silver(&world).await;
    assert_eq!(
        rows.iter().map(|row| row["sequence_number"].as_i64()).collect::<Vec<_>>(),
        [Some(0), Some(1), Some(40)]
    );
    assert_eq!(rows[2]["partition_id"], "1");
    assert_eq!(sessions(&world).await[0]["total_events"], 2);
}

#[tokio::test]
async fn s11_losing_every_piece_of_function_state_loses_nothing() {
    let mut world = world(vec![event(json!({})), event(json!({"timestamp": "2026-01-15T11:01:00Z"}))]).await;
    let before = sessions(&world).await;
    world.restart();
    ingest(&world, "0", 2, vec![event(json!({"timestamp": "2026-01-15T11:02:00Z"}))]).await;
    world.sessionize().await;
    let after = sessions(&world).await;
    assert_eq!((before[0]["total_events"].as_i64(), after[0]["total_events"].as_i64()), (Some(2), Some(3)));
}

#[tokio::test]
async fn s12_a_session_ends_by_inactivity_and_is_final_once_the_watermark_has_passed() {
    let world = world(vec![
        event(json!({"timestamp": "2026-01-14T08:00:00Z"})),
        event(json!({"timestamp": "2026-01-14T09:00:00Z"})),
        event(json!({"timestamp": "2026-01-15T11:00:00Z"})),
    ])
    .await;
    let mut rows = render::rows(&world.app.gold.table).await;
    rows.sort_by_key(|row| row["session_start_time"].as_str().map(str::to_owned));
    assert_eq!(
        rows.iter().map(|row| row["is_final"].as_bool()).collect::<Vec<_>>(),
        [Some(true), Some(true), Some(false)]
    );
}

#[tokio::test]
async fn s13_browsers_are_told_apart_and_bots_flagged() {
    let agent = |text: &str| event(json!({"browser": text}));
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
    let world = world(vec![
        agent(chrome),
        agent(&format!("{chrome} Edg/120.0.0.0")),
        agent(&format!("{chrome} OPR/106.0.0.0")),
        agent("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        agent("Safari"),
    ])
    .await;
    let rows = silver(&world).await;
    let found: Vec<(&str, bool)> =
        rows.iter().map(|row| (row["browser"].as_str().unwrap_or(""), row["is_bot"] == true)).collect();
    assert_eq!(found, [("Chrome", false), ("Edge", false), ("Opera", false), ("Googlebot", true), ("Safari", false)]);
}

#[tokio::test]
async fn s14_a_session_spread_over_partitions_is_one_session() {
    let world = world(vec![event(json!({}))]).await;
    for (partition, minute) in [("1", 5), ("2", 10), ("3", 15)] {
        let timestamp = format!("2026-01-15T11:{minute:02}:00Z");
        ingest(&world, partition, 7, vec![event(json!({ "timestamp": timestamp }))]).await;
    }
    world.sessionize().await;
    let sessions = sessions(&world).await;
    assert_eq!((sessions.len(), sessions[0]["total_events"].as_i64()), (1, Some(4)));
}

#[tokio::test]
async fn s15_a_clock_in_the_future_does_not_move_the_watermark() {
    let future = Timestamp(NOON.0 + 3_600_000_000 * 24 * 365).to_string();
    let world = world(vec![event(json!({})), event(json!({ "timestamp": future }))]).await;
    assert_eq!(reasons(&world).await, ["timestamp_in_future"]);
    let runs = render::rows(&world.app.gold.control.table).await;
    assert_eq!(runs[0]["watermark"], "2026-01-15T04:00:00Z");
}
