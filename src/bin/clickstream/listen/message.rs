//! Events in AMQP messages: one in a plain message, many in one of the batch format.

use super::journal::NewEvent;
use super::nesting;
use super::refusal::Refusal;
use bytes::Bytes;
use chrono::DateTime;
use fe2o3_amqp_types::definitions::MessageFormat;
use fe2o3_amqp_types::messaging::annotations::OwnedKey;
use fe2o3_amqp_types::messaging::message::DecodeIntoMessage;
use fe2o3_amqp_types::messaging::{self as amqp, Body, Message, MessageId};
use fe2o3_amqp_types::primitives::Value;
use functions_host::{Accompanying, Properties, PropertyValue};
use serde_amqp::read::SliceReader;

/// The format in which each data section is an encoded message.
const BATCH: MessageFormat = 0x8001_3700;
const PARTITION_KEY: &str = "x-opt-partition-key";
/// What the hub sets, and a producer therefore cannot.
const OF_THE_HUB: [&str; 4] = ["x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time", PARTITION_KEY];

/// What a message may have, as in the service's standard tier; links are told so.
pub const MOST_BYTES: u64 = 1 << 20;
/// What is read of a message, so that one which is too large gets an answer. Beyond it the link is detached.
pub const ABSORBED_BYTES: u64 = 4 << 20;
const MOST_EVENTS: usize = 100_000;
const MOST_PROPERTIES: usize = 1_000;
/// The service's limit.
const LONGEST_KEY: usize = 128;

/// The events of one delivery. They belong into one partition.
#[derive(Debug, PartialEq)]
pub struct Delivered {
    pub partition_key: Option<String>,
    pub events: Vec<NewEvent>,
}

/// The events in `message`, which came in `format`.
pub fn events(format: Option<MessageFormat>, message: Message<Body<Value>>) -> Result<Delivered, Refusal> {
    if let Body::Data(sections) = &message.body {
        refuse_if_too_large(sections.iter().map(|section| section.0.len() as u64))?;
    }
    if format != Some(BATCH) {
        let event = event(message, None)?;
        return Ok(Delivered { partition_key: event.partition_key.clone(), events: vec![event] });
    }
    let key = partition_key(&message)?;
    let Body::Data(sections) = message.body else { return Err(Refusal::NotData) };
    if sections.len() > MOST_EVENTS {
        return Err(Refusal::TooManyOf { what: "events", limit: MOST_EVENTS });
    }
    let events: Vec<NewEvent> =
        sections.into_iter().map(|section| event(decode(&section.0)?, key.as_ref())).collect::<Result<_, _>>()?;
    let partition_key = key.or_else(|| events.first().and_then(|event| event.partition_key.clone()));
    Ok(Delivered { partition_key, events })
}

/// Counts data sections as they were encoded: the client, which counted all of the message, is never refused wrongly.
fn refuse_if_too_large(sections: impl Iterator<Item = u64>) -> Result<(), Refusal> {
    let size = sections.map(|length| length + if length > u8::MAX.into() { 8 } else { 5 }).sum();
    if size > MOST_BYTES { Err(Refusal::TooLarge { size, limit: MOST_BYTES }) } else { Ok(()) }
}

fn decode(encoded: &[u8]) -> Result<Message<Body<Value>>, Refusal> {
    nesting::check(encoded).map_err(|unreadable| Refusal::Malformed(unreadable.to_string()))?;
    Body::decode_message_from_reader(SliceReader::new(encoded)).map_err(|error| Refusal::Malformed(error.to_string()))
}

/// `batch_key` is that of the batch around the message.
fn event(message: Message<Body<Value>>, batch_key: Option<&String>) -> Result<NewEvent, Refusal> {
    let partition_key = partition_key(&message)?.or_else(|| batch_key.cloned());
    let body = match message.body {
        Body::Data(sections) => match <[amqp::Data; 1]>::try_from(sections.into_inner()) {
            Ok([only]) => Bytes::from(only.0.into_vec()),
            Err(several) => several.iter().flat_map(|section| section.0.iter().copied()).collect(),
        },
        Body::Empty => Bytes::new(),
        Body::Value(_) | Body::Sequence(_) => return Err(Refusal::NotData),
    };
    let properties = message.application_properties.map(|properties| properties.0).unwrap_or_default();
    let annotations = message.message_annotations.map(|annotations| annotations.0).unwrap_or_default();
    if properties.len() + annotations.len() > MOST_PROPERTIES {
        return Err(Refusal::TooManyOf { what: "properties", limit: MOST_PROPERTIES });
    }
    let mut system_properties = message.properties.map(of_the_message).unwrap_or_default();
    system_properties.extend(annotations.into_iter().filter_map(|(name, value)| match name {
        OwnedKey::Symbol(name) if !OF_THE_HUB.contains(&name.as_str()) => Some((name.0, property(value))),
        _ => None,
    }));
    let properties = properties.into_iter().map(|(name, value)| (name, property(value.into()))).collect();
    Ok(NewEvent { partition_key, accompanying: Accompanying { properties, system_properties }, body })
}

fn partition_key(message: &Message<Body<Value>>) -> Result<Option<String>, Refusal> {
    let annotations = message.message_annotations.as_ref();
    let key = OwnedKey::Symbol(PARTITION_KEY.into());
    let key = match annotations.and_then(|annotations| annotations.0.get(&key)) {
        Some(Value::String(key)) => key.clone(),
        Some(Value::Symbol(key)) => key.0.clone(),
        _ => return Ok(None),
    };
    if key.len() > LONGEST_KEY { Err(Refusal::KeyTooLong(key.len())) } else { Ok(Some(key)) }
}

/// The properties section, by the names of the specification.
fn of_the_message(section: amqp::Properties) -> Properties {
    let text = |text: Option<String>| text.map(PropertyValue::Text);
    let instant = |at: Option<fe2o3_amqp_types::primitives::Timestamp>| at.map(|at| instant(at.milliseconds()));
    let members = [
        ("message-id", section.message_id.map(message_id)),
        ("user-id", section.user_id.map(|id| PropertyValue::Binary(id.into_vec()))),
        ("to", text(section.to)),
        ("subject", text(section.subject)),
        ("reply-to", text(section.reply_to)),
        ("correlation-id", section.correlation_id.map(message_id)),
        ("content-type", text(section.content_type.map(|name| name.0))),
        ("content-encoding", text(section.content_encoding.map(|name| name.0))),
        ("absolute-expiry-time", instant(section.absolute_expiry_time)),
        ("creation-time", instant(section.creation_time)),
        ("group-id", text(section.group_id)),
        ("group-sequence", section.group_sequence.map(|number| PropertyValue::Integer(number.into()))),
        ("reply-to-group-id", text(section.reply_to_group_id)),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn message_id(id: MessageId) -> PropertyValue {
    property(match id {
        MessageId::Ulong(id) => Value::Ulong(id),
        MessageId::Uuid(id) => Value::Uuid(id),
        MessageId::Binary(id) => Value::Binary(id),
        MessageId::String(id) => Value::String(id),
    })
}

fn property(value: Value) -> PropertyValue {
    match value {
        Value::Null => PropertyValue::Null,
        Value::Bool(value) => PropertyValue::Bool(value),
        Value::Ubyte(value) => PropertyValue::Integer(value.into()),
        Value::Ushort(value) => PropertyValue::Integer(value.into()),
        Value::Uint(value) => PropertyValue::Integer(value.into()),
        Value::Ulong(value) => i64::try_from(value).map_or(PropertyValue::Large(value), PropertyValue::Integer),
        Value::Byte(value) => PropertyValue::Integer(value.into()),
        Value::Short(value) => PropertyValue::Integer(value.into()),
        Value::Int(value) => PropertyValue::Integer(value.into()),
        Value::Long(value) => PropertyValue::Integer(value),
        // By way of its text: 0.1 is 0.1, whatever the width.
        Value::Float(value) => float(value.into_inner().to_string().parse().unwrap_or(f64::NAN)),
        Value::Double(value) => float(value.into_inner()),
        Value::Char(value) => PropertyValue::Text(value.to_string()),
        Value::Timestamp(at) => instant(at.milliseconds()),
        Value::Uuid(id) => PropertyValue::Text(uuid::Uuid::from_bytes(id.into_inner()).to_string()),
        Value::Binary(bytes) => PropertyValue::Binary(bytes.into_vec()),
        Value::String(text) => PropertyValue::Text(text),
        Value::Symbol(text) => PropertyValue::Text(text.0),
        Value::Described(described) => property(described.value),
        other => PropertyValue::Text(other.to_string()),
    }
}

fn float(value: f64) -> PropertyValue {
    match value {
        value if value.is_finite() => PropertyValue::Float(value),
        value if value.is_nan() => PropertyValue::Text("NaN".to_owned()),
        value => PropertyValue::Text(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
    }
}

fn instant(ms: i64) -> PropertyValue {
    DateTime::from_timestamp_millis(ms).map_or(PropertyValue::Null, PropertyValue::Instant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fe2o3_amqp_types::messaging::message::__private::Serializable;
    use fe2o3_amqp_types::messaging::{AmqpValue, ApplicationProperties, Batch, Data, MessageAnnotations};
    use fe2o3_amqp_types::primitives::{Binary, Timestamp};

    type Plain = Message<Body<Value>>;

    fn data(text: &str) -> Body<Value> {
        Body::Data(Batch::new(vec![Data(Binary::from(text.as_bytes().to_vec()))]))
    }

    fn message(key: Option<&str>, body: Body<Value>) -> Plain {
        let annotations = key.map(|key| {
            MessageAnnotations::builder().insert(PARTITION_KEY, key).insert("x-opt-sequence-number", 7_i64).build()
        });
        Message::builder().message_annotations(annotations).body(body).build()
    }

    fn batch(key: Option<&str>, messages: Vec<Plain>) -> Plain {
        let section = |message| Data(Binary::from(serde_amqp::to_vec(&Serializable(message)).expect("encoded")));
        message(key, Body::Data(Batch::new(messages.into_iter().map(section).collect::<Vec<_>>())))
    }

    fn keys_and_bodies(delivered: &Delivered) -> Vec<(Option<&str>, &[u8])> {
        delivered.events.iter().map(|event| (event.partition_key.as_deref(), &event.body[..])).collect()
    }

    #[test]
    fn the_events_of_a_batch_have_its_key_unless_they_have_their_own() {
        let messages = || vec![message(None, data("a")), message(Some("own"), data("b"))];
        let delivered = events(Some(BATCH), batch(Some("k"), messages())).expect("good");
        assert_eq!(delivered.partition_key.as_deref(), Some("k"));
        assert_eq!(keys_and_bodies(&delivered), [(Some("k"), &b"a"[..]), (Some("own"), &b"b"[..])]);
        let delivered = events(Some(BATCH), batch(None, messages().split_off(1))).expect("good");
        assert_eq!(delivered.partition_key.as_deref(), Some("own"));
        assert_eq!(events(Some(BATCH), batch(None, Vec::new())).expect("good").events, []);
    }

    #[test]
    fn what_a_message_says_besides_its_body() {
        let mut plain = message(Some("k"), data("a"));
        let named = ApplicationProperties::builder()
            .insert("small", 0.1_f32)
            .insert("most", u64::MAX)
            .insert("at", Timestamp::from_milliseconds(1_000))
            .build();
        plain.application_properties = Some(named);
        plain.properties = Some(amqp::Properties::builder().content_type("text/plain").subject("s").build());
        let delivered = events(None, plain).expect("good");
        let Accompanying { properties, system_properties } = &delivered.events[0].accompanying;
        let expected = [
            ("small", PropertyValue::Float(0.1)),
            ("most", PropertyValue::Large(u64::MAX)),
            ("at", PropertyValue::Instant(DateTime::from_timestamp_millis(1_000).expect("a time"))),
        ];
        assert_eq!(*properties, expected.map(|(name, value)| (name.to_owned(), value)));
        let expected = [("subject", "s"), ("content-type", "text/plain")];
        assert_eq!(
            *system_properties,
            expected.map(|(name, text)| (name.to_owned(), PropertyValue::Text(text.to_owned())))
        );
    }

    #[test]
    fn what_the_trigger_could_not_take_is_refused() {
        let text = || Body::Value(AmqpValue(Value::String("a".to_owned())));
        assert_eq!(events(None, message(None, text())), Err(Refusal::NotData));
        assert_eq!(events(Some(BATCH), message(None, text())), Err(Refusal::NotData));
        assert_eq!(events(Some(BATCH), batch(None, vec![message(None, text())])), Err(Refusal::NotData));
        assert_eq!(events(None, message(Some(&"k".repeat(129)), data("a"))), Err(Refusal::KeyTooLong(129)));
        let nonsense = events(Some(BATCH), message(None, data("nonsense")));
        assert!(matches!(nonsense, Err(Refusal::Malformed(_))), "{nonsense:?}");
        let large = "a".repeat(MOST_BYTES as usize - 7);
        let refused = Refusal::TooLarge { size: MOST_BYTES + 1, limit: MOST_BYTES };
        assert_eq!(events(None, message(None, data(&large))), Err(refused));
        assert!(events(None, message(None, data(&large[1..]))).is_ok());
        let many = Body::Data(Batch::new(vec![Data(Binary::new()); MOST_EVENTS + 1]));
        assert_eq!(
            events(Some(BATCH), message(None, many)),
            Err(Refusal::TooManyOf { what: "events", limit: MOST_EVENTS })
        );
    }
}
