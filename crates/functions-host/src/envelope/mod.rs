//! The bodies the Functions host sends to a custom handler: `{"Data":{..},"Metadata":{..}}`.
//!
//! Promises the bytes a real host (4.1037, Event Hubs extension 6.5) was recorded to send, oddities included:
//! strings are quoted twice, arrays are strings that hold an array, times lose their zone. Knows nothing of
//! sending, retrying or answering.

mod dotnet_json;
mod dotnet_time;
mod event_batch;
mod event_metadata;
mod http_request;
mod properties;
mod retry_context;
mod single_event;
mod timer_info;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::app::function::{Cardinality, DataType, EventHubTrigger};
use super::source::SourceEvent;
pub use event_metadata::PartitionContext;
pub use http_request::{InboundRequest, http_request};
pub use retry_context::RetryContext;
pub use timer_info::{ScheduleStatus, timer};

#[cfg(test)]
mod tests;

/// The part of a body that is the same for every attempt of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// From the opening brace up to the place of `sys`.
    head: String,
    /// Members behind `sys` and `RetryContext`, each with a leading comma.
    extra_metadata: String,
}

/// What is new in every attempt.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub function: &'a str,
    pub sent_at: DateTime<Utc>,
    pub random_id: Uuid,
    /// Present whenever the function has a retry policy, also on the first attempt.
    pub retry: Option<&'a RetryContext>,
}

/// An event the host cannot convert to what the function asks for: the delivery fails without a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence_number} is not JSON, which a binding without `dataType` needs ({reason})")]
pub struct Unbindable {
    pub sequence_number: i64,
    pub reason: String,
}

impl Envelope {
    fn new(data: &Members, metadata: &Members) -> Self {
        let separator = if metadata.0.is_empty() { "" } else { "," };
        let head = format!(r#"{{"Data":{{{}}},"Metadata":{{{}{separator}"#, data.0, metadata.0);
        Self { head, extra_metadata: String::new() }
    }

    /// The complete body of one attempt.
    pub fn body(&self, attempt: Attempt<'_>) -> Bytes {
        let sys = Sys {
            method_name: attempt.function,
            utc_now: dotnet_time::with_z(attempt.sent_at),
            rand_guid: attempt.random_id.to_string(),
        };
        let mut tail = Members::default();
        tail.json("sys", &json(&sys));
        if let Some(retry) = attempt.retry {
            tail.json("RetryContext", &retry.json());
        }
        [&self.head, tail.0.as_str(), &self.extra_metadata, "}}"].concat().into()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sys<'a> {
    method_name: &'a str,
    utc_now: String,
    rand_guid: String,
}

/// The envelope of one Event Hubs delivery. With cardinality one, `events` has one element.
///
/// # Errors
/// When an event cannot be converted.
pub fn event_hub(
    trigger: &EventHubTrigger,
    context: &PartitionContext<'_>,
    events: &[SourceEvent],
) -> Result<Envelope, Unbindable> {
    match (trigger.cardinality, events) {
        (Cardinality::One, [event]) => Ok(single_event::envelope(trigger, context, event)),
        _ => event_batch::envelope(trigger, context, events),
    }
}

/// The members of a JSON object, in order, separated by commas.
#[derive(Debug, Default)]
struct Members(String);

impl Members {
    /// A member whose value is JSON already.
    fn json(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&json(key));
        self.0.push(':');
        self.0.push_str(value);
    }

    /// A member whose value is a string.
    fn text(&mut self, key: &str, value: &str) {
        self.json(key, &json(value));
    }

    /// A member whose value is a string that holds the JSON of `value`: how the host writes whatever is not an object.
    fn quoted(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        self.text(key, &json(value));
    }
}

/// The JSON of a value of this module, none of which can fail to serialize: they are strings, numbers and structs.
fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("plain values always serialize: {error}"))
}
