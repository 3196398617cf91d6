//! What an event means, member by member; refusals, products and arbitrary bytes have their own files.

use super::*;
use crate::event::click::Campaign;
use crate::event::ids::{EventKey, SessionId, UserId};
use crate::event::reject::RejectReason;
use serde_json::{Value as Json, json};

mod any_bytes;
mod kept;
mod money;
mod products;
mod refusals;

const ENQUEUED_AT: &str = "2024-05-17T10:05:10Z";

fn enqueued_at() -> Timestamp {
    Timestamp::parse(ENQUEUED_AT).unwrap()
}

/// An event as the generator sends it, with the members of `changes` replaced, or removed where the new value is `"-"`.
fn event(changes: Json) -> Vec<u8> {
    let mut event = json!({
        "user_id": "user_1a2b3c4d",
        "session_id": "session_1a2b3c4d5e6f",
        "timestamp": "2024-05-17T10:05:03.123456Z",
        "event_type": "page_view",
        "page_url": "/",
        "product_id": null,
        "product_name": null,
        "product_brand": null,
        "product_price": null,
        "category": null,
        "browser": "Firefox",
        "os": "Linux",
        "device_type": "desktop",
        "referral_source": "google",
        "geo_country": "DE",
        "geo_city": "Köln",
        "ip_address": "192.0.2.7",
        "is_new_user": true,
        "cart_size": 2,
    });
    let members = event.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value == "-" {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    event.to_string().into_bytes()
}

fn parsed(changes: Json) -> Click {
    parse(&event(changes), enqueued_at(), &ParseSettings::default()).unwrap()
}

fn money(text: &str) -> Option<Money> {
    Some(Money::parse(text).unwrap())
}

#[test]
fn every_member_of_a_generated_event_is_read() {
    let body = event(json!({}));
    let click = parse(&body, enqueued_at(), &ParseSettings::default()).unwrap();
    let expected = Click {
        event_id: None,
        event_key: EventKey(xxhash_rust::xxh3::xxh3_64(&body) as i64),
        user_id: UserId::new("user_1a2b3c4d").unwrap(),
        is_anonymous: false,
        session_id: SessionId::new("session_1a2b3c4d5e6f").unwrap(),
        event_time: Timestamp::parse("2024-05-17T10:05:03.123456Z").unwrap(),
        event_type: EventType::PageView,
        page_url: Some("/".into()),
        page_domain: None,
        page_title: None,
        search_term: None,
        products: vec![],
        event_level: Default::default(),
        event_value: None,
        currency: None,
        transaction_id: None,
        category: None,
        browser: Some("Firefox".into()),
        os: Some("Linux".into()),
        device_type: Some("desktop".into()),
        is_bot: false,
        referral_source: Some("google".into()),
        referral_domain: None,
        campaign: Default::default(),
        geo_country: Some("DE".into()),
        geo_city: Some("Köln".into()),
        ip_address: Some("192.0.2.7".into()),
        is_new_user: Some(true),
        cart_size: Some(2),
        unknown_fields: Default::default(),
        fields_cut: 0,
        fields_unreadable: 0,
    };
    assert_eq!(click, expected);
}

#[test]
fn only_three_members_are_required() {
    let body = br#"{"session_id":"s","timestamp":1715940303000,"event_type":"search"}"#;
    let click = parse(body, enqueued_at(), &ParseSettings::default()).unwrap();
    assert_eq!((click.user_id.as_str(), click.is_anonymous, click.session_id.as_str()), ("s", true, "s"));
    assert_eq!(click.event_time.to_string(), "2024-05-17T10:05:03.000000Z");
    assert_eq!(click.event_type, EventType::Search);
    assert_eq!((click.browser, click.page_url, click.event_value), (None, None, None));
}

#[test]
fn s3_the_domain_is_a_host_or_the_site_or_null() {
    assert_eq!(parsed(json!({"page_url": "https://Shop.Example:443/a"})).page_domain.as_deref(), Some("shop.example"));
    let settings = ParseSettings { site_domain: Some("shop.example".into()), ..ParseSettings::default() };
    let relative = parse(&event(json!({"page_url": "/cart"})), enqueued_at(), &settings).unwrap();
    assert_eq!(relative.page_domain.as_deref(), Some("shop.example"));
    let nowhere = parse(&event(json!({"page_url": "  "})), enqueued_at(), &settings).unwrap();
    assert_eq!((nowhere.page_url, nowhere.page_domain), (None, None));
}

#[test]
fn a_referrer_gives_its_domain_and_keeps_no_credentials() {
    let click = parsed(json!({"referral_source": "https://me:secret@News.example:443/a?b#c"}));
    assert_eq!(click.referral_source.as_deref(), Some("https://news.example/a?b#c"));
    assert_eq!(click.referral_domain.as_deref(), Some("news.example"));
    assert_eq!(parsed(json!({"referral_source": "android-app://com.example/"})).referral_domain, None);
}

#[test]
fn s13_a_user_agent_in_place_of_a_browser_fills_what_is_null() {
    let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 \
                Safari/537.36 Edg/120.0.0.0";
    let shown = |changes: Json| {
        let click = parsed(changes);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        format!("{} {} {} {}", or_dash(click.browser), or_dash(click.os), or_dash(click.device_type), click.is_bot)
    };
    let nothing = json!({"browser": null, "os": null, "device_type": null});
    let with = |members: Json| {
        let mut changes = nothing.clone();
        changes.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        changes
    };
    let cases = [
        (nothing.clone(), "- - - false"),
        (with(json!({"browser": edge})), "Edge Windows desktop false"),
        (with(json!({"browser": edge, "os": "ReactOS"})), "Edge ReactOS desktop false"),
        (with(json!({"user_agent": edge})), "Edge Windows desktop false"),
        (with(json!({"user_agent": edge, "browser": "Chrome"})), "Chrome Windows desktop false"),
        (with(json!({"user_agent": "curl/8.4.0", "browser": edge})), "Edge - bot true"),
        (with(json!({"browser": "Googlebot"})), "Googlebot - - true"),
        (json!({"user_agent": "curl/8.4.0"}), "Firefox Linux desktop true"),
    ];
    for (changes, expected) in cases {
        assert_eq!(shown(changes.clone()), expected, "{changes}");
    }
}

#[test]
fn a_transaction_id_wins_over_an_order_id() {
    assert_eq!(parsed(json!({"transaction_id": "t", "order_id": "o"})).transaction_id.as_deref(), Some("t"));
    assert_eq!(parsed(json!({"transaction_id": "", "order_id": 17})).transaction_id.as_deref(), Some("17"));
}

#[test]
fn an_event_id_makes_the_key_whatever_else_changes() {
    let key = |changes| parsed(changes).event_key;
    let with_id = key(json!({"event_id": "e-1"}));
    assert_eq!(with_id, key(json!({"event_id": "e-1", "browser": "Chrome"})));
    assert_ne!(with_id, key(json!({"event_id": "e-1", "timestamp": "2024-05-17T10:05:04Z"})));
    assert_ne!(key(json!({})), key(json!({"browser": "Chrome"})));
}

#[test]
fn optional_members_of_another_type_are_read_or_left_out() {
    let click = parsed(json!({
        "geo_country": 49, "geo_city": true, "os": ["Linux"], "ip_address": {"v4": "192.0.2.7"},
        "is_new_user": "False", "cart_size": 2.5,
    }));
    assert_eq!((click.fields_cut, click.fields_unreadable), (0, 3));
    assert_eq!(click.geo_country.as_deref(), Some("49"));
    assert_eq!(click.geo_city.as_deref(), Some("true"));
    assert_eq!((click.os, click.ip_address), (None, None));
    assert_eq!((click.is_new_user, click.cart_size), (Some(false), None));
}

#[test]
fn unknown_members_are_counted_and_named() {
    let fields = parsed(json!({"http_status": 200, "nested": {"user_id": [1, {}]}, "n": null})).unknown_fields;
    assert_eq!((fields.count(), fields.names().collect()), (3, vec!["http_status", "n", "nested"]));
}

#[test]
fn a_campaign_is_in_its_fields_or_in_the_query_of_the_page() {
    let campaign = |changes| {
        let click = parsed(changes);
        let Campaign { source, medium, name, term, content } = click.campaign;
        [source, medium, name, term, content].map(|text| text.unwrap_or_else(|| "-".into()))
    };
    let page =
        "/sale?utm_source=news%20letter&utm_medium=e-mail&utm_campaign=S%C3%B6mmer&utm_term=a+b&utm_content=top#x";
    assert_eq!(campaign(json!({"page_url": page})), ["news letter", "e-mail", "Sömmer", "a b", "top"]);
    let absolute = "https://shop.example/?utm_source=&utm_source=ads";
    assert_eq!(campaign(json!({"page_url": absolute, "utm_medium": " cpc "})), ["ads", "cpc", "-", "-", "-"]);
    assert_eq!(campaign(json!({"page_url": page, "utm_source": "field"}))[0], "field");
    assert_eq!(campaign(json!({"page_url": "/?x=utm_source"})), ["-"; 5]);
}

#[test]
fn title_and_search_term_are_kept_as_sent() {
    let click = parsed(json!({"page_title": "Ofertas · Shop", "search_term": " red shoes "}));
    assert_eq!(
        (click.page_title.as_deref(), click.search_term.as_deref()),
        (Some("Ofertas · Shop"), Some("red shoes"))
    );
    assert_eq!(click.unknown_fields.count(), 0);
}

#[test]
fn who_is_not_signed_in_has_another_id() {
    let user = |changes| {
        let click = parsed(changes);
        (click.user_id.as_str().to_owned(), click.is_anonymous)
    };
    let of = |id: &str, is_anonymous| (id.to_owned(), is_anonymous);
    assert_eq!(user(json!({"user_id": 1000.0, "anonymous_id": "a"})), of("1000", false));
    for nobody in [json!(null), json!(""), json!("(not set)"), json!("UNDEFINED"), json!(0), json!("\u{200b}")] {
        assert_eq!(user(json!({"user_id": nobody, "anonymous_id": "a", "client_id": "c"})), of("a", true), "{nobody}");
        assert_eq!(
            user(json!({"user_id": nobody, "anonymous_id": nobody, "client_id": "c"})),
            of("c", true),
            "{nobody}"
        );
        assert_eq!(user(json!({"user_id": "-", "visitor_id": "v"})), of("v", true), "{nobody}");
        assert_eq!(user(json!({"user_id": nobody})), of("session_1a2b3c4d5e6f", true), "{nobody}");
    }
    let too_long = parsed(json!({"user_id": "x".repeat(513), "anonymous_id": "a"}));
    assert_eq!((too_long.user_id.as_str(), too_long.is_anonymous, too_long.fields_unreadable), ("a", true, 1));
}

#[test]
fn a_byte_order_mark_and_blanks_are_skipped() {
    let body = [b"\xef\xbb\xbf \n".as_slice(), &event(json!({})), b"\r\n"].concat();
    assert!(parse(&body, enqueued_at(), &ParseSettings::default()).is_ok());
}

#[test]
fn an_unknown_event_type_is_data() {
    assert_eq!(parsed(json!({"event_type": "Wishlist"})).event_type, EventType::Other("Wishlist".into()));
    assert_eq!(parsed(json!({"event_type": " PURCHASE "})).event_type, EventType::Purchase);
}
