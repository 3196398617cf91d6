//! Every reason, and which one an event with several gets.

use super::*;
use crate::event::time::Span;
use serde_json::json;

fn reason(body: &[u8]) -> Option<RejectReason> {
    let reject = parse(body, enqueued_at(), &Limits::default()).err()?;
    let detail = &reject.detail;
    assert!(
        !detail.is_empty() && detail.chars().count() <= Reject::MAX_DETAIL_CHARS && !detail.contains('\n'),
        "{detail}"
    );
    Some(reject.reason)
}

fn reason_of(changes: Json) -> Option<RejectReason> {
    reason(&event(changes))
}

#[test]
fn s7_bytes_that_are_no_event_say_why() {
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(32), "]".repeat(32));
    let not_deep = deep.replacen('[', "", 1).replacen(']', "", 1);
    let cases: [(&[u8], RejectReason); 10] = [
        (b"", RejectReason::NotJson),
        (b"not json", RejectReason::NotJson),
        (b"{\"user_id\":", RejectReason::NotJson),
        (b"{\"user_id\":NaN}", RejectReason::NotJson),
        (b"[{}]", RejectReason::NotAnObject),
        (b"null", RejectReason::NotAnObject),
        (b"{\"user_id\":\"\xff\"}", RejectReason::NotUtf8),
        (&[0xed, 0xa0, 0x80], RejectReason::NotUtf8),
        (deep.as_bytes(), RejectReason::NestingTooDeep),
        (not_deep.as_bytes(), RejectReason::MissingUser),
    ];
    for (body, expected) in cases {
        assert_eq!(reason(body), Some(expected), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(reason(&vec![b'['; 1 << 20]), Some(RejectReason::NestingTooDeep));
    assert_eq!(reason(&vec![b'['; (1 << 20) + 1]), Some(RejectReason::BodyTooLarge));
}

#[test]
fn s7_no_session_of_nobody() {
    for nobody in [json!("-"), json!(null), json!(""), json!(" \t"), json!(true), json!([1]), json!({})] {
        assert_eq!(reason_of(json!({"user_id": nobody})), Some(RejectReason::MissingUser), "{nobody}");
        assert_eq!(reason_of(json!({"session_id": nobody})), Some(RejectReason::MissingSession), "{nobody}");
        assert_eq!(reason_of(json!({"event_type": nobody})), Some(RejectReason::MissingEventType), "{nobody}");
    }
    assert_eq!(reason_of(json!({"event_type": 5})), Some(RejectReason::MissingEventType));
}

#[test]
fn a_timestamp_must_be_there_and_readable() {
    for missing in [json!("-"), json!(null), json!("")] {
        assert_eq!(reason_of(json!({"timestamp": missing})), Some(RejectReason::MissingTimestamp), "{missing}");
    }
    for unreadable in [json!("yesterday"), json!(true), json!([]), json!({}), json!(1e300), json!("0000-01-01")] {
        assert_eq!(
            reason_of(json!({"timestamp": unreadable})),
            Some(RejectReason::UnreadableTimestamp),
            "{unreadable}"
        );
    }
}

#[test]
fn s15_a_clock_in_the_future_is_quarantined() {
    let cases = [
        ("2024-05-17T10:10:10.000000Z", None),
        ("2024-05-17T10:10:10.000001Z", Some(RejectReason::TimestampInFuture)),
        ("2124-05-17T10:10:10Z", Some(RejectReason::TimestampInFuture)),
        ("2024-04-17T10:05:10.000000Z", None),
        ("2024-04-17T10:05:09.999999Z", Some(RejectReason::TimestampTooOld)),
        ("0001-01-01", Some(RejectReason::TimestampTooOld)),
    ];
    for (timestamp, expected) in cases {
        assert_eq!(reason_of(json!({"timestamp": timestamp})), expected, "{timestamp}");
    }
}

#[test]
fn an_archive_has_no_age_limit() {
    let limits = Limits { max_event_age: None, ..Limits::default() };
    assert!(parse(&event(json!({"timestamp": "0001-01-01"})), enqueued_at(), &limits).is_ok());
}

#[test]
fn extreme_limits_and_instants_do_not_overflow() {
    let limits = Limits { future_tolerance: Span::MAX, max_event_age: Some(Span::MAX), ..Limits::default() };
    for enqueued_at in [i64::MIN, 0, i64::MAX] {
        let _ = parse(&event(json!({})), Timestamp(enqueued_at), &limits);
        let _ = parse(&event(json!({})), Timestamp(enqueued_at), &Limits::default());
    }
}

#[test]
fn texts_and_lists_have_a_maximum_length() {
    let long_id = "x".repeat(513);
    let long_text = "é".repeat(4_097);
    let too_long = Some(RejectReason::FieldTooLong);
    for name in ["user_id", "session_id", "event_type", "event_id", "transaction_id", "order_id"] {
        assert_eq!(reason_of(json!({name: long_id})), too_long, "{name}");
        assert_eq!(reason_of(json!({name: &long_id[1..]})), None, "{name}");
    }
    for name in ["page_url", "browser", "user_agent", "referral_source", "geo_city", "product_name", "category"] {
        assert_eq!(reason_of(json!({name: long_text})), too_long, "{name}");
        assert_eq!(reason_of(json!({name: &long_text[2..]})), None, "{name}");
    }
    assert_eq!(reason_of(json!({"product_brand": ["X", long_text]})), too_long);
    for name in ["product_id", "product_name", "product_brand", "product_price", "category"] {
        assert_eq!(reason_of(json!({name: vec![1; 1_001]})), too_long, "{name}");
        assert_eq!(reason_of(json!({name: vec![1; 1_000]})), None, "{name}");
    }
}

#[test]
fn the_rows_of_all_products_have_a_maximum_length() {
    let products = |count: usize, changes: Json| {
        let mut all = changes;
        all["product_id"] = json!(vec!["p"; count]);
        reason_of(all)
    };
    let too_much = Some(RejectReason::RowsTooLarge);
    for name in ["page_url", "referral_source", "geo_city", "category"] {
        let text = "x".repeat(8_000);
        assert_eq!(products(1_000, json!({name: text})), too_much, "{name}");
        assert_eq!(products(30, json!({name: text})), None, "{name}");
        assert_eq!(reason_of(json!({name: text})), None, "{name}");
    }
    for name in ["product_name", "product_brand", "category"] {
        assert_eq!(products(1_000, json!({name: vec!["another length"; 999]})), too_much, "{name}");
    }
    assert_eq!(products(1_000, json!({"page_url": "/search?q=everything"})), None);
}

#[test]
fn an_escaped_text_is_measured_without_its_escapes() {
    let escaped = String::from_utf8(event(json!({"event_id": "ID"}))).unwrap().replace("ID", &"\\u0041".repeat(512));
    assert_eq!(reason(escaped.as_bytes()), None);
}

#[test]
fn a_price_that_cannot_be_trusted_rejects_the_event() {
    let cases = [
        (json!(-0.01), RejectReason::NegativePrice),
        (json!([5, -1]), RejectReason::NegativePrice),
        (json!("abc"), RejectReason::UnreadablePrice),
        (json!("12,50"), RejectReason::UnreadablePrice),
        (json!(true), RejectReason::UnreadablePrice),
        (json!({"amount": 5}), RejectReason::UnreadablePrice),
        (json!([[5]]), RejectReason::UnreadablePrice),
        (json!("NaN"), RejectReason::NonFinitePrice),
        (json!(["Infinity"]), RejectReason::NonFinitePrice),
        (json!("1e400"), RejectReason::NonFinitePrice),
        (json!(1e14), RejectReason::PriceOutOfRange),
        (json!([99_999_999_999_999_u64, 1]), RejectReason::PriceOutOfRange),
    ];
    for (price, expected) in cases {
        assert_eq!(reason_of(json!({"product_price": price})), Some(expected), "{price}");
    }
    let infinite = String::from_utf8(event(json!({"product_price": 7}))).unwrap().replace(":7", ":1e400");
    assert_eq!(reason(infinite.as_bytes()), Some(RejectReason::NonFinitePrice));
}

#[test]
fn the_first_of_several_reasons_is_given() {
    let mut broken = json!({
        "user_id": null, "session_id": null, "timestamp": null, "event_type": null,
        "page_url": format!("/product/{}", "x".repeat(9_000)), "product_price": -1,
    });
    let repairs = [
        (RejectReason::MissingUser, "user_id", json!("u")),
        (RejectReason::MissingSession, "session_id", json!("s")),
        (RejectReason::MissingTimestamp, "timestamp", json!("2024-05-17T10:05:03Z")),
        (RejectReason::MissingEventType, "event_type", json!("page_view")),
        (RejectReason::FieldTooLong, "page_url", json!("/product/x")),
        (RejectReason::NegativePrice, "product_price", json!(1)),
        (RejectReason::ProductDetailWithoutProduct, "product_id", json!("x")),
    ];
    for (expected, name, repaired) in repairs {
        assert_eq!(reason_of(broken.clone()), Some(expected));
        broken[name] = repaired;
    }
    assert_eq!(reason_of(broken), None);
}

#[test]
fn a_detail_names_the_field_and_shows_what_was_sent() {
    let detail = |changes| parse(&event(changes), enqueued_at(), &Limits::default()).unwrap_err().detail;
    assert_eq!(detail(json!({"user_id": [1]})), "`user_id` must be a string, it is a list");
    assert_eq!(
        detail(json!({"timestamp": "next\nTuesday"})),
        "`timestamp` must be ISO 8601 or epoch milliseconds within the years 0001 to 9999, it is `next\u{fffd}Tuesday`"
    );
    assert_eq!(
        detail(json!({"timestamp": "2024-05-17T11:05:10Z"})),
        "`timestamp` 2024-05-17T11:05:10.000000Z is 3600 s after the event was enqueued, more than 300 s: check the \
         sender's clock"
    );
    assert_eq!(detail(json!({"product_price": [1, -2.5]})), "`product_price` is negative: `-2.5`");
}
