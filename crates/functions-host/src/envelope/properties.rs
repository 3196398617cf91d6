//! Named values as the members of a JSON object, each as the host writes its type.

use super::{Members, dotnet_json, dotnet_time, json};
use crate::property::PropertyValue;

/// `{"schema":"v1","n":3}`
pub(super) fn object(properties: &[(String, PropertyValue)]) -> String {
    format!("{{{}}}", members(properties).0)
}

pub(super) fn members(properties: &[(String, PropertyValue)]) -> Members {
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
        PropertyValue::Float(value) => dotnet_json::Value::Float(*value).json(),
        PropertyValue::Text(text) => json(text),
        PropertyValue::Instant(instant) => json(&dotnet_time::with_z(*instant)),
        PropertyValue::Binary(bytes) => json(&base64_simd::STANDARD.encode_to_string(bytes)),
    }
}
