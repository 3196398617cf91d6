//! A batch of events: cardinality `many`.

use serde::Serialize;

use super::event_metadata::{PartitionContext, numeric_offset, system_properties};
use super::{
    DataType, Envelope, EventHubTrigger, Members, SourceEvent, Unbindable, dotnet_json, dotnet_time, json, properties,
};

pub(super) fn envelope(
    trigger: &EventHubTrigger,
    context: &PartitionContext<'_>,
    events: &[SourceEvent],
) -> Result<Envelope, Unbindable> {
    let mut data = Members::default();
    match trigger.data_type {
        DataType::Binary => data.json(&trigger.binding, &binary(events)),
        DataType::String => {
            let texts: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(&event.body)).collect();
            data.quoted(&trigger.binding, &texts);
        }
        DataType::Unset => data.text(&trigger.binding, &parsed(events)?),
    }
    Ok(Envelope::new(&data, &metadata(context, events)))
}

/// A JSON string that holds an array of base64 strings. Written at once, because base64 needs no escaping: this is
/// the bulk of the work for the common kind of binding.
fn binary(events: &[SourceEvent]) -> String {
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

fn parsed(events: &[SourceEvent]) -> Result<String, Unbindable> {
    let mut array = String::from("[");
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            array.push(',');
        }
        let value = dotnet_json::parse(&String::from_utf8_lossy(&event.body))
            .map_err(|error| Unbindable { sequence_number: event.sequence_number, reason: error.to_string() })?;
        array.push_str(&value.json());
    }
    array.push(']');
    Ok(array)
}

fn metadata(context: &PartitionContext<'_>, events: &[SourceEvent]) -> Members {
    let mut metadata = Members::default();
    let context = json(context);
    metadata.json("TriggerPartitionContext", &context);
    metadata.json("PartitionContext", &context);
    array(&mut metadata, "PartitionKeyArray", events, |event| event.partition_key.as_deref());
    array(&mut metadata, "OffsetArray", events, |event| numeric_offset(event).to_string());
    array(&mut metadata, "OffsetStringArray", events, |event| event.offset.as_str());
    array(&mut metadata, "SequenceNumberArray", events, |event| event.sequence_number);
    array(&mut metadata, "EnqueuedTimeUtcArray", events, |event| dotnet_time::without_zone(event.enqueued_at));
    objects(&mut metadata, "PropertiesArray", events, |event| properties::object(&event.accompanying.properties));
    objects(&mut metadata, "SystemPropertiesArray", events, system_properties);
    metadata
}

/// A member whose value is a string that holds an array of objects.
fn objects(metadata: &mut Members, key: &str, events: &[SourceEvent], object: impl Fn(&SourceEvent) -> String) {
    metadata.text(key, &format!("[{}]", events.iter().map(object).collect::<Vec<_>>().join(",")));
}

fn array<'a, T: Serialize>(
    metadata: &mut Members,
    key: &str,
    events: &'a [SourceEvent],
    value: impl Fn(&'a SourceEvent) -> T,
) {
    metadata.quoted(key, &events.iter().map(value).collect::<Vec<_>>());
}
