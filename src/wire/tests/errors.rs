//! What is an error, and that its message says which setting to change.

use super::encoder::context;
use crate::error::{Consequence, Kind};
use crate::wire::decode_events;
use crate::wire::json::MAX_EVENTS;
use serde_json::{Value, json};

fn request(events: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut request = json!({"Data": {"events": events}, "Metadata": {
        "PartitionContext": context(),
        "SequenceNumberArray": "[5,6]",
        "OffsetArray": "[\"10\",\"11\"]",
        "EnqueuedTimeUtcArray": "[\"2026-01-15T10:20:30\",\"2026-01-15T10:20:31\"]"}});
    change(&mut request);
    request
}

const TWO: &str = r#"["e30=","e30="]"#;

fn refusal(events: &str, change: impl FnOnce(&mut Value)) -> String {
    decode_events(request(events, change).to_string().into(), "events").unwrap_err().to_string()
}

fn metadata(key: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |request| request["Metadata"][key] = value
}

fn without(key: &'static str) -> impl FnOnce(&mut Value) {
    move |request| drop(request["Metadata"].as_object_mut().unwrap().remove(key))
}

#[test]
fn each_refusal_names_what_is_wrong_and_what_to_set() {
    let cases = [
        (
            refusal(TWO, without("PartitionContext")),
            "cannot find `PartitionContext`",
            "send its events to the event hub",
        ),
        (
            refusal(TWO, without("SequenceNumberArray")),
            "cannot find `SequenceNumberArray`",
            "\"cardinality\": \"many\"",
        ),
        (
            refusal(TWO, without("EnqueuedTimeUtcArray")),
            "cannot find `EnqueuedTimeUtcArray`",
            "\"dataType\": \"binary\"",
        ),
        (refusal(TWO, metadata("SequenceNumberArray", json!("[5]"))), "holds 1 values for 2 events", "cardinality"),
        (
            refusal(TWO, metadata("OffsetArray", json!("[]"))),
            "`OffsetArray` holds 0 values for 2 events",
            "cardinality",
        ),
        (refusal("[]", |_| ()), "`SequenceNumberArray` holds 2 values for 0 events", "cardinality"),
        (
            refusal(TWO, metadata("SequenceNumberArray", json!("[6,6]"))),
            "sequence number 6 after 6",
            "within a partition they grow",
        ),
        (refusal(TWO, metadata("SequenceNumberArray", json!("[6,5]"))), "event 1", "sequence number 5 after 6"),
        (
            refusal(TWO, metadata("SequenceNumberArray", json!("[5,null]"))),
            "element 1 of `SequenceNumberArray`",
            "`null`",
        ),
        (refusal(TWO, metadata("EnqueuedTimeUtcArray", json!("[1,2]"))), "expected a UTC time", "found `1`"),
        (refusal(TWO, metadata("SequenceNumberArray", json!("[5,"))), "`Metadata.SequenceNumberArray`", "JSON"),
        (refusal("[1", |_| ()), "cannot read `Data.events`", "JSON"),
        (refusal("not base64", |_| ()), "starts with `not base64`", "\"dataType\": \"binary\""),
        (
            refusal(TWO, |request| request["Data"] = json!({"event": "", "other": ""})),
            "cannot find `Data.events`",
            "`event`, `other`: set the `name`",
        ),
        (refusal(TWO, |request| request["Data"]["events"] = json!({"a": 1})), "cannot tell the form", "cardinality"),
        (refusal(TWO, |request| request["Data"]["events"] = json!(null)), "starts with `null`", "cardinality"),
        (
            refusal(TWO, |request| drop(request["Metadata"]["PartitionContext"]["PartitionId"].take())),
            "cannot find `PartitionId`",
            "extension bundle",
        ),
        (refusal(&format!("[{}1]", "1,".repeat(MAX_EVENTS)), |_| ()), "more than 100000 events", "maxEventBatchSize"),
    ];
    for (message, what, hint) in cases {
        assert!(message.contains(what) && message.contains(hint), "{what} / {hint}: {message}");
    }
}

#[test]
fn each_error_says_who_can_help() {
    let kind = |body: String| decode_events(body.into(), "events").unwrap_err().kind();
    let whole = request(TWO, |_| ()).to_string();
    assert_eq!(kind(whole[..whole.len() / 2].to_owned()), Kind::Retry);
    assert_eq!(kind(String::new()), Kind::Retry);
    assert_eq!(kind("no JSON".to_owned()), Kind::Bug);
    assert_eq!(kind(request(TWO, metadata("SequenceNumberArray", json!("[5,"))).to_string()), Kind::Bug);
    assert_eq!(kind(request(TWO, metadata("SequenceNumberArray", json!("[5,null]"))).to_string()), Kind::Bug);
    assert_eq!(kind(request(TWO, metadata("SequenceNumberArray", json!("[5]"))).to_string()), Kind::Operator);
    assert_eq!(kind(request(TWO, without("PartitionContext")).to_string()), Kind::Operator);
    assert_eq!(kind(request("not base64", |_| ()).to_string()), Kind::Operator);
}

#[test]
fn the_only_binding_may_have_another_name() {
    let request = request(TWO, |request| request["Data"] = json!({ "event": TWO }));
    assert_eq!(decode_events(request.to_string().into(), "events").unwrap().events.len(), 2);
}

#[test]
fn an_empty_batch_is_a_batch() {
    let no_positions = |request: &mut Value| {
        let metadata = request["Metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| key == "PartitionContext");
    };
    let batch = decode_events(request("[]", no_positions).to_string().into(), "events").unwrap();
    assert_eq!((batch.events.len(), batch.source.partition_id()), (0, "7"));
}

#[test]
fn numbers_may_be_strings_and_arrays_may_be_arrays() {
    let change = |request: &mut Value| {
        request["Data"]["events"] = json!(["e30=", "e30="]);
        request["Metadata"]["SequenceNumberArray"] = json!(["5", 6]);
        request["Metadata"]["OffsetArray"] = json!([10, null]);
    };
    let batch = decode_events(request(TWO, change).to_string().into(), "events").unwrap();
    let positions: Vec<_> = batch.events.iter().map(|event| (event.sequence_number.0, event.offset.as_str())).collect();
    assert_eq!(positions, [(5, "10"), (6, "")]);
}

#[test]
fn a_batch_is_binary_only_when_every_element_is_padded_base64() {
    let bodies = |events: &str| -> Vec<Vec<u8>> {
        let batch = decode_events(request(events, |_| ()).to_string().into(), "events").unwrap();
        batch.events.iter().map(|event| event.body.to_vec()).collect()
    };
    assert_eq!(bodies(r#"["e30=","dHJ1ZQ=="]"#), [b"{}".to_vec(), b"true".to_vec()]);
    assert_eq!(bodies(r#"["{}","dHJ1ZQ=="]"#), [b"{}".to_vec(), b"dHJ1ZQ==".to_vec()]);
    assert_eq!(bodies(r#"["e30=","dHJ1ZQ"]"#), [b"e30=".to_vec(), b"dHJ1ZQ".to_vec()], "no padding");
    assert_eq!(bodies(r#"["e30=","dHJ1ZR=="]"#), [b"e30=".to_vec(), b"dHJ1ZR==".to_vec()], "stray bits");
    assert_eq!(bodies(r#"["e30=",{"a": 1.10}]"#), [b"\"e30=\"".to_vec(), b"{\"a\": 1.10}".to_vec()], "unset");
    // The corner case that remains: texts that none of our producers sends.
    assert_eq!(bodies(r#"["true","null"]"#), [vec![0xb6, 0xbb, 0x9e], vec![0x9e, 0xe9, 0x65]]);
}

/// The position read from a single event of text, whose metadata says 7 in both places.
fn forged(body: &str) -> Result<i64, String> {
    let system = json!({"SequenceNumber": 7, "EnqueuedTimeUtc": "2026-01-15T10:20:30"});
    let request = json!({"Data": {"events": json!(body).to_string()}, "Metadata": {
        "PartitionContext": context(), "SequenceNumber": "7", "SystemProperties": system}});
    let batch = decode_events(request.to_string().into(), "events").map_err(|error| error.to_string())?;
    Ok(batch.events[0].sequence_number.0)
}

#[test]
fn text_that_only_the_hosts_parser_reads_is_not_trusted_either() {
    let single_quotes = "{'SequenceNumber': 7, 'systemproperties': {'SequenceNumber': 7}}";
    assert!(forged(single_quotes).unwrap_err().contains("cannot trust `SequenceNumber`"));
    assert!(forged("{/**/\"\\u0053equenceNumber\":7,}").unwrap_err().contains("\"dataType\": \"binary\""));
    assert!(forged("\u{feff} {\"SequenceNumber\":7,\"SystemProperties\":{}}").is_err());
    assert_eq!(forged("{\"truncated\": "), Ok(7));
    assert_eq!(forged("no object: SequenceNumber"), Ok(7));
}

#[test]
fn positions_that_disagree_for_no_known_reason_are_refused() {
    let request = json!({"Data": {"events": "e30="}, "Metadata": {
        "PartitionContext": context(), "SequenceNumber": 8,
        "SystemProperties": {"SequenceNumber": 7, "EnqueuedTimeUtc": "2026-01-15T10:20:30"}}});
    let message = decode_events(request.to_string().into(), "events").unwrap_err().to_string();
    assert!(message.contains("`Metadata.SequenceNumber` is 8 but `SystemProperties.SequenceNumber` is 7"), "{message}");
}
