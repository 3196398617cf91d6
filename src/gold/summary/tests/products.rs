//! What happened to each product, hour by hour.

use super::*;
use crate::gold::summary::products::MAX_PRODUCT_HOURS;

#[test]
fn an_event_counts_once_however_often_it_names_a_product() {
    let summary = summary([
        event("10:00", "page_view").products(["A", "A", "B"]),
        event("10:01", "add_to_cart").products(["A", "A"]),
        event("10:02", "remove_from_cart").products(["A"]),
        event("10:03", "page_view").products(["B"]),
    ]);
    assert_eq!(products(&summary), ["A h10 views:1 adds:1 removes:1", "B h10 views:2"]);
}

#[test]
fn any_event_makes_an_entry_for_each_product_and_hour_that_it_names() {
    let summary = summary([
        event("10:59:59", "search").products(["B"]),
        event("11:00", "wishlist").products(["B", "A", "- name:Lamp"]),
        event("11:01", "refund").products(["C"]).value("5"),
        event("11:02", "page_view"),
    ]);
    assert_eq!(products(&summary), ["A h11", "B h10", "B h11", "C h11"]);
}

#[test]
fn a_purchase_of_several_has_their_prices_times_pieces() {
    let summary = summary([event("10:00", "purchase").value("100").products(["A x3 @2", "A @2", "B", "C x2"])]);
    assert_eq!(
        products(&summary),
        ["A h10 purchases:1 units:4 value:8.0000", "B h10 purchases:1 units:1", "C h10 purchases:1 units:2"]
    );
}

#[test]
fn a_purchase_of_one_product_has_its_total() {
    let of = |row| summary([event("10:00", "purchase").value("18").products([row])]);
    assert_eq!(products(&of("A x2 @10")), ["A h10 purchases:1 units:2 value:18.0000"]);
    assert_eq!(products(&of("A x2")), ["A h10 purchases:1 units:2 value:18.0000"]);
    let without_total = summary([event("10:00", "purchase").products(["A x2 @10"])]);
    assert_eq!(products(&without_total), ["A h10 purchases:1 units:2 value:20.0000"]);
}

#[test]
fn a_transaction_counts_with_the_products_and_hour_of_the_event_whose_value_counts() {
    let summary = summary([
        event("10:59", "purchase").transaction("T1").products(["A", "B"]),
        event("11:00", "purchase").transaction("T1").value("20").products(["A"]),
        event("12:00", "purchase").transaction("T1").value("20").products(["A"]),
    ]);
    assert_eq!(products(&summary), ["A h10", "A h11 purchases:1 units:1 value:20.0000", "A h12", "B h10"]);
}

#[test]
fn values_are_in_the_currency_of_the_session() {
    let summary = summary([
        event("10:00", "purchase").currency("EUR").value("5").products(["A"]),
        event("10:01", "purchase").currency("USD").value("7").products(["A x2"]),
        event("10:02", "purchase").value("1").products(["A"]),
        event("10:03", "purchase").currency("USD").value("7").products(["B"]),
    ]);
    assert_eq!(products(&summary), ["A h10 purchases:3 units:4 value:6.0000", "B h10 purchases:1 units:1"]);
}

#[test]
fn an_amount_that_no_column_holds_is_unknown() {
    let summary = summary([event("10:00", "purchase").products(["A x1000000 @99999999999999", "B @1"])]);
    assert_eq!(products(&summary), ["A h10 purchases:1 units:1000000", "B h10 purchases:1 units:1 value:1.0000"]);
}

#[test]
fn labels_are_the_last_known_ones_of_events_with_this_product_only() {
    let summary = summary([
        event("10:00", "page_view").products(["A name:Old brand:Acme category:lamps"]),
        event("11:00", "page_view").products(["A name:New"]),
        event("11:01", "page_view").products(["A"]),
        event("11:02", "purchase").products(["A name:Other brand:Zeta category:Mixed", "B category:Mixed"]),
    ]);
    assert_eq!(
        products(&summary),
        [
            "A h10 views:1 name:New brand:Acme category:lamps",
            "A h11 views:2 purchases:1 units:1 name:New brand:Acme category:lamps",
            "B h11 purchases:1 units:1",
        ]
    );
}

#[test]
fn only_the_name_is_read_from_events_with_several_products() {
    let summary = summary([
        event("10:00", "search").products(["A name:First", "B"]),
        event("10:01", "search").products(["A name:Last brand:Zeta category:Mixed", "B"]),
        event("10:02", "search").products(["A brand:Acme"]),
    ]);
    assert_eq!(products(&summary), ["A h10 name:Last brand:Acme", "B h10"]);
}

#[test]
fn the_smallest_products_and_hours_are_kept() {
    let ids = |count: usize| -> Vec<&'static str> { (0..count).map(|id| &*format!("P{id:04}").leak()).collect() };
    let of = |count: usize| {
        summary([event("10:00", "page_view").with(|content| {
            let rows = ids(count).into_iter().rev().map(|id| Product { id: Some(id), ..Product::default() });
            content.products = rows.collect();
        })])
    };
    let all = of(MAX_PRODUCT_HOURS);
    assert!(!all.is_truncated && all.products.len() == MAX_PRODUCT_HOURS);
    let cut = of(MAX_PRODUCT_HOURS + 1);
    assert!(cut.is_truncated && !cut.duplicates_unchecked);
    assert_eq!(cut.products, all.products);
    assert_eq!(cut.viewed.ids.len(), MAX_PRODUCT_HOURS + 1);
}
