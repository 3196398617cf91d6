//! Envelopes compared byte for byte with requests that were recorded from the real host. Ids and times of the attempt
//! come from the recording.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::*;
use crate::answer::AttemptFailure;
use crate::app::function::{Cardinality, DataType, EventHubTrigger};
use crate::source::{Accompanying, PropertyValue, SequenceNumber, SourceEvent};

/// The body of a recorded request, its chunks put together.
fn recorded(request: &[u8]) -> String {
    let start = find(request, b"\r\n\r\n") + 4;
    let (mut rest, mut body) = (&request[start..], Vec::new());
    loop {
        let line_end = find(rest, b"\r\n");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line_end]).unwrap(), 16).unwrap();
        if size == 0 {
            return String::from_utf8(body).unwrap();
        }
        body.extend_from_slice(&rest[line_end + 2..line_end + 2 + size]);
        rest = &rest[line_end + 2 + size + 2..];
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|window| window == needle).unwrap()
}

fn text_of<'a>(body: &'a str, key: &str) -> &'a str {
    let (_, rest) = body.rsplit_once(&format!("\"{key}\":\"")).unwrap();
    rest.split('"').next().unwrap()
}

/// The body of `envelope` with the ids and times of the recording.
fn body_as_in(recording: &str, envelope: &Envelope, retry: Option<&RetryContext>) -> String {
    let attempt = Attempt {
        function: text_of(recording, "MethodName"),
        sent_at: text_of(recording, "UtcNow").parse().unwrap(),
        random_id: text_of(recording, "RandGuid").parse().unwrap(),
        retry,
    };
    String::from_utf8(envelope.body(attempt).to_vec()).unwrap()
}

fn event(sequence_number: i64, offset: &str, enqueued_at: &str, key: Option<&str>, body: &[u8]) -> SourceEvent {
    SourceEvent {
        sequence_number: SequenceNumber(sequence_number),
        offset: offset.to_owned(),
        enqueued_at: enqueued_at.parse().unwrap(),
        partition_key: key.map(str::to_owned),
        accompanying: Accompanying::default(),
        body: Bytes::copy_from_slice(body),
    }
}

fn events_envelope(data_type: DataType, cardinality: Cardinality, events: &[SourceEvent]) -> Envelope {
    let binding = if cardinality == Cardinality::Many { "events" } else { "event" };
    let trigger = EventHubTrigger {
        binding: binding.to_owned(),
        event_hub: "telemetry".to_owned(),
        consumer_group: "$Default".to_owned(),
        cardinality,
        data_type,
    };
    let context = PartitionContext {
        is_checkpointing_after_invocation: true,
        fully_qualified_namespace: "myns.servicebus.windows.net",
        event_hub_name: "telemetry",
        consumer_group: "$Default",
        partition_id: "3",
    };
    event_hub(&trigger, &context, events).unwrap()
}

fn invalid_and_empty() -> [SourceEvent; 2] {
    let invalid = b"\xff\xfe\x00\x01bad\x80utf8".as_slice();
    [
        event(1209, "not-numeric:1", "2026-01-15T10:20:32Z", None, invalid),
        event(9_007_199_254_740_993, "4294970900", "2026-01-15T10:20:33.5Z", Some("k"), b""),
    ]
}

const TEXT: &str = "plain text \"quoted\" back\\slash żółw ☃ 😀 </script>&'\ttab";
const RICH: &str = concat!(
    r#"{"id":"ż-3","ts":"2026-01-15T10:20:30.5+02:00","tz":"2026-01-15T10:20:30.1234567Z","d":"2026-01-15","#,
    r#""v":1.10,"big":12345678901234567890123,"dec":0.1000000000000000055511151231257827,"e":1e3,"i":1.0,"#,
    r#""u":"\u00e9\/<","dup":1,"dup":2,"z":null,"PartitionKey":"evil","SequenceNumber":7,"arr":[1,2],"obj":{"x":1}}"#
);

fn named(name: &str, value: PropertyValue) -> (String, PropertyValue) {
    (name.to_owned(), value)
}

/// What accompanies an event that is JSON of schema `v1`.
fn accompanying() -> Accompanying {
    Accompanying {
        properties: vec![named("schema", PropertyValue::Text("v1".to_owned())), named("n", PropertyValue::Integer(3))],
        system_properties: vec![named("content-type", PropertyValue::Text("application/json".to_owned()))],
    }
}

fn rich() -> SourceEvent {
    let mut accompanying = accompanying();
    accompanying.properties.extend([
        named("f", PropertyValue::Float(1.5)),
        named("b", PropertyValue::Bool(true)),
        named("t", PropertyValue::Instant("2026-01-15T10:20:30.5Z".parse().unwrap())),
        named("bin", PropertyValue::Binary(b"abc".to_vec())),
    ]);
    let plain = event(1207, "4294970600", "2026-01-15T10:20:30.1234567Z", Some("ż-key"), RICH.as_bytes());
    SourceEvent { accompanying, ..plain }
}

macro_rules! assert_recorded {
    ($file:literal, $envelope:expr) => {
        let recording = recorded(include_bytes!(concat!("recorded/", $file, ".http")));
        pretty_assert(&body_as_in(&recording, &$envelope, None), &recording, $file);
    };
}

fn pretty_assert(body: &str, recording: &str, file: &str) {
    let differs = body.bytes().zip(recording.bytes()).position(|(ours, theirs)| ours != theirs);
    assert!(body == recording, "{file} differs from byte {differs:?} on\n   ours {body}\nrecorded {recording}");
}

#[test]
fn batches_are_encoded_as_recorded() {
    use Cardinality::Many;
    let [invalid, empty] = invalid_and_empty();
    let empty = std::slice::from_ref(&empty);
    assert_recorded!("eh-many-binary-emptybody", events_envelope(DataType::Binary, Many, empty));
    let both = invalid_and_empty();
    assert_recorded!("eh-many-binary-invalidutf8-and-empty", events_envelope(DataType::Binary, Many, &both));
    assert_recorded!("eh-many-string-invalidutf8-and-empty", events_envelope(DataType::String, Many, &both));
    let bom = [event(1211, "4294971000", "2026-01-15T10:20:34Z", None, "\u{feff}{\"bom\":1}".as_bytes())];
    assert_recorded!("eh-many-string-bom", events_envelope(DataType::String, Many, &bom));
    assert_eq!(invalid.partition_key, None);
}

#[test]
fn batches_without_a_data_type_are_parsed() {
    let bodies = [r#"[1,2.50,"2026-01-15T10:20:30Z"]"#, "\"just a string\"", "42", "null"];
    let events: Vec<_> = (1..)
        .zip(bodies)
        .map(|(n, body)| event(n, &n.to_string(), "2026-01-15T10:20:34Z", None, body.as_bytes()))
        .collect();
    assert_recorded!("eh-many-unset-jsontypes", events_envelope(DataType::Unset, Cardinality::Many, &events));

    let recording = recorded(include_bytes!("recorded/eh-many-unset-rich.http"));
    let body = body_as_in(&recording, &events_envelope(DataType::Unset, Cardinality::Many, &[rich()]), None);
    let data = |body: &str| body.split(r#","Metadata""#).next().unwrap().to_owned();
    assert_eq!(data(&body), data(&recording));
}

#[test]
fn a_body_that_is_not_json_cannot_be_bound_without_a_data_type() {
    for body in ["plain text", "\u{feff}{}", "{\"a\":1"] {
        let trigger = EventHubTrigger {
            binding: "events".to_owned(),
            event_hub: "telemetry".to_owned(),
            consumer_group: "$Default".to_owned(),
            cardinality: Cardinality::Many,
            data_type: DataType::Unset,
        };
        let context = PartitionContext {
            is_checkpointing_after_invocation: true,
            fully_qualified_namespace: "n",
            event_hub_name: "telemetry",
            consumer_group: "$Default",
            partition_id: "0",
        };
        let events = [
            event(1, "1", "2026-01-15T10:20:34Z", None, b"{}"),
            event(2, "2", "2026-01-15T10:20:34Z", None, body.as_bytes()),
        ];
        assert_eq!(event_hub(&trigger, &context, &events).unwrap_err().sequence_number, SequenceNumber(2), "{body}");
    }
}

#[test]
fn single_events_are_encoded_as_recorded() {
    use Cardinality::One;
    let text = [event(1208, "4294970700", "2026-01-15T10:20:31Z", None, TEXT.as_bytes())];
    assert_recorded!("eh-absent-binary-text", events_envelope(DataType::Binary, One, &text));
    let [invalid, _] = invalid_and_empty();
    assert_recorded!("eh-absent-string-invalidutf8", events_envelope(DataType::String, One, &[invalid]));

    assert_recorded!("eh-one-unset-rich", events_envelope(DataType::Unset, One, &[rich()]));
}

#[test]
fn the_retry_context_is_there_from_the_first_attempt() {
    let first = event(
        1205,
        "4294970392",
        "2026-01-15T10:20:30.123Z",
        Some("dev-1"),
        br#"{"id":"a-1","ts":"2026-01-15T10:20:30.5+02:00","v":1.10}"#,
    );
    let events = [
        SourceEvent { accompanying: accompanying(), ..first },
        event(1206, "4294970520", "2026-01-15T10:20:30.167Z", None, r#"{"id":"ż-2","note":"say \"hi\""}"#.as_bytes()),
    ];
    let recording = recorded(include_bytes!("recorded/eh-many-binary-retry.http"));
    let retry = RetryContext { retry_count: 0, max_retry_count: None, exception: None };
    let envelope = events_envelope(DataType::Binary, Cardinality::Many, &events);
    pretty_assert(&body_as_in(&recording, &envelope, Some(&retry)), &recording, "eh-many-binary-retry");
}

#[test]
fn a_retry_has_an_exception_with_the_keys_of_the_host() {
    for (recording, failure) in [
        (
            include_str!("recorded/exception-after-500.json"),
            AttemptFailure::Status { code: 500, phrase: "X".to_owned(), body: String::new() },
        ),
        (
            include_str!("recorded/exception-after-timeout.json"),
            AttemptFailure::TimedOut(std::time::Duration::from_secs(10)),
        ),
    ] {
        let mut theirs: serde_json::Value = serde_json::from_str(recording).unwrap();
        let function = theirs["MethodName"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let id = theirs["InstanceId"].as_str().unwrap().parse().unwrap();
        let mut ours = serde_json::from_str(&RetryContext::exception(&failure, &function, id)).unwrap();
        without_stack_traces(&mut theirs);
        without_stack_traces(&mut ours);
        assert_eq!(ours, theirs);
    }
}

fn without_stack_traces(exception: &mut serde_json::Value) {
    for key in ["StackTraceString", "StackTrace"] {
        if let Some(trace) = exception.get_mut(key) {
            assert!(trace.as_str().unwrap().starts_with("   at "));
            *trace = serde_json::Value::Null;
        }
    }
    if exception.get("InnerException").is_some_and(serde_json::Value::is_object) {
        without_stack_traces(&mut exception["InnerException"]);
    }
}

#[test]
fn timers_get_their_schedule() {
    let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    let status = |last: Option<&str>, next: &str| ScheduleStatus {
        last: last.map(at),
        next: at(next),
        last_updated: last.map(at),
    };
    assert_recorded!("timer-every-10-seconds", timer("timer", None, false));
    assert_recorded!("timer-first-run", timer("timer", Some(&status(None, "2026-11-24T02:22:00Z")), false));
    let past_due = status(Some("2026-11-24T02:23:00.003325Z"), "2026-11-24T02:24:00Z");
    assert_recorded!("timer-past-due", timer("timer", Some(&past_due), true));

    let recording = recorded(include_bytes!("recorded/timer-later.http"));
    let later = timer("timer", Some(&status(Some("2026-11-24T02:29:00Z"), "2026-11-24T02:30:00Z")), false);
    let retry = RetryContext { retry_count: 0, max_retry_count: None, exception: None };
    pretty_assert(&body_as_in(&recording, &later, Some(&retry)), &recording, "timer-later");
}

fn from_curl(query: &[(&str, &str)]) -> InboundRequest {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    InboundRequest {
        url: "http://127.0.0.1:7071/api/hello".to_owned(),
        method: "GET".to_owned(),
        query: query.iter().map(pair).collect(),
        headers: [("accept", "*/*"), ("host", "127.0.0.1:7071"), ("user-agent", "curl/7.88.1")]
            .iter()
            .map(pair)
            .collect(),
        ..InboundRequest::default()
    }
}

#[test]
fn http_requests_are_described() {
    let mut get = from_curl(&[("a", "1"), ("b", "2")]);
    get.url.push_str("?a=1&b=2");
    assert_recorded!("http-default-get", http_request("req", &get));

    let mut post = from_curl(&[]);
    post.method = "POST".to_owned();
    post.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    post.headers.push(("content-length".to_owned(), "8".to_owned()));
    post.body = Bytes::from_static(b"{\"k\": 1}");
    assert_recorded!("http-default-post", http_request("req", &post));
}
