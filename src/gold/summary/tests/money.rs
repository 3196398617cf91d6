//! Which purchases and refunds count, and in which currency.

use super::*;

fn purchase(clock: &str) -> Event {
    event(clock, "purchase")
}

fn refund(clock: &str) -> Event {
    event(clock, "refund")
}

#[test]
fn purchases_without_a_transaction_each_count() {
    let summary = summary([purchase("10:00").value("20"), purchase("10:01").value("5.5"), purchase("10:02")]);
    assert_eq!(payments(&summary), "3 purchases 25.5000, 0 refunds 0.0000, no currency");
}

#[test]
fn a_transaction_counts_once_with_the_value_of_its_first_event() {
    // The keys grow the other way: time says what is first.
    let summary = summary([
        purchase("10:00").key(3).transaction("T1").value("20"),
        purchase("10:01").key(2).transaction("T2").value("1"),
        purchase("10:02").key(1).transaction("T1").value("99"),
    ]);
    assert_eq!(payments(&summary), "2 purchases 21.0000, 0 refunds 0.0000, no currency");
}

#[test]
fn a_transaction_has_its_first_known_value() {
    let summary = summary([
        purchase("10:00").transaction("T1"),
        purchase("10:01").transaction("T1").value("20"),
        purchase("10:02").transaction("T1").value("99"),
    ]);
    assert_eq!(payments(&summary), "1 purchases 20.0000, 0 refunds 0.0000, no currency");
}

#[test]
fn a_transaction_without_a_value_still_counts() {
    let summary = summary([purchase("10:00").transaction("T1"), purchase("10:01").transaction("T1").currency("EUR")]);
    assert_eq!(payments(&summary), "1 purchases 0.0000, 0 refunds 0.0000, no currency");
}

#[test]
fn each_refund_counts_whatever_its_transaction_with_its_magnitude() {
    let summary = summary([
        purchase("10:00").transaction("T1").value("20"),
        refund("10:05").transaction("T1").value("-15"),
        refund("10:06").transaction("T1").value("5"),
        refund("10:07"),
    ]);
    assert_eq!(payments(&summary), "1 purchases 20.0000, 3 refunds 20.0000, no currency");
}

#[test]
fn a_coupon_may_make_a_purchase_negative() {
    assert_eq!(
        payments(&summary([purchase("10:00").value("-5")])),
        "1 purchases -5.0000, 0 refunds 0.0000, no currency"
    );
}

#[test]
fn the_currency_is_the_first_known_one_of_the_purchases() {
    let summary = summary([
        event("09:58", "page_view").currency("JPY"),
        refund("09:59").currency("USD").value("3"),
        purchase("10:00").value("1"),
        purchase("10:01").currency("EUR").value("2"),
        purchase("10:02").currency("USD").value("4"),
    ]);
    assert_eq!(payments(&summary), "3 purchases 3.0000, 1 refunds 0.0000, EUR and others");
}

#[test]
fn the_currency_is_that_of_the_refunds_where_no_purchase_has_one() {
    let summary = summary([
        purchase("10:00").value("10"),
        refund("10:01").currency("EUR").value("2"),
        refund("10:02").currency("USD").value("4"),
    ]);
    assert_eq!(payments(&summary), "1 purchases 10.0000, 2 refunds 2.0000, EUR and others");
}

#[test]
fn a_purchase_that_does_not_count_has_no_say_in_the_currency() {
    let summary = summary([
        purchase("10:00").transaction("T1").currency("USD"),
        purchase("10:01").transaction("T1").currency("EUR").value("20"),
        purchase("10:02").transaction("T1").currency("JPY").value("2000"),
    ]);
    assert_eq!(payments(&summary), "1 purchases 20.0000, 0 refunds 0.0000, EUR");
}

#[test]
fn sums_stop_at_what_the_column_holds() {
    let most = "99999999999999.9999";
    let summary = summary([purchase("10:00").value(most), purchase("10:01").value("1")]);
    assert_eq!(summary.payments.purchase_value, Money::MAX);
}
