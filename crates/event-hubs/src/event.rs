//! An event: what a producer says in it, and what the event hub adds.
//!
//! Promises the types of values that a consumer can tell apart. Knows neither AMQP nor how an event is stored.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A value of a property. Numbers that are not finite are [`PropertyValue::Text`], because JSON has no other way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PropertyValue {
    Null,
    Bool(bool),
    Integer(i64),
    /// Above the largest [`PropertyValue::Integer`].
    Large(u64),
    #[serde(with = "float_bits")]
    Float(f64),
    Text(String),
    Instant(DateTime<Utc>),
    Binary(Vec<u8>),
}

/// Names and values in the order in which the producer wrote them; each name once.
pub type Properties = Vec<(String, PropertyValue)>;

/// An event as a producer sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub partition_key: Option<String>,
    /// What the producer's program added.
    pub properties: Properties,
    /// Properties and annotations of the message itself, such as `content-type`; not those that the event hub adds.
    pub system_properties: Properties,
    pub body: Bytes,
}

/// Where an event is in its partition: 0, 1, 2 and so on, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber(pub i64);

/// An event as a consumer reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    pub sequence_number: SequenceNumber,
    /// Where the event is in the file of the journal, in bytes. It grows within a partition.
    pub offset: u64,
    pub enqueued_at: DateTime<Utc>,
    pub event: NewEvent,
}

/// A float by its bits, so that every value is read back as it was written.
mod float_bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
