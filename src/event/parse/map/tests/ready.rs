//! Whole events through a map. The ready maps read the events of their specifications: rows in the form of Google's
//! public sample of the GA4 export, and the calls of Segment's pages on common fields, page and ecommerce.

use super::*;
use crate::event::click::{Click, Product};
use crate::event::parse::{AnonymousEvents, ParseSettings, parse};
use crate::event::time::Timestamp;

pub(super) const GA4: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/field/ga4.ndjson"));
pub(super) const SEGMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/field/segment.ndjson"));

pub(super) fn settings(fields: &str) -> ParseSettings {
    ParseSettings { map: map(fields), max_event_age: None, ..ParseSettings::default() }
}

pub(super) fn outcome(event: &[u8], settings: &ParseSettings) -> crate::event::Parsed {
    parse(event, Timestamp::parse("2024-05-17T10:05:10Z").unwrap(), settings)
}

fn clicks(events: &str, fields: &str) -> Vec<Click> {
    events.lines().map(|event| outcome(event.as_bytes(), &settings(fields)).unwrap()).collect()
}

fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

/// What happened to what.
fn shown(click: &Click) -> String {
    let product = |product: &Product| {
        let price = product.price.map_or_else(String::new, |price| format!(" at {price}"));
        let quantity = product.quantity.map_or_else(String::new, |quantity| format!(" x{quantity}"));
        let [id, name] = [&product.id, &product.name].map(|text| or_dash(text.as_deref()));
        format!("{id} {name} ({}){price}{quantity}", or_dash(product.category.as_deref()))
    };
    let products: Vec<String> = click.products.iter().map(product).collect();
    let value = click.event_value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    format!(
        "{} {} {value} {} [{}]",
        click.event_type.as_str(),
        or_dash(click.transaction_id.as_deref()),
        or_dash(click.currency),
        products.join(", ")
    )
}

/// Who, in which session, when.
fn who(click: &Click) -> String {
    let user = if click.is_anonymous { "visitor" } else { "user" };
    format!("{user} {} in {} at {}", click.user_id.as_str(), click.session_id.as_str(), click.event_time)
}

#[test]
fn rows_of_the_ga4_export() {
    let clicks = clicks(GA4, "ga4");
    let tee = "GGOEGAEB090113 Google Tee (Apparel)";
    let striped = "9195912 Womens Google Striped LS (Apparel) at 16.0000 x1";
    let expected = [
        "page_view - - - []".to_owned(),
        format!("purchase 881281 16.0000 USD [{striped}]"),
        format!("checkout - 60.0000 USD [{striped}, {tee} at 22.0000 x2]"),
        "search - - - []".to_owned(),
        format!("add_to_cart - 60.0000 EUR [{tee} at 30.0000 x2]"),
    ];
    assert_eq!(clicks.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(who(&clicks[0]), "visitor 1146540.1921992520 in 3599645542 at 2021-01-28T01:40:22.695757Z");
    assert_eq!(who(&clicks[4]), "user c-17 in 1700000000 at 2023-11-14T22:13:20.123456Z");
    assert_eq!(clicks[3].search_term.as_deref(), Some("Google Tee"));
    let view = &clicks[0];
    let texts = [&view.page_url, &view.page_title, &view.referral_domain, &view.browser, &view.os, &view.device_type];
    let expected = [
        "https://shop.googlemerchandisestore.com/payment.html",
        "Payment Method",
        "shop.googlemerchandisestore.com",
        "Chrome",
        "Web",
        "desktop",
    ];
    assert_eq!(texts.map(|text| or_dash(text.as_deref())), expected);
    let bought = &clicks[1];
    assert_eq!(
        [&bought.geo_country, &bought.geo_city].map(|text| or_dash(text.as_deref())),
        ["United States", "Boston"]
    );
    let campaign = &clicks[4].campaign;
    let texts = [&campaign.source, &campaign.medium, &campaign.name, &campaign.term, &campaign.content];
    assert_eq!(texts.map(|text| or_dash(text.as_deref())), ["google", "cpc", "winter sale", "tee", "-"]);
    assert!(clicks.iter().all(|click| (click.fields_cut, click.fields_unreadable) == (0, 0)));
}

#[test]
fn calls_of_segment() {
    let clicks = clicks(SEGMENT, "segment");
    let (game, uno) =
        ("507f1f77bcf86cd799439011 Monopoly: 3rd Edition (Games)", "505bd76785ebb509fc183733 Uno Card Game");
    let cart = format!("{game} at 19.0000 x1, {uno} (Games) at 3.0000 x2");
    let order = "50314b8e9bcf000000000000";
    let expected = [
        "page_view - - - []".to_owned(),
        "search - - - []".to_owned(),
        format!("Product List Viewed - 22.0000 - [{game} at 19.0000, {uno} (Games) at 3.0000]"),
        "Promotion Viewed - - - []".to_owned(),
        format!("Product Viewed - 18.9900 USD [{game} at 18.9900 x1]"),
        format!("add_to_cart - 18.9900 - [{game} at 18.9900 x1]"),
        format!("remove_from_cart - 18.9900 - [{game} at 18.9900 x1]"),
        format!("checkout {order} 25.0000 USD [{cart}]"),
        format!("purchase {order} 25.0000 USD [{cart}]"),
        format!("refund {order} 30.0000 USD [{cart}]"),
    ];
    assert_eq!(clicks.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(who(&clicks[0]), "user 97980cfea0067 in 97980cfea0067 at 2015-02-23T22:28:55.111000Z");
    let visitor = "507f191e810c19729de860ea";
    assert_eq!(who(&clicks[1]), format!("visitor {visitor} in {visitor} at 2015-12-10T04:08:31.905000Z"));
    assert_eq!(clicks[1].search_term.as_deref(), Some("blue roses"));
    assert_eq!(clicks[0].event_id.as_deref(), Some("022bb90c-bbac-11e4-8dfc-aa07a5b093db"));
    let page = |click: &Click| [&click.page_url, &click.page_title].map(|text| or_dash(text.as_deref()).to_owned());
    assert_eq!(page(&clicks[0]), ["http://www.example.com", "Welcome | Initech"]);
    assert_eq!(page(&clicks[5]), ["https://segment.com/academy/", "Analytics Academy"]);
    let added = &clicks[5];
    let texts = [&added.ip_address, &added.geo_country, &added.geo_city, &added.browser, &added.device_type];
    let expected = ["8.8.8.8", "United States", "San Francisco", "Chrome", "desktop"];
    assert_eq!(texts.map(|text| or_dash(text.as_deref())), expected);
    let campaign = &added.campaign;
    let texts = [&campaign.source, &campaign.medium, &campaign.name, &campaign.term, &campaign.content];
    let expected = ["Newsletter", "email", "TPS Innovation Newsletter", "tps reports", "image link"];
    assert_eq!(texts.map(|text| or_dash(text.as_deref())), expected);
    assert!(clicks.iter().all(|click| (click.fields_cut, click.fields_unreadable) == (0, 0)));
}

#[test]
fn whoever_it_is_stands_in_for_a_missing_session() {
    let settings = settings(r#"{"user_id":"/u","anonymous_id":"/a","session_id":"/s"}"#);
    let who = |ids: &str, settings: &ParseSettings| {
        let event = format!(r#"{{{ids}"timestamp":"2024-05-17T10:05:03Z","event_type":"x"}}"#);
        match outcome(event.as_bytes(), settings) {
            Ok(click) => who(&click).replace(" at 2024-05-17T10:05:03.000000Z", ""),
            Err(reject) => format!("{}: {}", reject.reason, reject.detail),
        }
    };
    assert_eq!(who(r#""u":"u1","a":"a1","s":"s1","#, &settings), "user u1 in s1");
    assert_eq!(who(r#""u":"u1","a":"a1","s":"(not set)","#, &settings), "user u1 in u1");
    assert_eq!(who(r#""u":null,"a":"a1","#, &settings), "visitor a1 in a1");
    assert_eq!(who(r#""s":"s1","#, &settings), "visitor s1 in s1");
    // Their own names do not count for fields that the map names.
    assert_eq!(
        who(r#""user_id":"u1","client_id":"c1","session_id":"s1","#, &settings),
        "missing_session: `session_id` is missing, null or empty; neither `user_id` nor `anonymous_id` can stand in"
    );
    let strict = ParseSettings { anonymous_events: AnonymousEvents::Reject, ..settings };
    assert_eq!(who(r#""a":"a1","#, &strict), "missing_user: `user_id` is missing, null or empty");
    let no_map = ParseSettings::default();
    assert_eq!(who(r#""user_id":"u1","#, &no_map), "missing_session: `session_id` is missing, null or empty");
}

#[test]
fn products_of_a_map_stay_beside_each_other() {
    let fields = r#"{"product_id":["/none/*/id","/lines/*/sku"],"product_name":"/lines/*/title","product_price":"/lines/*/net",
        "quantity":"/lines/*/n","category":"/shop/dept","value":["/sum","/total"]}"#;
    let event = r#"{"user_id":"u","session_id":"s","timestamp":"2024-05-17T10:05:03Z","event_type":"purchase","sum":"free",
        "total":"7.5","lines":[{"sku":"a","net":2,"n":3},{"title":"B","net":1.5,"sku":7.0},{}],"shop":{"dept":"D"},"extra":1}"#;
    let click = outcome(event.as_bytes(), &settings(fields)).unwrap();
    let expected = "purchase - 7.5000 - [a - (D) at 2.0000 x3, 7 B (D) at 1.5000, - - (D)]";
    assert_eq!(shown(&click), expected);
    assert_eq!((click.unknown_fields.names().collect(), click.fields_unreadable), (vec!["extra"], 1));
}
