//! The requests recorded from the real host, decoded; `examples.txt` says what must come out.

use crate::wire::{decode_events, decode_http, decode_invocation, decode_timer};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/host-examples")
}

/// The body of a recorded request, without head and chunk framing.
fn body_of(name: &str) -> Vec<u8> {
    let request = fs::read(folder().join(format!("{name}.http"))).unwrap();
    let head_end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let (head, mut rest) = request.split_at(head_end);
    if !String::from_utf8_lossy(head).contains("Transfer-Encoding: chunked") {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line_end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line_end + 2..line_end + 2 + size]);
        rest = &rest[line_end + 2 + size + 2..];
    }
}

fn shown(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) if !text.chars().any(|c| c.is_control() || c == '\u{feff}') => text.to_owned(),
        _ => format!("b\"{}\"", body.escape_ascii()),
    }
}

fn decoded(name: &str) -> String {
    let binding = if name.contains("-many-") || name.starts_with("retry") { "events" } else { "event" };
    let batch = decode_events(body_of(name).into(), binding).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut text = format!("{}\n", batch.source);
    for event in &batch.events {
        let body = shown(&event.body);
        writeln!(text, "{} {} {} {body}", event.sequence_number, event.offset, event.enqueued_at).unwrap();
    }
    text
}

#[test]
fn every_recorded_delivery_decodes_to_what_was_sent() {
    let expected: BTreeMap<&str, &str> = include_str!("examples.txt")
        .split("\n\n")
        .map(|section| section.trim_start_matches("# ").split_once('\n').unwrap())
        .collect();
    let recorded: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".http", ""))
        .filter(|name| ["eh-", "retry-", "coretools-"].iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    assert_eq!(recorded.len(), expected.len(), "each recorded delivery has a section in examples.txt");
    for name in &recorded {
        assert_eq!(decoded(name).trim_end(), expected[name.as_str()].trim_end(), "{name}");
    }
}

#[test]
fn recorded_timers() {
    let every_two_seconds = decode_timer(&body_of("timer-every2s"));
    assert_eq!(every_two_seconds.invocation.function.as_deref(), Some("Tick"));
    assert!(!every_two_seconds.is_past_due);
    assert_eq!((every_two_seconds.last, every_two_seconds.next), (None, None));

    let first = decode_timer(&body_of("timer-first-run"));
    assert_eq!(first.last, None, "the year 1 means never");
    assert_eq!(first.next.unwrap().to_string(), "2026-11-24T02:22:00.000000Z");

    let late = decode_timer(&body_of("timer-past-due"));
    assert!(late.is_past_due);
    assert_eq!(late.last.unwrap().to_string(), "2026-11-24T02:23:00.003325Z");

    let later = decode_timer(&body_of("timer-later"));
    assert_eq!((later.is_past_due, later.invocation.retry_count), (false, 0));
    assert_eq!(later.last.unwrap().to_string(), "2026-11-24T02:29:00.000000Z");

    assert_eq!(decode_timer(&body_of("timer-retry-second-attempt")).invocation.retry_count, 1);
    assert_eq!(decode_timer(&body_of("timer-every-10-seconds")).invocation.function.as_deref(), Some("tick"));
}

#[test]
fn timers_of_unknown_shape_still_fire() {
    for body in
        ["", "null", "[]", "{}", r#"{"Data":{"timer":7},"Metadata":{"sys":[],"RetryContext":{"RetryCount":-1}}}"#]
    {
        assert_eq!(decode_timer(body.as_bytes()), Default::default(), "{body}");
    }
    let as_strings = br#"{"Data":{"t":{"IsPastDue":"true","ScheduleStatus":{"Last":"0001-01-01T00:00:00","Next":7}}}}"#;
    let timer = decode_timer(as_strings);
    assert!(timer.is_past_due);
    assert_eq!((timer.last, timer.next), (None, None));
}

#[test]
fn the_attempt_of_a_delivery_is_known() {
    assert_eq!(decode_invocation(&body_of("retry-attempt0")).retry_count, 0);
    let second = decode_invocation(&body_of("retry-attempt2-after-500"));
    assert_eq!((second.function.as_deref(), second.retry_count), (Some("RFix"), 2));
}

#[test]
fn recorded_http_requests() {
    let get = decode_http(&body_of("http-default-get"), "req").unwrap();
    assert_eq!((get.method.as_str(), get.url.as_str()), ("GET", "http://127.0.0.1:7071/api/hello?a=1&b=2"));
    assert_eq!(get.query.into_iter().collect::<Vec<_>>(), [("a".into(), "1".into()), ("b".into(), "2".into())]);
    assert_eq!(get.body, None);

    let post = decode_http(&body_of("http-default-post"), "req").unwrap();
    assert_eq!((post.method.as_str(), post.body.as_deref()), ("POST", Some("{\"k\": 1}")));
    assert_eq!(decode_http(&body_of("http-default-get"), "request").unwrap().method, "GET");
}
