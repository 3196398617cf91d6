//! Products, prices and categories: the parallel lists and what becomes of them.

use super::*;
use serde_json::json;

/// `id/name/brand/category/price` of each product, `-` for what is not known.
fn shown(click: &Click) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let line = |product: &crate::event::click::Product| {
        let price = product.price.map_or("-".into(), |price| price.to_string());
        [text(&product.id), text(&product.name), text(&product.brand), text(&product.category), price].join("/")
    };
    click.products.iter().map(line).collect()
}

#[test]
fn s1_a_purchase_is_one_event_with_one_value() {
    let click = parsed(json!({
        "event_type": "purchase", "product_id": ["A", "B", "A"], "product_name": ["a", "b", "a"],
        "product_brand": ["X", "Y"], "product_price": 900.00, "category": "Mixed",
    }));
    assert_eq!(click.event_value, money("900"));
    assert_eq!(shown(&click), ["A/a/-/Mixed/-", "B/b/-/Mixed/-", "A/a/-/Mixed/-"]);
    assert_eq!(click.category.as_deref(), Some("Mixed"));
}

#[test]
fn s2_price_as_array_and_as_scalar() {
    let value_and_price = |ids: Json, price: Json| {
        let click = parsed(json!({"event_type": "add_to_cart", "product_id": ids, "product_price": price}));
        (click.event_value, click.products.iter().map(|product| product.price).collect::<Vec<_>>())
    };
    let cases = [
        (json!(["A"]), json!([19.99]), money("19.99"), vec![money("19.99")]),
        (json!(["A"]), json!(19.99), money("19.99"), vec![money("19.99")]),
        (json!("A"), json!("12.50"), money("12.50"), vec![money("12.50")]),
        (json!(["A", "B"]), json!(30), money("30"), vec![None, None]),
        (json!(["A", "B"]), json!([10, "20.5"]), money("30.5"), vec![money("10"), money("20.5")]),
        (json!(["A", "B"]), json!([10, null]), money("10"), vec![money("10"), None]),
        (json!(["A", "B"]), json!([10]), money("10"), vec![None, None]),
        (json!(["A"]), json!([null]), None, vec![None]),
        (json!(["A"]), json!([]), None, vec![None]),
        (json!(["A"]), json!(null), None, vec![None]),
        (json!(["A"]), json!(0), money("0"), vec![money("0")]),
        (json!(null), json!([1, 2]), money("3"), vec![]),
    ];
    for (ids, price, value, prices) in cases {
        assert_eq!(value_and_price(ids.clone(), price.clone()), (value, prices), "{ids} {price}");
    }
}

#[test]
fn prices_are_read_as_written_not_as_doubles() {
    let value = |price: &str| {
        let body = String::from_utf8(event(json!({"product_price": 7}))).unwrap();
        let body = body.replace(r#""product_price":7"#, &format!(r#""product_price":{price}"#));
        parse(body.as_bytes(), enqueued_at(), &ParseSettings::default()).map(|click| click.event_value)
    };
    assert_eq!(value("99999999999999.9999"), Ok(money("99999999999999.9999")));
    assert_eq!(value("1.00005"), Ok(money("1.0000")));
    assert_eq!(value("1.00015"), Ok(money("1.0002")));
    assert_eq!(value("[0.1,0.2]"), Ok(money("0.3")));
    assert_eq!(value("1.5e3"), Ok(money("1500")));
    assert_eq!(value("-0.0"), Ok(money("0")));
}

#[test]
fn s4_the_brand_is_kept() {
    let click = parsed(json!({"product_id": ["A"], "product_brand": ["X"]}));
    assert_eq!(shown(&click), ["A/-/X/-/-"]);
    let bare = parsed(json!({"product_id": "A", "product_brand": "X", "product_name": "a"}));
    assert_eq!(shown(&bare), ["A/a/X/-/-"]);
}

#[test]
fn s5_lists_are_zipped_only_when_their_lengths_agree() {
    let click = parsed(json!({
        "product_id": ["A", "B", "C"], "product_brand": ["Y", "X"], "product_name": ["a", null, "c"],
        "category": ["k", "l", ""],
    }));
    assert_eq!(shown(&click), ["A/a/-/k/-", "B/-/-/l/-", "C/c/-/-/-"]);
    assert_eq!(click.event_level.brands, ["Y", "X"]);
    assert_eq!(click.event_level.names, [""; 0]);
    assert_eq!(click.category, None);
    let one_for_two = parsed(json!({"product_id": ["A", "B"], "product_brand": "X", "category": ["k", null, "l"]}));
    assert_eq!(one_for_two.event_level.brands, ["X"]);
    assert_eq!(one_for_two.event_level.categories, ["k", "l"]);
}

#[test]
fn names_make_products_where_no_id_is_known() {
    let names_only = parsed(json!({"product_name": ["a", "b"], "product_price": [1, 2], "product_id": [null]}));
    assert_eq!(shown(&names_only), ["-/a/-/-/1.0000", "-/b/-/-/2.0000"]);
    let some_ids = parsed(json!({"product_name": ["a", "b"], "product_id": [null, 42]}));
    assert_eq!(shown(&some_ids), ["-/a/-/-/-", "42/b/-/-/-"]);
    let brands_only = parsed(json!({"product_brand": ["X", null], "category": "k"}));
    assert_eq!(shown(&brands_only), [""; 0]);
    assert_eq!(brands_only.event_level.brands, ["X"]);
    assert_eq!(brands_only.category.as_deref(), Some("k"));
}

#[test]
fn nothing_in_any_form_is_no_product() {
    for nothing in [json!(null), json!([]), json!([null, ""]), json!(" "), json!({}), json!([[1], {}]), json!("-")] {
        let click = parsed(json!({"product_id": nothing, "product_name": nothing, "product_brand": nothing}));
        assert_eq!((click.products.len(), click.event_level), (0, Default::default()), "{nothing}");
    }
}

#[test]
fn s9_listings_are_kept_and_incomplete_detail_views_are_not() {
    let outcome = |changes: Json| {
        let outcome = parse(&event(changes), enqueued_at(), &ParseSettings::default());
        outcome.err().map(|reject| reject.reason)
    };
    let incomplete = Some(RejectReason::ProductDetailWithoutProduct);
    for listing in [
        "/products",
        "/products/",
        "/products/?page=2",
        "/products?next=/products/A",
        "/products#/A",
        "/product",
        "/productsale/A",
        "/my-products/A",
        "/Products/A",
        "https://products/A",
        "https://shop.example/products//",
        "https://shop.example/?u=/product/A",
        "/search_results",
    ] {
        assert_eq!(outcome(json!({"page_url": listing})), None, "{listing}");
    }
    for detail in [
        "/products/LAPTOP-XPS15-2024",
        "/product/A",
        "products/A",
        "/de/products//A/?color=red",
        "https://Shop.example:80/products/A",
        "//shop.example/product/A#reviews",
        "app://shop/product/A",
    ] {
        assert_eq!(outcome(json!({"page_url": detail})), incomplete, "{detail}");
        assert_eq!(outcome(json!({"page_url": detail, "product_id": ["A"]})), None, "{detail}");
        assert_eq!(outcome(json!({"page_url": detail, "product_name": "a"})), None, "{detail}");
        assert_eq!(outcome(json!({"page_url": detail, "event_type": "search"})), None, "{detail}");
    }
    assert_eq!(outcome(json!({"page_url": null})), None);
    let kept =
        ParseSettings { product_views_without_product: ProductViewsWithoutProduct::Keep, ..ParseSettings::default() };
    assert!(parse(&event(json!({"page_url": "/products/A"})), enqueued_at(), &kept).is_ok());
}
