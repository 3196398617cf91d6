//! What an event is worth, what one piece costs, and in which currency.

use super::*;
use serde_json::json;

fn value(changes: Json) -> Option<Money> {
    parsed(changes).event_value
}

#[test]
fn the_senders_value_wins_then_a_bare_price_then_the_sum() {
    let cases = [
        (json!({"value": "7.5", "product_price": [1, 2]}), "7.5"),
        (json!({"revenue": 7, "total": 9, "product_price": 1}), "7"),
        (json!({"value": null, "total": 9}), "9"),
        (json!({"value": "n/a", "product_price": 1}), "1"),
        (json!({"product_price": 20, "product_id": ["A", "B"], "quantity": [2, 1]}), "20"),
        (json!({"product_price": [10, 5], "product_id": ["A", "B"], "quantity": [2, 1]}), "25"),
        (json!({"product_price": [10, 5], "product_id": ["A", "B"], "quantity": 3}), "45"),
        (json!({"product_price": [10, 5], "product_id": ["A", "B"], "quantity": [2]}), "15"),
        (json!({"product_price": [10, 5], "quantity": ["2", 0]}), "25"),
        (json!({"product_price": [20, -5]}), "15"),
        (json!({"value": -3}), "-3"),
    ];
    for (changes, expected) in cases {
        assert_eq!(value(changes.clone()), money(expected), "{changes}");
    }
}

#[test]
fn the_price_of_a_row_is_that_of_one_piece() {
    let rows = |changes: Json| {
        let products = parsed(changes).products;
        products.iter().map(|product| (product.price, product.quantity)).collect::<Vec<_>>()
    };
    let cases = [
        (json!({"product_id": ["A"], "product_price": 10}), vec![(money("10"), None)]),
        (json!({"product_id": ["A"], "product_price": 10, "quantity": 1}), vec![(money("10"), Some(1))]),
        (json!({"product_id": ["A"], "product_price": 10, "quantity": 2}), vec![(None, Some(2))]),
        (json!({"product_id": ["A"], "product_price": [5], "quantity": [2]}), vec![(money("5"), Some(2))]),
        (json!({"product_id": ["A", "B"], "quantity": [2, "3.0"]}), vec![(None, Some(2)), (None, Some(3))]),
    ];
    for (changes, expected) in cases {
        assert_eq!(rows(changes.clone()), expected, "{changes}");
    }
}

#[test]
fn items_are_another_spelling_of_the_product_lists() {
    let unequal = parsed(json!({"product_price": [10, 5], "quantity": [2]}));
    assert_eq!(unequal.fields_unreadable, 1, "nobody can tell which pieces have which price");
    let click = parsed(json!({
        "event_type": "purchase", "currency": "eur", "items": [
            {"item_id": "A", "item_name": "a", "item_brand": "X", "item_category": "k", "price": 10, "quantity": 2},
            {"id": 1000.0, "name": "b", "brand": null, "price": "2.5", "color": "red"},
            {"item_id": "(not set)", "item_name": "c", "price": -1, "quantity": 0},
        ],
    }));
    let shown: Vec<_> =
        click.products.iter().map(|p| (p.id.as_deref(), p.name.as_deref(), p.price, p.quantity)).collect();
    assert_eq!(
        shown,
        [
            (Some("A"), Some("a"), money("10"), Some(2)),
            (Some("1000"), Some("b"), money("2.5"), None),
            (None, Some("c"), money("-1"), None),
        ]
    );
    assert_eq!((click.products[0].brand.as_deref(), click.products[0].category.as_deref()), (Some("X"), Some("k")));
    assert_eq!((click.event_value, click.currency), (money("21.5"), Some("EUR")));
    for nothing in [json!([]), json!([null]), json!("(not set)"), json!({})] {
        let click = parsed(json!({"product_id": nothing, "product_price": [], "items": [{"id": "A", "price": 10}]}));
        assert_eq!((click.products.len(), click.event_value), (1, money("10")), "{nothing}");
    }
    let total = parsed(json!({"product_price": 18, "items": [{"id": "A", "price": 10}, {"id": "B", "price": 10}]}));
    assert_eq!((total.event_value, total.products[1].price), (money("18"), money("10")), "a discount on all");
    let both = parsed(json!({"product_id": ["P"], "items": [{"id": "A", "price": 10}]}));
    assert_eq!((both.products.len(), both.products[0].id.as_deref(), both.event_value), (1, Some("P"), None));
}

#[test]
fn a_refund_has_no_sign() {
    for sent in [json!(-20), json!(20), json!("-20.0")] {
        assert_eq!(value(json!({"event_type": "Refund", "value": sent})), money("20"), "{sent}");
    }
    assert_eq!(parsed(json!({"event_type": "refund"})).event_type, EventType::Refund);
}

#[test]
fn an_amount_beyond_its_column_is_unreadable() {
    for (price, unreadable) in [
        (json!([99_999_999_999_999_u64, 1]), 1),
        (json!(1e14), 1),
        (json!("-1e14"), 1),
        (json!("1e400"), 1),
        (json!("99999999999999.9999"), 0),
    ] {
        let click = parsed(json!({"product_price": price}));
        assert_eq!((click.event_value.is_none(), click.fields_unreadable), (unreadable == 1, unreadable), "{price}");
    }
    assert_eq!(value(json!({"product_price": [99_999_999_999_999_u64], "quantity": 1_000_000})), None);
}
