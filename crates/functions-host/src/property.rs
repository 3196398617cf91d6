//! What a producer may say about an event besides its body: named values of a few types.
//!
//! Promises the types that a function can tell apart in the metadata. Knows neither how they came nor how they are sent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A value as the host can hand it on. Numbers that are not finite are [`PropertyValue::Text`], as in the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PropertyValue {
    Null,
    Bool(bool),
    Integer(i64),
    /// Above the largest [`PropertyValue::Integer`].
    Large(u64),
    #[serde(with = "bits")]
    Float(f64),
    Text(String),
    Instant(DateTime<Utc>),
    Binary(Vec<u8>),
}

/// In the order in which the producer named them; each name once.
pub type Properties = Vec<(String, PropertyValue)>;

/// What came with an event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Accompanying {
    /// What the producer's program added.
    #[serde(default, rename = "p", skip_serializing_if = "Vec::is_empty")]
    pub properties: Properties,
    /// Properties and annotations of the message itself, such as `content-type`; not those that the event hub adds.
    #[serde(default, rename = "s", skip_serializing_if = "Vec::is_empty")]
    pub system_properties: Properties,
}

/// A float by its bits, so that it comes back as it was.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
