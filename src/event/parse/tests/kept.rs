//! What costs no event: what is too long is cut, what is unreadable is left out, and both are counted.

use super::*;
use serde_json::json;

/// `fields_cut` and `fields_unreadable` of an event with these changes, which is read all the same.
fn faults(changes: Json) -> (u32, u32) {
    let click = parsed(changes);
    (click.fields_cut, click.fields_unreadable)
}

#[test]
fn a_text_that_is_too_long_is_cut_between_characters() {
    let text = "é".repeat(4_097);
    for name in ["page_url", "browser", "referral_source", "geo_city", "page_title", "utm_term", "product_name"] {
        assert_eq!(faults(json!({name: text})), (1, 0), "{name}");
        assert_eq!(faults(json!({name: &text[2..]})), (0, 0), "{name}");
    }
    let click = parsed(json!({"geo_city": format!("x{text}"), "product_brand": ["X", text]}));
    assert_eq!(click.geo_city.map(|city| city.len()), Some(8_191));
    assert_eq!(click.event_level.brands[1].len(), 8_192);
    let query = parsed(json!({"page_url": format!("/a?x={text}&utm_source=late")}));
    assert_eq!((query.campaign.source.as_deref(), query.page_url.map(|url| url.len())), (Some("late"), Some(8_191)));
    assert_eq!(parsed(json!({"event_type": "x".repeat(600)})).event_type, EventType::Other("x".repeat(512)));
}

#[test]
fn an_id_is_never_cut() {
    let id = "x".repeat(513);
    let click = parsed(json!({"event_id": id, "transaction_id": id, "product_id": [id, "A"]}));
    let hashed = format!("xxh3-{:032x}", xxhash_rust::xxh3::xxh3_128(id.as_bytes()));
    assert_eq!(click.event_id.as_ref(), Some(&hashed));
    assert_eq!(click.transaction_id.as_ref(), Some(&hashed));
    assert_eq!(click.products[0].id.as_ref(), Some(&hashed));
    assert_eq!((click.fields_cut, click.fields_unreadable), (3, 0));
    assert_eq!(parsed(json!({"event_id": &id[1..]})).event_id.as_deref(), Some(&id[1..]));
}

#[test]
fn an_escaped_text_is_measured_without_its_escapes() {
    let escaped = String::from_utf8(event(json!({"event_id": "ID"}))).unwrap().replace("ID", &"\\u0041".repeat(512));
    let click = parse(escaped.as_bytes(), enqueued_at(), &ParseSettings::default()).unwrap();
    assert_eq!((click.event_id, click.fields_cut), (Some("A".repeat(512)), 0));
}

#[test]
fn a_list_that_is_too_long_is_cut_after_its_total_is_summed() {
    let click = parsed(json!({"product_id": vec!["p"; 1_200], "product_price": vec![2; 1_200]}));
    assert_eq!((click.products.len(), click.event_value, click.fields_cut), (1_000, money("2400"), 2));
    assert_eq!(click.products[999].price, money("2"));
    let brands = parsed(json!({"product_brand": vec!["b"; 1_200]}));
    assert_eq!((brands.event_level.brands.len(), brands.fields_cut), (1_000, 1));
    let items = parsed(json!({"items": vec![json!({"id": "p", "price": 2}); 1_200]}));
    assert_eq!((items.products.len(), items.event_value, items.fields_cut), (1_000, money("2400"), 1));
}

#[test]
fn product_rows_beyond_their_limit_are_left_out() {
    let with_products = |count: usize, changes: Json| {
        let mut all = changes;
        all["product_id"] = json!(vec!["p"; count]);
        all["product_price"] = json!(vec![1; count]);
        let click = parsed(all);
        assert!(click.text_bytes_in_rows() <= 256 << 10 || click.products.len() == 1);
        assert_eq!(click.event_value, Some(Money(10_000 * count as i64)), "the total is that of all");
        (click.products.len(), click.fields_cut)
    };
    for name in ["page_url", "referral_source", "geo_city", "category"] {
        let text = "x".repeat(8_000);
        let (kept, cut) = with_products(1_000, json!({name: text}));
        assert!((30..=32).contains(&kept) && cut == 1, "{name}: {kept} products, {cut} cut");
        assert_eq!(with_products(30, json!({name: text})), (30, 0), "{name}");
    }
    let brands = json!({"product_brand": vec!["x".repeat(8_000); 90]});
    assert_eq!(with_products(1_000, brands), (1, 1), "one row is kept however long");
    assert_eq!(with_products(1_000, json!({"page_url": "/search?q=everything"})), (1_000, 0));
}

#[test]
fn what_is_unreadable_is_left_out() {
    let cases = [
        (json!({"page_url": {"href": "/"}}), 1),
        (json!({"geo_city": [], "os": {}}), 2),
        (json!({"is_new_user": "maybe", "cart_size": "many"}), 2),
        (json!({"product_id": [{"id": "A"}, "B", []]}), 1),
        (json!({"product_price": "12,50"}), 1),
        (json!({"product_price": [1, "abc", "NaN"], "value": "1e400"}), 2),
        (json!({"product_price": {"amount": 5}, "quantity": 0}), 2),
        (json!({"quantity": [1, 1_000_001, 2.5]}), 1),
        (json!({"currency": "€"}), 1),
        (json!({"event_id": true, "transaction_id": {}}), 2),
        (json!({"items": "A"}), 1),
        (json!({"items": [7, null, {"id": "A", "price": "free"}]}), 1),
    ];
    for (changes, unreadable) in cases {
        assert_eq!(faults(changes.clone()), (0, unreadable), "{changes}");
    }
}

#[test]
fn words_for_nothing_are_no_ids() {
    for word in ["(not set)", "NULL", "undefined", "None", "nan", "N/A", "-", "0", "\u{feff}", " "] {
        let click = parsed(json!({
            "event_id": word, "transaction_id": word, "product_id": [word, "A"], "product_name": ["a", "b"],
        }));
        assert_eq!((click.event_id, click.transaction_id), (None, None), "{word}");
        let ids: Vec<_> = click.products.iter().map(|product| product.id.as_deref()).collect();
        assert_eq!(ids, [None, Some("A")], "{word}");
        assert_eq!((click.fields_cut, click.fields_unreadable), (0, 0), "{word}");
    }
}

#[test]
fn numbers_as_others_write_them() {
    for three in [json!(3), json!(3.0), json!("3"), json!("3.0")] {
        assert_eq!(parsed(json!({"cart_size": three})).cart_size, Some(3), "{three}");
    }
    for (sent, expected) in [(json!(1), true), (json!("0"), false), (json!("TRUE"), true), (json!(0.0), false)] {
        assert_eq!(parsed(json!({"is_new_user": sent})).is_new_user, Some(expected), "{sent}");
    }
    assert_eq!(parsed(json!({"product_id": [1000.0, 7]})).products[0].id.as_deref(), Some("1000"));
    assert_eq!(parsed(json!({"session_id": 1000.0})).session_id.as_str(), "1000");
}
