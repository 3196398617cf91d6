//! A session with events that are not kept whole.

use super::*;
use crate::gold::rest::{Campaign, Counts, Known, Sums};
use crate::gold::session_event::EventOrder;
use Attribute::{Browser, Os};

fn order(clock: &str, page_url: Option<&'static str>) -> EventOrder<'static> {
    EventOrder { at: time(clock), page_url, key: EventKey(i64::MAX) }
}

/// Events from 09:00 to 11:00 of which nothing else is known.
fn rest() -> Rest<'static> {
    Rest {
        cut: EventKey(i64::MAX),
        keys: Vec::new(),
        duplicates_unchecked: false,
        counts: Counts { events: 5, page_view: 1, add_to_cart: 1, ..Counts::default() },
        start: time("09:00"),
        end: time("11:00"),
        landing: None,
        exit: None,
        attributes: Default::default(),
        campaign: None,
        is_bot: false,
        is_anonymous: true,
        paid: Vec::new(),
        sums: Vec::new(),
    }
}

fn sums(currency: Option<&'static str>, purchase_value: &str, refund_value: &str) -> Sums<'static> {
    let (purchase_value, refund_value) = (amount(purchase_value), amount(refund_value));
    Sums { currency, purchases: 2, purchase_value, refunds: 1, refund_value }
}

#[test]
fn counts_and_times_include_the_rest() {
    let kept = || [event("10:00", "page_view").page("/a").products(["A"])];
    let summary = summary_with_rest(kept(), rest());
    assert_eq!((summary.start, summary.end), (time("09:00"), time("11:00")));
    assert_eq!((summary.counts.events, summary.counts.page_view, summary.counts.add_to_cart), (6, 2, 1));
    assert!(summary.is_truncated && !summary.duplicates_unchecked && summary.is_cart_abandoned());
    assert_eq!((summary.landing_page, summary.unique_page_views), (Some("/a"), 1));
    let unchecked = Rest { duplicates_unchecked: true, ..rest() };
    assert!(summary_with_rest(kept(), unchecked).duplicates_unchecked);
}

#[test]
fn the_first_and_last_page_may_be_of_the_rest() {
    let kept = || [event("10:00", "page_view").page("/kept"), event("10:30", "page_view").page("/kept-too")];
    let with = |landing, exit| {
        let rest =
            Rest { landing: Some(order(landing, Some("/first"))), exit: Some(order(exit, Some("/last"))), ..rest() };
        let summary = summary_with_rest(kept(), rest);
        (summary.landing_page.unwrap(), summary.exit_page.unwrap())
    };
    assert_eq!(with("09:00", "11:00"), ("/first", "/last"));
    assert_eq!(with("10:10", "10:20"), ("/kept", "/kept-too"));
}

#[test]
fn attributes_and_campaign_may_be_of_the_rest() {
    let kept = [event("10:00", "search")
        .attribute(Browser, "Chrome")
        .attribute(Os, "Linux")
        .attribute(Attribute::UtmSource, "google")];
    let mut rest = rest();
    rest.attributes[Browser as usize] = Some(Known { order: order("09:00", None), value: "Firefox" });
    rest.attributes[Os as usize] = Some(Known { order: order("11:00", None), value: "Windows" });
    let words = [None, Some("email"), None, None, None];
    rest.campaign = Some(Campaign { order: order("09:30", None), words });
    let attributes = summary_with_rest(kept, rest).attributes;
    assert_eq!((attributes.get(Browser), attributes.get(Os)), (Some("Firefox"), Some("Linux")));
    assert_eq!(Attribute::CAMPAIGN.map(|word| attributes.get(word)), words);
}

#[test]
fn flags_include_the_rest() {
    let kept = || [event("10:00", "search").with(|content| content.is_anonymous = true)];
    let summary = summary_with_rest(kept(), rest());
    assert!(summary.is_anonymous && !summary.is_bot);
    assert!(summary_with_rest(kept(), Rest { is_bot: true, ..rest() }).is_bot);
    assert!(!summary_with_rest(kept(), Rest { is_anonymous: false, ..rest() }).is_anonymous);
}

#[test]
fn payments_of_the_rest_join_those_that_are_kept() {
    let kept = [
        event("10:00", "purchase").transaction("T1").value("20").products(["A"]),
        event("10:01", "purchase").transaction("T2").value("1").products(["B"]),
    ];
    let paid = [
        event("09:59", "purchase").transaction("T1").currency("EUR").value("30").products(["C name:Lamp"]).0,
        event("10:02", "refund").currency("USD").value("4").0,
    ];
    let summary = summary_with_rest(kept, Rest { paid: paid.into(), ..rest() });
    assert_eq!(payments(&summary), "2 purchases 31.0000, 1 refunds 0.0000, EUR and others");
    assert_eq!(products(&summary), ["A h10", "B h10 purchases:1 units:1 value:1.0000"]);
    assert!(summary.viewed.names.is_empty());
}

#[test]
fn sums_of_the_rest_are_added_where_their_currency_fits() {
    let kept = [event("10:00", "purchase").currency("EUR").value("20")];
    let sums = vec![sums(Some("EUR"), "3", "1"), sums(Some("USD"), "50", "50"), sums(None, "5", "2")];
    let summary = summary_with_rest(kept, Rest { sums, ..rest() });
    assert_eq!(payments(&summary), "7 purchases 28.0000, 3 refunds 3.0000, EUR and others");
}

#[test]
fn without_a_known_currency_of_an_event_the_smallest_of_the_sums_counts() {
    let kept = || [event("10:00", "purchase").value("20")];
    let known = vec![sums(Some("EUR"), "3", "1"), sums(Some("USD"), "50", "50")];
    let summary = summary_with_rest(kept(), Rest { sums: known, ..rest() });
    assert_eq!(payments(&summary), "5 purchases 23.0000, 2 refunds 1.0000, EUR and others");
    let summary = summary_with_rest(kept(), Rest { sums: vec![sums(None, "3", "1")], ..rest() });
    assert_eq!(payments(&summary), "3 purchases 23.0000, 1 refunds 1.0000, no currency");
}
