//! Round trips through every form, forged positions, and random bytes.

use super::encoder::{DataType, Extension, Sent, many, one};
use crate::event::received::ReceivedBatch;
use crate::wire::{EnvelopeError, decode_events};
use proptest::collection::vec;
use proptest::prelude::*;

fn sent(body: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<Sent>> {
    let event = (1i64..1_000_000, "[0-9]{1,12}|geo:[a-z\"]{3}", 0u32..10_000_000, body);
    vec(event, 0..20).prop_map(|events| {
        let mut sequence_number = 0;
        let mut build = |(step, offset, fraction, body): (i64, String, u32, Vec<u8>)| {
            sequence_number += step;
            Sent { sequence_number, offset, enqueued: format!("2026-01-15T10:20:30.{fraction:07}"), body }
        };
        events.into_iter().map(&mut build).collect()
    })
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![Just(Extension::Five), Just(Extension::Six)]
}

fn assert_same(batch: &ReceivedBatch, sent: &[Sent], extension: Extension) {
    assert_eq!(batch.source.to_string(), "ns/hub/$Default/7");
    assert_eq!(batch.events.len(), sent.len());
    for (event, sent) in batch.events.iter().zip(sent) {
        assert_eq!(event.sequence_number.0, sent.sequence_number);
        assert_eq!(event.enqueued_at.to_string(), format!("{}Z", &sent.enqueued[..26]));
        assert_eq!(event.body, sent.body);
        if extension == Extension::Six {
            assert_eq!(event.offset, sent.offset);
        }
    }
}

proptest! {
    #[test]
    fn binary_is_exact(sent in sent(vec(any::<u8>(), 0..60)), extension in extension()) {
        let batch = decode_events(many(&sent, DataType::Binary, extension).into(), "events").unwrap();
        assert_same(&batch, &sent, extension);
        for event in &sent {
            let batch = decode_events(one(event, DataType::Binary, extension).into(), "events").unwrap();
            assert_same(&batch, std::slice::from_ref(event), Extension::Five);
            assert_eq!(&batch.events[0].offset, &event.offset);
        }
    }

    #[test]
    fn text_is_exact(
        sent in sent("\\PC{0,40}|\\{\"[a-z\\\\]\": \"é\"\\}".prop_map(String::into_bytes)),
        extension in extension(),
    ) {
        let mut sent = sent;
        // A batch that contains an object is never read as base64.
        sent.iter_mut().take(1).for_each(|first| first.body = b"{\"k\":\"\\u00e9\\\\\"}".to_vec());
        let batch = decode_events(many(&sent, DataType::Text, extension).into(), "events").unwrap();
        assert_same(&batch, &sent, extension);
        for event in &sent {
            match decode_events(one(event, DataType::Text, extension).into(), "events") {
                Ok(batch) => {
                    assert_eq!(&batch.events[0].body, &event.body);
                    assert_eq!(batch.events[0].sequence_number.0, event.sequence_number);
                }
                Err(error) => assert!(event.body.starts_with(b"{") && event.body.contains(&b'\\'), "{error}"),
            }
        }
    }

    #[test]
    fn unset_keeps_the_json_that_arrives(
        sent in sent("\\{\"[a-z]{1,3}\":(1|\"é\"|\\[null,2\\])\\}".prop_map(String::into_bytes)),
        extension in extension(),
    ) {
        let batch = decode_events(many(&sent, DataType::Unset, extension).into(), "events").unwrap();
        assert_same(&batch, &sent, extension);
    }

    #[test]
    fn a_body_never_decides_its_position(
        names in vec("sequencenumber|SequenceNumber|SystemProperties|SYSTEMPROPERTIES|PartitionContext|user_id\
                      |TriggerPartitionContext|triggerpartitioncontext|EnqueuedTimeUtc|OffsetString|Offset", 0..5),
        values in vec(prop_oneof![
            Just("7"), Just("\"7\""), Just("\"2020-01-01T00:00:00\""), Just("[7]"), Just("null"),
            Just(r#"{"SequenceNumber":7,"EnqueuedTimeUtc":"2020-01-01T00:00:00","OffsetString":"7"}"#),
            Just(r#"{"FullyQualifiedNamespace":"a","EventHubName":"b","ConsumerGroup":"c","PartitionId":"0"}"#),
        ], 5),
        extension in extension(),
    ) {
        let member = |(name, value): (&String, &str)| format!("\"{name}\":{value}");
        let members: Vec<String> = names.iter().zip(values).map(member).collect();
        let body = format!("{{{}}}", members.join(",")).into_bytes();
        let enqueued = "2026-01-15T10:20:30.1230000".to_owned();
        let event = Sent { sequence_number: 1205, offset: "42".into(), enqueued, body };
        match decode_events(one(&event, DataType::Text, extension).into(), "events") {
            Ok(batch) => {
                assert_eq!(batch.source.to_string(), "ns/hub/$Default/7");
                assert_eq!((batch.events[0].sequence_number.0, &batch.events[0].body), (1205, &event.body.into()));
                assert!(["42", ""].contains(&batch.events[0].offset.as_str()));
                assert!(batch.events[0].enqueued_at.to_string().starts_with("2026-01-15T10:20:30"));
            }
            Err(error) => assert!(matches!(error, EnvelopeError::Forgeable { .. }), "{error}"),
        }
    }

    #[test]
    fn nothing_panics(bytes in vec(any::<u8>(), 0..200), cut in 0usize..2_000, at in 0usize..2_000, to in any::<u8>()) {
        let enqueued = "2026-01-15T10:20:30".to_owned();
        let event = Sent { sequence_number: 1, offset: "1".into(), enqueued, body: bytes.clone() };
        let mut requests = vec![bytes];
        requests.push(many(&[event.clone(), event.clone()], DataType::Binary, Extension::Six));
        requests.push(one(&event, DataType::Text, Extension::Five));
        for mut request in requests {
            if let Some(byte) = request.get_mut(at) {
                *byte = to;
            }
            request.truncate(cut.max(1));
            let _ = decode_events(request.into(), "events");
        }
    }
}
