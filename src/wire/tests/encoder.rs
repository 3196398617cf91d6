//! Writes invocations as the host does, from events that a test knows.

use serde_json::{Map, Value, json};

#[derive(Debug, Clone)]
pub struct Sent {
    pub sequence_number: i64,
    pub offset: String,
    /// As the host writes it: no zone, up to seven digits.
    pub enqueued: String,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DataType {
    Binary,
    Text,
    Unset,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extension {
    Five,
    Six,
}

pub fn context() -> Value {
    json!({"IsCheckpointingAfterInvocation": true, "FullyQualifiedNamespace": "ns", "EventHubName": "hub",
           "ConsumerGroup": "$Default", "PartitionId": "7"})
}

fn metadata(extension: Extension) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("PartitionContext".into(), context());
    if extension == Extension::Six {
        metadata.insert("TriggerPartitionContext".into(), context());
    }
    metadata.insert("sys".into(), json!({"MethodName": "Ingest", "UtcNow": "2026-01-15T10:20:31.2Z"}));
    metadata
}

/// The host writes an array as a string that holds it.
fn twice(value: Value) -> Value {
    Value::String(value.to_string())
}

fn numeric(offset: &str) -> &str {
    if offset.parse::<i64>().is_ok() { offset } else { "-1" }
}

fn system_properties(sent: &Sent) -> Value {
    json!({"x-opt-sequence-number": sent.sequence_number, "x-opt-enqueued-time": format!("{}+00:00", sent.enqueued),
           "SequenceNumber": sent.sequence_number, "OffsetString": sent.offset, "EnqueuedTimeUtc": sent.enqueued})
}

pub fn many(events: &[Sent], data_type: DataType, extension: Extension) -> Vec<u8> {
    let mut metadata = metadata(extension);
    let each = |read: &dyn Fn(&Sent) -> Value| twice(Value::Array(events.iter().map(read).collect()));
    metadata.insert("SequenceNumberArray".into(), each(&|sent| json!(sent.sequence_number)));
    metadata.insert("OffsetArray".into(), each(&|sent| json!(numeric(&sent.offset))));
    if extension == Extension::Six {
        metadata.insert("OffsetStringArray".into(), each(&|sent| json!(sent.offset)));
    }
    metadata.insert("EnqueuedTimeUtcArray".into(), each(&|sent| json!(sent.enqueued)));
    metadata.insert("PropertiesArray".into(), each(&|_| json!({"quote": "\""})));
    metadata.insert("SystemPropertiesArray".into(), each(&system_properties));
    let data = each(&|sent| match data_type {
        DataType::Binary => json!(base64_simd::STANDARD.encode_to_string(&sent.body)),
        DataType::Text => json!(String::from_utf8_lossy(&sent.body)),
        DataType::Unset => serde_json::from_slice(&sent.body).unwrap(),
    });
    json!({"Data": {"events": data}, "Metadata": metadata}).to_string().into_bytes()
}

/// An invocation with cardinality one, in which string and unset look the same.
pub fn one(sent: &Sent, data_type: DataType, extension: Extension) -> Vec<u8> {
    let mut metadata = metadata(extension);
    metadata.insert("SequenceNumber".into(), json!(sent.sequence_number.to_string()));
    metadata.insert("EnqueuedTimeUtc".into(), json!(sent.enqueued[..19]));
    metadata.insert("SystemProperties".into(), system_properties(sent));
    match extension {
        Extension::Five => metadata.insert("Offset".into(), json!(numeric(&sent.offset))),
        Extension::Six => metadata.insert("OffsetString".into(), twice(json!(sent.offset))),
    };
    let data = match data_type {
        DataType::Binary => json!(base64_simd::STANDARD.encode_to_string(&sent.body)),
        DataType::Text | DataType::Unset => {
            copy_members(&sent.body, &mut metadata);
            twice(json!(String::from_utf8_lossy(&sent.body)))
        }
    };
    json!({"Data": {"events": data}, "Metadata": metadata}).to_string().into_bytes()
}

/// The trap: the host copies the members of a JSON object into its metadata, where they overwrite its own members,
/// whatever the case of their names.
fn copy_members(body: &[u8], metadata: &mut Map<String, Value>) {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return };
    for (name, value) in members.into_iter().filter(|(_, value)| !value.is_array() && !value.is_null()) {
        let known = metadata.keys().find(|key| key.to_uppercase() == name.to_uppercase()).cloned();
        let copied = if value.is_object() { value } else { twice(json!(value.to_string().trim_matches('"'))) };
        metadata.insert(known.unwrap_or(name), copied);
    }
}
