//! Batches as the host posts them: cardinality many, data type binary.

use base64_simd::STANDARD;
use bytes::Bytes;
use clickstream::event::time::Timestamp;
use serde_json::json;

pub const NAMESPACE: &str = "test.servicebus.windows.net";
/// The hub of a partition that names none.
pub const HUB: &str = "clicks";

/// One event on its way.
#[derive(Debug, Clone)]
pub struct Sent {
    pub sequence_number: i64,
    pub enqueued_at: Timestamp,
    pub body: Vec<u8>,
}

/// `partition` is the id of a partition, after the name of its hub and a slash unless that is [`HUB`].
pub fn envelope(partition: &str, events: &[Sent]) -> Bytes {
    let (hub, partition) = partition.split_once('/').unwrap_or((HUB, partition));
    let bodies: Vec<String> = events.iter().map(|event| STANDARD.encode_to_string(&event.body)).collect();
    let sequence: Vec<i64> = events.iter().map(|event| event.sequence_number).collect();
    let offsets: Vec<String> = sequence.iter().map(|number| (number * 100).to_string()).collect();
    let enqueued: Vec<String> =
        events.iter().map(|event| event.enqueued_at.to_string().trim_end_matches('Z').to_owned()).collect();
    let text = |value: serde_json::Value| value.to_string();
    let envelope = json!({
        "Data": { "events": text(json!(bodies)) },
        "Metadata": {
            "PartitionContext": {
                "FullyQualifiedNamespace": NAMESPACE,
                "EventHubName": hub,
                "ConsumerGroup": "$Default",
                "PartitionId": partition,
            },
            "PartitionKeyArray": text(json!(vec![serde_json::Value::Null; events.len()])),
            "OffsetArray": text(json!(offsets)),
            "SequenceNumberArray": text(json!(sequence)),
            "EnqueuedTimeUtcArray": text(json!(enqueued)),
        }
    });
    Bytes::from(envelope.to_string())
}
