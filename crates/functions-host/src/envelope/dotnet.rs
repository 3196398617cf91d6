//! JSON and instants as the .NET host writes them.
//!
//! Promises what the host's JSON library makes of a value that it has parsed: dates are converted to the host's zone
//! (UTC here), numbers are rewritten, the last of several equal keys wins. Does not know what an envelope is.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Members(String);

impl Members {
    /// Adds a member whose value is JSON already.
    pub(super) fn json(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&to_json(key));
        self.0.push(':');
        self.0.push_str(value);
    }

    /// The members, separated by commas.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The members in braces.
    pub(super) fn object(&self) -> String {
        format!("{{{}}}", self.0)
    }

    /// Adds a member whose value is a string.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.json(key, &to_json(value));
    }

    /// Adds a member whose value is a string that contains the JSON of `value`, as the host writes all that is no
    /// object.
    pub(super) fn quoted(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        self.text(key, &to_json(value));
    }
}

/// Serializes strings, numbers and structs of them.
pub(super) fn to_json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        unreachable!("the values of an envelope have no maps with keys that are not text: {error}")
    })
}

/// A JSON value as the host keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// Of any size, with the digits of the input.
    Integer(String),
    Float(f64),
    Text(String),
    /// A string that looks like an instant, and the zone suffix with which the host writes it.
    Date(DateTime<Utc>, &'static str),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Parses `text` as the host does. Blank text is `null`.
///
/// # Errors
/// When `text` is not JSON.
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
            let members: ParsedMembers = serde_json::from_str(text)?;
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
    /// Serializes the value.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(digits) => digits.clone(),
            Self::Float(value) if value.fract() == 0.0 => format!("{value}.0"),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => to_json(text),
            Self::Date(instant, zone) => to_json(&(without_zone(*instant) + zone)),
            Self::Array(elements) => {
                format!("[{}]", elements.iter().map(Self::json).collect::<Vec<_>>().join(","))
            }
            Self::Object(members) => {
                let members = members.iter().map(|(key, value)| format!("{}:{}", to_json(key), value.json()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// The value as .NET converts it to text, in the invariant culture.
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

/// The members of an object in order. A repeated key has its first place and its last value.
struct ParsedMembers<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for ParsedMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = ParsedMembers<'de>;

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
                Ok(ParsedMembers(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// `2026-01-15T10:20:30.123`, without a zone. Ticks have 100 ns; trailing zeros are dropped.
pub(super) fn without_zone(instant: DateTime<Utc>) -> String {
    let ticks = instant.timestamp_subsec_nanos() / 100;
    let seconds = whole_seconds(instant);
    match ticks {
        0 => seconds,
        _ => format!("{seconds}.{ticks:07}").trim_end_matches('0').to_owned(),
    }
}

/// `2026-01-15T10:20:30`, as the host writes an instant that is not in an array.
pub(super) fn whole_seconds(instant: DateTime<Utc>) -> String {
    // `DateTime::format` is too slow: this runs three times for each event of a batch.
    let (date, time) = (instant.date_naive(), instant.time());
    let (year, month, day) = (date.year(), date.month(), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `2026-01-15T10:20:30.123+00:00`.
pub(super) fn with_offset(instant: DateTime<Utc>) -> String {
    without_zone(instant) + "+00:00"
}

/// `2026-01-15T10:20:30.123Z`.
pub(super) fn with_z(instant: DateTime<Utc>) -> String {
    without_zone(instant) + "Z"
}
