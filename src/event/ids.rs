//! The identities that an event carries or is given. Each is its own type, so that a session id can never be passed
//! where a partition id is meant, and a position is never just a number.
//!
//! Ids of text are never empty: their constructors refuse empty text, and there is no other way to make one.

use std::fmt;

/// Text that names one visitor. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

impl UserId {
    /// `None` for text that is empty or blank.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        not_blank(text.into()).map(UserId)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that names one visit, as the producer sees it; gold may split it into several sessions. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(String);

impl SessionId {
    /// `None` for text that is empty or blank.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        not_blank(text.into()).map(SessionId)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn not_blank(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// 64 bits that recognise an event when it is sent again under another sequence number: the hash of its id and time
/// where it has an id, else of its bytes. Signed, since Delta has no unsigned long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct EventKey(pub i64);

/// Position of an event within its partition. Grows from event to event, perhaps with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceNumber(pub i64);

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One partition of one event hub as one consumer group reads it: sequence numbers can be compared only within it, so
/// it is the unit of exactly-once. No part is empty: two hubs with the same incomplete name would skip each other's
/// events as duplicates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition {
    namespace: String,
    event_hub: String,
    consumer_group: String,
    partition_id: String,
}

impl SourcePartition {
    /// `namespace` is fully qualified: `name.servicebus.windows.net`. `None` if a part is empty.
    pub fn new(namespace: String, event_hub: String, consumer_group: String, partition_id: String) -> Option<Self> {
        let parts = [&namespace, &event_hub, &consumer_group, &partition_id];
        let is_complete = parts.iter().all(|part| !part.is_empty());
        is_complete.then_some(SourcePartition { namespace, event_hub, consumer_group, partition_id })
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn event_hub(&self) -> &str {
        &self.event_hub
    }

    pub fn consumer_group(&self) -> &str {
        &self.consumer_group
    }

    pub fn partition_id(&self) -> &str {
        &self.partition_id
    }
}

impl fmt::Display for SourcePartition {
    /// `<namespace>/<hub>/<consumer group>/<partition>`, the form used in a Delta `txn` appId.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.namespace, self.event_hub, self.consumer_group, self.partition_id)
    }
}
