//! The identities an event carries or is given. Each is its own type, so that a session id can
//! never be passed where a partition id is meant, and a position is never just a number.

use std::fmt;

/// Text that names one visitor. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub String);

/// Text that names one visit, as the producer sees it: a session of gold may be a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub String);

/// 64 bits that recognise an event when it comes again under another sequence number: the hash of
/// (`event_id`, event time) where there is an id, else of the body's bytes. Signed, since Delta has
/// no unsigned long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey(pub i64);

/// Position of an event within its partition; grows, need not be gapless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceNumber(pub i64);

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One partition of one event hub as one consumer group reads it: the unit in which sequence numbers
/// mean anything, and so the unit of exactly-once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition {
    /// Fully qualified: `name.servicebus.windows.net`.
    pub namespace: String,
    pub event_hub: String,
    pub consumer_group: String,
    pub partition_id: String,
}

impl fmt::Display for SourcePartition {
    /// `<namespace>/<hub>/<consumer group>/<partition>`, the form used in a Delta `txn` appId.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.namespace, self.event_hub, self.consumer_group, self.partition_id)
    }
}
