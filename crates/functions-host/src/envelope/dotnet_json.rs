//! JSON as it comes out of the host's JSON library after having been read by it: dates are converted to the
//! host's zone (UTC here), numbers are rewritten, the last of several equal keys wins.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{dotnet_time, json};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// Of any size, as written.
    Integer(String),
    Float(f64),
    Text(String),
    /// A string that looked like an instant, with the suffix of the zone it will be written with.
    Date(DateTime<Utc>, &'static str),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// # Errors
/// When `text` is not JSON. Blank text is `null`.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    value(serde_json::from_str(text)?)
}

fn value(raw: &RawValue) -> Result<Value, serde_json::Error> {
    let text = raw.get();
    Ok(match text.as_bytes()[0] {
        b'{' => {
            let members: Members = serde_json::from_str(text)?;
            Value::Object(members.0.into_iter().map(|(key, raw)| Ok((key, value(raw)?))).collect::<Result<_, _>>()?)
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            Value::Array(elements.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        b'"' => text_or_date(serde_json::from_str(text)?),
        b'n' => Value::Null,
        b't' | b'f' => Value::Bool(text == "true"),
        _ if text.contains(['.', 'e', 'E']) => Value::Float(serde_json::from_str(text)?),
        _ => Value::Integer(text.to_owned()),
    })
}

fn text_or_date(text: String) -> Value {
    const SHORTEST: usize = "2026-01-15T10:20:30".len();
    if text.len() < SHORTEST || text.as_bytes()[10] != b'T' {
        return Value::Text(text);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
        return Value::Date(instant.to_utc(), if text.ends_with('Z') { "Z" } else { "+00:00" });
    }
    match NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f") {
        Ok(instant) => Value::Date(instant.and_utc(), ""),
        Err(_) => Value::Text(text),
    }
}

impl Value {
    /// The value serialized again.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(digits) => digits.clone(),
            Self::Float(value) if value.fract() == 0.0 => format!("{value}.0"),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => json(text),
            Self::Date(instant, zone) => json(&(dotnet_time::without_zone(*instant) + zone)),
            Self::Array(elements) => {
                format!("[{}]", elements.iter().map(Self::json).collect::<Vec<_>>().join(","))
            }
            Self::Object(members) => {
                let members = members.iter().map(|(key, value)| format!("{}:{}", json(key), value.json()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// The value as text, in the invariant culture.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Date(instant, _) => instant.format("%m/%d/%Y %H:%M:%S").to_string(),
            Self::Integer(_) | Self::Array(_) | Self::Object(_) => self.json(),
        }
    }
}

/// The members of an object in order, a repeated key with its last value at its first place.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    match members.iter_mut().find(|(earlier, _)| *earlier == key) {
                        Some((_, earlier)) => *earlier = value,
                        None => members.push((key, value)),
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
