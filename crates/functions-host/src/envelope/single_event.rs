//! One event per call: cardinality `one` or none.

use super::event_metadata::{PartitionContext, numeric_offset, system_properties};
use super::{DataType, Envelope, EventHubTrigger, Members, SourceEvent, dotnet_json, dotnet_time, json, properties};

pub(super) fn envelope(trigger: &EventHubTrigger, context: &PartitionContext<'_>, event: &SourceEvent) -> Envelope {
    let mut data = Members::default();
    let mut metadata = metadata(context, event);
    let mut extra = Vec::new();
    if trigger.data_type == DataType::Binary {
        data.text(&trigger.binding, &base64_simd::STANDARD.encode_to_string(&event.body));
    } else {
        let text = String::from_utf8_lossy(&event.body);
        data.quoted(&trigger.binding, &text);
        extra = copy_members(&text, &mut metadata);
    }
    let mut envelope = Envelope::new(&data, &members(&metadata));
    for (key, value) in extra {
        envelope.extra_metadata.push_str(&format!(",{}:{value}", json(&key)));
    }
    envelope
}

type Entries = Vec<(String, String)>;

fn members(entries: &Entries) -> Members {
    let mut members = Members::default();
    entries.iter().for_each(|(key, value)| members.json(key, value));
    members
}

fn metadata(context: &PartitionContext<'_>, event: &SourceEvent) -> Entries {
    let quoted_text = |text: &str| json(&json(text));
    let context = json(context);
    let mut entries = vec![("TriggerPartitionContext", context.clone()), ("PartitionContext", context)];
    if let Some(key) = &event.partition_key {
        entries.push(("PartitionKey", quoted_text(key)));
    }
    entries.extend([
        ("Offset", quoted_text(&numeric_offset(event).to_string())),
        ("OffsetString", quoted_text(&event.offset)),
        ("SequenceNumber", json(&event.sequence_number.to_string())),
        ("EnqueuedTimeUtc", json(&dotnet_time::whole_seconds(event.enqueued_at))),
        ("Properties", properties::object(&event.accompanying.properties)),
        ("SystemProperties", system_properties(event)),
    ]);
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The trap of this mode: top-level members of a body that is a JSON object are copied into the metadata, over
/// members of the same name that were there before. Returns those that are new.
fn copy_members(body: &str, metadata: &mut Entries) -> Entries {
    let mut new = Vec::new();
    let Ok(dotnet_json::Value::Object(members)) = dotnet_json::parse(body) else {
        return new;
    };
    for (key, value) in members {
        let value = match value {
            dotnet_json::Value::Null | dotnet_json::Value::Array(_) => continue,
            dotnet_json::Value::Object(_) => value.json(),
            scalar => json(&json(&scalar.text())),
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
