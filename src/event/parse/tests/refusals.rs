//! Every reason, and which one an event with several gets.

use super::*;
use crate::event::time::Span;
use serde_json::json;

fn reason(body: &[u8]) -> Option<RejectReason> {
    let reject = parse(body, enqueued_at(), &ParseSettings::default()).err()?;
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
        (not_deep.as_bytes(), RejectReason::MissingSession),
    ];
    for (body, expected) in cases {
        assert_eq!(reason(body), Some(expected), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(reason(&vec![b'['; 1 << 20]), Some(RejectReason::NestingTooDeep));
    assert_eq!(reason(&vec![b'['; (1 << 20) + 1]), Some(RejectReason::BodyTooLarge));
}

#[test]
fn s7_no_session_of_nobody() {
    let only_known = ParseSettings { anonymous_events: AnonymousEvents::Reject, ..ParseSettings::default() };
    let of_nobody = |user: &Json| {
        let body = event(json!({"user_id": user, "anonymous_id": "a"}));
        parse(&body, enqueued_at(), &only_known).err().map(|reject| reject.reason)
    };
    let long = json!("x".repeat(513));
    for nobody in [json!("-"), json!(null), json!(""), json!(" \t"), json!("(Not Set)"), json!(true), json!([1]), long]
    {
        assert_eq!(of_nobody(&nobody), Some(RejectReason::MissingUser), "{nobody}");
        assert_eq!(reason_of(json!({"session_id": nobody})), Some(RejectReason::MissingSession), "{nobody}");
    }
    for nothing in [json!("-"), json!(null), json!(""), json!(" \t"), json!(true), json!([1]), json!({}), json!(5)] {
        assert_eq!(reason_of(json!({"event_type": nothing})), Some(RejectReason::MissingEventType), "{nothing}");
    }
    assert_eq!(of_nobody(&json!("x".repeat(512))), None);
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
fn an_archive_has_no_age_limit_but_the_web_has() {
    let settings = ParseSettings { max_event_age: None, ..ParseSettings::default() };
    let reason = |timestamp: Json| {
        parse(&event(json!({"timestamp": timestamp})), enqueued_at(), &settings).err().map(|reject| reject.reason)
    };
    assert_eq!(reason(json!("1995-01-01T00:00:00Z")), None);
    for unset in [
        json!("1994-12-31T23:59:59.999999Z"),
        json!("0001-01-01T00:00:00Z"),
        json!("1899-12-30"),
        json!(-2_208_988_800_i64),
    ] {
        assert_eq!(reason(unset.clone()), Some(RejectReason::TimestampTooOld), "{unset}");
    }
}

#[test]
fn extreme_limits_and_instants_do_not_overflow() {
    let settings =
        ParseSettings { future_tolerance: Span::MAX, max_event_age: Some(Span::MAX), ..ParseSettings::default() };
    for enqueued_at in [i64::MIN, 0, i64::MAX] {
        let _ = parse(&event(json!({})), Timestamp(enqueued_at), &settings);
        let _ = parse(&event(json!({})), Timestamp(enqueued_at), &ParseSettings::default());
    }
}

#[test]
fn the_first_of_several_reasons_is_given() {
    let mut broken = json!({
        "session_id": null, "timestamp": null, "event_type": null, "page_url": "/product/x",
    });
    let repairs = [
        (RejectReason::MissingSession, "session_id", json!("s")),
        (RejectReason::MissingTimestamp, "timestamp", json!("2024-05-17T10:05:03Z")),
        (RejectReason::MissingEventType, "event_type", json!("page_view")),
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
    let detail = |changes| parse(&event(changes), enqueued_at(), &ParseSettings::default()).unwrap_err().detail;
    assert_eq!(detail(json!({"session_id": [1]})), "`session_id` must be a string or a number, it is a list");
    assert_eq!(detail(json!({"session_id": "None"})), "`session_id` is `None`, which names nobody");
    assert_eq!(detail(json!({"session_id": "x".repeat(600)})), "`session_id` has 600 bytes, more than 512");
    assert_eq!(
        detail(json!({"timestamp": 20240501})),
        "`timestamp` 20240501 looks like a date: send 2024-05-01T00:00:00Z"
    );
    assert_eq!(
        detail(json!({"timestamp": "20240501101500"})),
        "`timestamp` 20240501101500 looks like a date: send 2024-05-01T10:15:00Z"
    );
    assert_eq!(
        detail(json!({"timestamp": "next\nTuesday"})),
        "`timestamp` must be ISO 8601, or seconds, milliseconds or microseconds since 1970, it is `next\u{fffd}Tuesday`"
    );
    assert_eq!(
        detail(json!({"timestamp": "2024-05-17T11:05:10Z"})),
        "`timestamp` 2024-05-17T11:05:10.000000Z is 3600 s after the event was enqueued, more than 300 s: check the \
         sender's clock"
    );
    assert_eq!(
        detail(json!({"page_url": "/products/A"})),
        "`product_id` and `product_name` are missing from the page view of a product detail page; if the shop sends no \
         product data, set `PRODUCT_VIEWS_WITHOUT_PRODUCT` to `keep`"
    );
}
