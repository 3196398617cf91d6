//! Times, counts, pages, attributes and flags.

use super::*;
use Attribute::{Browser, GeoCity, UtmCampaign, UtmMedium, UtmSource};

#[test]
fn an_event_counts_by_its_type_in_any_case() {
    let types =
        ["page_view", "Page_View", "add_to_cart", "remove_from_cart", "search", "checkout", "wishlist", "purchase"];
    let summary = summary((10..).zip(types).map(|(hour, event_type)| event(&hour.to_string(), event_type)));
    let counts = summary.counts;
    assert_eq!((counts.events, counts.page_view, counts.add_to_cart), (8, 2, 1));
    assert_eq!((counts.remove_from_cart, counts.search, counts.checkout), (1, 1, 1));
    assert_eq!((summary.start, summary.end), (time("10"), time("17")));
    assert_eq!(summary.duration(), Span::from_hours(7));
}

#[test]
fn landing_and_exit_are_the_first_and_last_known_page() {
    let events = [
        event("10:00", "search").key(9),
        event("10:01", "page_view").key(8).page("/b"),
        event("10:02", "page_view").key(7).page("/a"),
        event("10:03", "page_view").key(6).page("/a"),
        event("10:04", "search").key(5),
    ];
    let summary = summary(events);
    assert_eq!((summary.landing_page, summary.exit_page), (Some("/b"), Some("/a")));
    assert_eq!(summary.unique_page_views, 2);
}

#[test]
fn one_page_is_both_landing_and_exit_and_no_page_is_neither() {
    let one = summary([event("10:00", "page_view").page("/a"), event("10:01", "search")]);
    assert_eq!((one.landing_page, one.exit_page), (Some("/a"), Some("/a")));
    let no_page = summary([event("10:00", "page_view")]);
    assert_eq!((no_page.landing_page, no_page.exit_page, no_page.unique_page_views), (None, None, 0));
}

#[test]
fn events_of_one_instant_are_ordered_by_page_then_key() {
    let by_page = summary([
        event("10:00", "page_view").key(1).page("/b").attribute(Browser, "Firefox"),
        event("10:00", "page_view").key(2).page("/a").attribute(Browser, "Chrome"),
    ]);
    assert_eq!((by_page.landing_page, by_page.exit_page), (Some("/a"), Some("/b")));
    assert_eq!(by_page.attributes.get(Browser), Some("Chrome"));
    let by_key = summary([
        event("10:00", "search").key(2).attribute(Browser, "Firefox"),
        event("10:00", "search").key(1).attribute(Browser, "Chrome"),
    ]);
    assert_eq!(by_key.attributes.get(Browser), Some("Chrome"));
}

#[test]
fn each_attribute_is_of_the_first_event_that_has_it() {
    let events = [
        event("10:00", "search"),
        event("10:01", "search").attribute(GeoCity, "Oslo"),
        event("10:02", "search").attribute(GeoCity, "Bergen").attribute(Browser, "Chrome"),
    ];
    let attributes = summary(events).attributes;
    assert_eq!((attributes.get(GeoCity), attributes.get(Browser)), (Some("Oslo"), Some("Chrome")));
    assert_eq!(attributes.get(Attribute::Os), None);
}

#[test]
fn the_words_of_a_campaign_are_of_one_event() {
    let events = [
        event("10:00", "search"),
        event("10:01", "search").attribute(UtmMedium, "email"),
        event("10:02", "search").attribute(UtmSource, "google").attribute(UtmCampaign, "spring"),
    ];
    let attributes = summary(events).attributes;
    assert_eq!(Attribute::CAMPAIGN.map(|word| attributes.get(word)), [None, Some("email"), None, None, None]);
}

#[test]
fn lists_hold_distinct_values_of_products_and_of_events_sorted_by_bytes() {
    let events = [
        event("10:00", "page_view").products(["b name:Lamp brand:Z", "B category:k"]),
        event("10:01", "search").products(["- name:Desk", "b name:Lamp"]).with(|content| {
            content.event_names = ["Äpfel", "Chair"].into();
            content.event_brands = ["A", "Z"].into();
            content.event_categories = ["k"].into();
        }),
    ];
    let viewed = summary(events).viewed;
    assert_eq!(viewed.ids, ["B", "b"]);
    assert_eq!(viewed.names, ["Chair", "Desk", "Lamp", "Äpfel"]);
    assert_eq!((viewed.brands, viewed.categories), (vec!["A", "Z"], vec!["k"]));
}

#[test]
fn ten_seconds_or_two_views_or_a_purchase_engage() {
    let view = || event("10:00:00", "page_view");
    assert!(!summary([view()]).is_engaged());
    assert!(!summary([view(), event("10:00:09", "search")]).is_engaged());
    assert!(summary([view(), event("10:00:10", "search")]).is_engaged());
    assert!(summary([view(), event("10:00:01", "page_view")]).is_engaged());
    assert!(summary([event("10:00", "purchase")]).is_engaged());
    assert!(!summary([event("10:00", "refund")]).is_engaged());
}

#[test]
fn flags_follow_from_the_events() {
    let cart = || event("10:00", "add_to_cart");
    let alone = summary([cart()]);
    assert!(alone.is_bounce() && alone.is_cart_abandoned() && !alone.is_bot && !alone.is_truncated);
    let bought = summary([cart(), event("10:01", "purchase")]);
    assert!(!bought.is_bounce() && !bought.is_cart_abandoned());
    assert!(summary([cart(), event("10:01", "search").with(|content| content.is_bot = true)]).is_bot);
    assert!(!alone.is_final(time("10:00")) && alone.is_final(time("10:01")));
}

#[test]
fn a_session_is_anonymous_if_all_its_events_are() {
    let anonymous = |clock| event(clock, "search").with(|content| content.is_anonymous = true);
    assert!(summary([anonymous("10:00"), anonymous("10:01")]).is_anonymous);
    assert!(!summary([anonymous("10:00"), event("10:01", "search")]).is_anonymous);
}
