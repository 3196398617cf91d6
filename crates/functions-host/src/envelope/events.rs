//! The envelopes of events: a batch for cardinality `many`, a single event for `one`.
//!
//! Promises the conversions of the host for every `dataType`: strings are quoted twice, arrays are strings that contain
//! an array, times lose their zone. Does not know how events are read, nor how an envelope is sent.

use serde::Serialize;

use super::attempt::Envelope;
use super::dotnet::{Members, Value, parse, to_json, whole_seconds, with_offset, with_z, without_zone};
use crate::app::function::{Cardinality, DataType, EventHubTrigger};
use crate::source::{PropertyValue, SequenceNumber, SourceEvent};

/// Which partition a delivery is from, and for which reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartitionContext<'a> {
    pub(crate) is_checkpointing_after_invocation: bool,
    pub(crate) fully_qualified_namespace: &'a str,
    pub(crate) event_hub_name: &'a str,
    pub(crate) consumer_group: &'a str,
    pub(crate) partition_id: &'a str,
}

/// An event that the host cannot convert for the binding. The delivery fails without a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence_number} is not JSON, as a binding without `dataType` requires ({reason})")]
pub(crate) struct Unbindable {
    pub(crate) sequence_number: SequenceNumber,
    pub(crate) reason: String,
}

/// The envelope of a delivery. With cardinality `one`, `events` has one element.
///
/// # Errors
/// When an event cannot be converted.
pub(crate) fn event_hub(
    trigger: &EventHubTrigger,
    context: &PartitionContext<'_>,
    events: &[SourceEvent],
) -> Result<Envelope, Unbindable> {
    match (trigger.cardinality, events) {
        (Cardinality::One, [event]) => Ok(single(trigger, context, event)),
        _ => batch(trigger, context, events),
    }
}

fn batch(
    trigger: &EventHubTrigger,
    context: &PartitionContext<'_>,
    events: &[SourceEvent],
) -> Result<Envelope, Unbindable> {
    let mut data = Members::default();
    match trigger.data_type {
        DataType::Binary => data.json(&trigger.binding, &base64_array(events)),
        DataType::String => {
            let texts: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(&event.body)).collect();
            data.quoted(&trigger.binding, &texts);
        }
        DataType::Unset => data.text(&trigger.binding, &parsed_array(events)?),
    }
    Ok(Envelope::new(&data, &batch_metadata(context, events)))
}

/// A JSON string that contains an array of base64 strings. Written directly, without escaping, because base64 needs
/// none and this is most of the work for the usual kind of binding.
fn base64_array(events: &[SourceEvent]) -> String {
    let length: usize = events.iter().map(|event| event.body.len() * 4 / 3 + 9).sum();
    let mut text = String::with_capacity(length + 4);
    text.push_str("\"[");
    for (index, event) in events.iter().enumerate() {
        text.push_str(if index == 0 { "\\\"" } else { ",\\\"" });
        base64_simd::STANDARD.encode_append(&event.body, &mut text);
        text.push_str("\\\"");
    }
    text.push_str("]\"");
    text
}

fn parsed_array(events: &[SourceEvent]) -> Result<String, Unbindable> {
    let mut array = String::from("[");
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            array.push(',');
        }
        let value = parse(&String::from_utf8_lossy(&event.body))
            .map_err(|error| Unbindable { sequence_number: event.sequence_number, reason: error.to_string() })?;
        array.push_str(&value.json());
    }
    array.push(']');
    Ok(array)
}

fn batch_metadata(context: &PartitionContext<'_>, events: &[SourceEvent]) -> Members {
    let mut metadata = Members::default();
    let context = to_json(context);
    metadata.json("TriggerPartitionContext", &context);
    metadata.json("PartitionContext", &context);
    array(&mut metadata, "PartitionKeyArray", events, |event| event.partition_key.as_deref());
    array(&mut metadata, "OffsetArray", events, |event| numeric_offset(event).to_string());
    array(&mut metadata, "OffsetStringArray", events, |event| event.offset.as_str());
    array(&mut metadata, "SequenceNumberArray", events, |event| event.sequence_number);
    array(&mut metadata, "EnqueuedTimeUtcArray", events, |event| without_zone(event.enqueued_at));
    objects(&mut metadata, "PropertiesArray", events, |event| members(&event.accompanying.properties).object());
    objects(&mut metadata, "SystemPropertiesArray", events, system_properties);
    metadata
}

/// Adds a member whose value is a string that contains an array of objects.
fn objects(metadata: &mut Members, key: &str, events: &[SourceEvent], object: impl Fn(&SourceEvent) -> String) {
    metadata.text(key, &format!("[{}]", events.iter().map(object).collect::<Vec<_>>().join(",")));
}

/// Adds a member whose value is a string that contains an array.
fn array<'a, T: Serialize>(
    metadata: &mut Members,
    key: &str,
    events: &'a [SourceEvent],
    value: impl Fn(&'a SourceEvent) -> T,
) {
    metadata.quoted(key, &events.iter().map(value).collect::<Vec<_>>());
}

fn single(trigger: &EventHubTrigger, context: &PartitionContext<'_>, event: &SourceEvent) -> Envelope {
    let mut data = Members::default();
    let mut metadata = single_metadata(context, event);
    let mut extra = Vec::new();
    if trigger.data_type == DataType::Binary {
        data.text(&trigger.binding, &base64_simd::STANDARD.encode_to_string(&event.body));
    } else {
        let text = String::from_utf8_lossy(&event.body);
        data.quoted(&trigger.binding, &text);
        extra = copy_members(&text, &mut metadata);
    }
    let mut members = Members::default();
    metadata.iter().for_each(|(key, value)| members.json(key, value));
    let mut envelope = Envelope::new(&data, &members);
    extra.iter().for_each(|(key, value)| envelope.add_metadata(key, value));
    envelope
}

/// Keys, each with the JSON of its value.
type Entries = Vec<(String, String)>;

fn single_metadata(context: &PartitionContext<'_>, event: &SourceEvent) -> Entries {
    let quoted_text = |text: &str| to_json(&to_json(text));
    let context = to_json(context);
    let mut entries = vec![("TriggerPartitionContext", context.clone()), ("PartitionContext", context)];
    if let Some(key) = &event.partition_key {
        entries.push(("PartitionKey", quoted_text(key)));
    }
    entries.extend([
        ("Offset", quoted_text(&numeric_offset(event).to_string())),
        ("OffsetString", quoted_text(&event.offset)),
        ("SequenceNumber", to_json(&event.sequence_number.to_string())),
        ("EnqueuedTimeUtc", to_json(&whole_seconds(event.enqueued_at))),
        ("Properties", members(&event.accompanying.properties).object()),
        ("SystemProperties", system_properties(event)),
    ]);
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The trap of this mode: the host copies the top-level members of a body that is a JSON object into the metadata, even
/// over the host's own values. Returns the members whose names are not yet in `metadata`.
fn copy_members(body: &str, metadata: &mut Entries) -> Entries {
    let mut new = Vec::new();
    let Ok(Value::Object(members)) = parse(body) else {
        return new;
    };
    for (key, value) in members {
        let value = match value {
            Value::Null | Value::Array(_) => continue,
            Value::Object(_) => value.json(),
            scalar => to_json(&to_json(&scalar.text())),
        };
        if key.to_ascii_lowercase().ends_with("trigger") {
            continue;
        }
        match metadata.iter_mut().find(|(existing, _)| *existing == key) {
            Some((_, existing)) => *existing = value,
            None => new.push((key, value)),
        }
    }
    new
}

/// What the event hub adds: message annotations, and the same values under the names of the .NET properties.
#[derive(Serialize)]
struct SystemProperties<'a> {
    #[serde(rename = "x-opt-sequence-number")]
    annotated_sequence_number: SequenceNumber,
    #[serde(rename = "x-opt-offset")]
    annotated_offset: &'a str,
    #[serde(rename = "x-opt-enqueued-time")]
    annotated_enqueued_time: String,
    #[serde(rename = "x-opt-partition-key", skip_serializing_if = "Option::is_none")]
    annotated_partition_key: Option<&'a str>,
    #[serde(rename = "SequenceNumber")]
    sequence_number: SequenceNumber,
    #[serde(rename = "Offset")]
    offset: i64,
    #[serde(rename = "OffsetString")]
    offset_string: &'a str,
    #[serde(rename = "PartitionKey")]
    partition_key: Option<&'a str>,
    #[serde(rename = "EnqueuedTimeUtc")]
    enqueued_time_utc: String,
}

impl<'a> SystemProperties<'a> {
    fn of(event: &'a SourceEvent) -> Self {
        let partition_key = event.partition_key.as_deref();
        Self {
            annotated_sequence_number: event.sequence_number,
            annotated_offset: &event.offset,
            annotated_enqueued_time: with_offset(event.enqueued_at),
            annotated_partition_key: partition_key,
            sequence_number: event.sequence_number,
            offset: numeric_offset(event),
            offset_string: &event.offset,
            partition_key,
            enqueued_time_utc: without_zone(event.enqueued_at),
        }
    }
}

/// The properties of the message itself, followed by those that the event hub adds.
fn system_properties(event: &SourceEvent) -> String {
    let own = members(&event.accompanying.system_properties);
    let added = to_json(&SystemProperties::of(event));
    if own.as_str().is_empty() { added } else { format!("{{{},{}", own.as_str(), &added[1..]) }
}

/// The offset as a number. It is -1 where the offset is not one, as on geo-replicated namespaces.
fn numeric_offset(event: &SourceEvent) -> i64 {
    event.offset.parse().unwrap_or(-1)
}

/// Named values as members of a JSON object: `"schema":"v1","n":3`.
fn members(properties: &[(String, PropertyValue)]) -> Members {
    let mut members = Members::default();
    properties.iter().for_each(|(name, value)| members.json(name, &value_json(value)));
    members
}

fn value_json(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Null => "null".to_owned(),
        PropertyValue::Bool(value) => value.to_string(),
        PropertyValue::Integer(value) => value.to_string(),
        PropertyValue::Large(value) => value.to_string(),
        PropertyValue::Float(value) => Value::Float(*value).json(),
        PropertyValue::Text(text) => to_json(text),
        PropertyValue::Instant(instant) => to_json(&with_z(*instant)),
        PropertyValue::Binary(bytes) => to_json(&base64_simd::STANDARD.encode_to_string(bytes)),
    }
}
