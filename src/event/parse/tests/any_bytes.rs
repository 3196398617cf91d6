//! Parsing is total: any bytes give one answer, the same each time.

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// Parses twice, and checks what holds for every answer.
fn check(body: &[u8]) -> Result<(), TestCaseError> {
    let settings = ParseSettings::default();
    let outcome = parse(body, enqueued_at(), &settings);
    prop_assert_eq!(&outcome, &parse(body, enqueued_at(), &settings));
    match outcome {
        Ok(click) => {
            prop_assert!(!click.user_id.as_str().trim().is_empty() && !click.session_id.as_str().trim().is_empty());
            prop_assert!(click.products.iter().all(|product| product.quantity.is_none_or(|quantity| quantity > 0)));
            prop_assert!(click.page_domain.is_none_or(|domain| !domain.is_empty()));
            prop_assert!(click.products.len() <= settings.limits.max_list_length);
        }
        Err(reject) => prop_assert!(reject.detail.chars().count() <= Reject::MAX_DETAIL_CHARS),
    }
    Ok(())
}

/// Values of a member that a parser could get wrong.
fn odd_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just(r#""""#.to_owned()),
        Just(r#""\ud83d""#.to_owned()),
        Just(r#""\u0000""#.to_owned()),
        Just("{}".to_owned()),
        Just("-0".to_owned()),
        Just("1e999999999999".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,5})?",
        "\\PC{0,20}".prop_map(|text| json!(text).to_string()),
        "(https?:)?//[a-z@:.\\[\\]0-9üé%-]{0,20}(/products?/[a-z]?)?".prop_map(|text| json!(text).to_string()),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9][.0-9Z+-]{0,9}"
            .prop_map(|text| json!(text).to_string()),
    ];
    let list = prop::collection::vec(scalar, 0..5);
    (list, any::<bool>()).prop_map(|(values, bare)| match values.first() {
        Some(value) if bare => value.clone(),
        _ => format!("[{}]", values.join(",")),
    })
}

const NAMES: [&str; 20] = [
    "user_id",
    "session_id",
    "timestamp",
    "event_type",
    "page_url",
    "product_id",
    "product_name",
    "product_brand",
    "product_price",
    "category",
    "browser",
    "user_agent",
    "referral_source",
    "cart_size",
    "items",
    "quantity",
    "value",
    "currency",
    "transaction_id",
    "utm_source",
];

proptest! {
    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&body)?;
    }

    #[test]
    fn any_text_of_json_characters(body in "[\\[\\]{}:,\"\\\\ntu0-9eE.+ -]{0,200}") {
        check(body.as_bytes())?;
    }

    #[test]
    fn a_valid_event_with_bytes_changed(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut body = event(json!({"product_id": ["A", "B"], "product_price": [1.5, 2], "event_id": "é\n"}));
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if is_cut {
            body.truncate(cut.index(body.len()));
        }
        check(&body)?;
    }

    #[test]
    fn a_valid_event_with_odd_values(odd in prop::collection::vec((0..NAMES.len(), odd_value()), 1..6)) {
        let body = String::from_utf8(event(json!({"product_id": ["A", "B"], "product_price": [1.5, 2]}))).unwrap();
        // Each of these members is sent twice, and the second, odd one counts.
        let members: String = odd.iter().map(|(name, value)| format!(",\"{}\":{value}", NAMES[*name])).collect();
        check(format!("{}{members}}}", body.trim_end_matches('}')).as_bytes())?;
    }

    #[test]
    fn exactly_the_sum_of_the_prices(cents in prop::collection::vec(0_u32.., 1..50)) {
        let prices: Vec<String> = cents.iter().map(|cents| format!("{}.{:02}", cents / 100, cents % 100)).collect();
        let click = parsed(json!({"product_price": prices}));
        let sum: i64 = cents.iter().map(|&cents| i64::from(cents) * 100).sum();
        prop_assert_eq!(click.event_value, Some(Money(sum)));
    }
}

/// With more than linear time this test would not end.
#[test]
fn the_worst_bodies_of_a_megabyte_are_answered() {
    let member = |pattern: &str| format!("{{\"user_id\":{}", pattern.repeat((1 << 20) / pattern.len() - 20));
    for pattern in ["\"", "\\\"", "[]", "{}", "1", "\"a\",", "\"a\":1,", "[1],", "\"\\ud83d\","] {
        assert!(parse(member(pattern).as_bytes(), enqueued_at(), &ParseSettings::default()).is_err(), "{pattern}");
    }
    let listed =
        |name: &str, pattern: &str| parsed_with(name, &format!("[{}1]", pattern.repeat(900_000 / pattern.len())));
    for (name, pattern, products) in [
        ("product_id", "\"a\",", 1_000),
        ("product_id", "[],", 1_000),
        ("product_id", "1,", 1_000),
        ("product_id", "[[[1]]],", 1_000),
        ("items", "{},", 0),
        ("items", "{\"id\":7},", 1_000),
        ("quantity", "1,", 0),
    ] {
        let click = listed(name, pattern);
        assert_eq!(click.products.len(), products, "{name} {pattern}");
        assert_eq!((click.fields_cut > 0, click.fields_cut <= 2), (true, true), "{name} {pattern}");
    }
    assert_eq!(listed("product_price", "1,").event_value, money("450001"), "all prices are summed");
    assert_eq!(parsed_with("product_price", &"9".repeat(900_000)).fields_unreadable, 1);
    assert_eq!(parsed_with("product_price", &format!("0.{}1", "0".repeat(900_000))).event_value, money("0"));
    assert_eq!(parsed_with("page_url", &format!("\"{}\"", "\\u0041".repeat(150_000))).fields_cut, 1);
    assert_eq!(parsed_with("page_url", &format!("\"https://{}\"", "ü".repeat(4_000))).fields_cut, 0);
    let timestamp = event_with("timestamp", &"9".repeat(900_000));
    let reject = parse(timestamp.as_bytes(), enqueued_at(), &ParseSettings::default()).unwrap_err();
    assert_eq!(reject.reason, RejectReason::UnreadableTimestamp);
}

/// An event whose member `name` has the JSON text `value`.
fn event_with(name: &str, value: &str) -> String {
    let body = String::from_utf8(event(json!({}))).unwrap();
    format!("{},\"{name}\":{value}}}", body.trim_end_matches('}'))
}

fn parsed_with(name: &str, value: &str) -> Click {
    parse(event_with(name, value).as_bytes(), enqueued_at(), &ParseSettings::default()).unwrap()
}
