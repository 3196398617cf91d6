//! The event's JSON object, taken apart but not yet understood: for each known member the JSON text of its value.
//!
//! Borrows from the body; nothing is copied that has no escapes in it. Of a member sent twice the last one counts.

use super::field::Field;
use super::text::excerpt;
use super::value::Value;
use crate::event::reject::{Reject, RejectReason};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of one event.
pub(super) struct Members<'a> {
    raw: [Option<&'a str>; Field::COUNT],
    unknown: u32,
}

impl<'a> Members<'a> {
    pub(super) fn read(json: &'a str) -> Result<Self, Reject> {
        let not_json = |error: serde_json::Error| {
            Reject::new(RejectReason::NotJson, format!("the body is not JSON: {}", excerpt(&error.to_string())))
        };
        if json.trim_ascii_start().starts_with('{') {
            return serde_json::from_str(json).map_err(not_json);
        }
        serde_json::from_str::<IgnoredAny>(json).map_err(not_json)?;
        let detail = format!("the body must be a JSON object, it is `{}`", excerpt(json.trim_ascii()));
        Err(Reject::new(RejectReason::NotAnObject, detail))
    }

    /// The JSON text of a member's value, without blanks around it.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.raw[field as usize]
    }

    pub(super) fn value(&self, field: Field) -> Value<'a> {
        self.raw(field).map_or(Value::Absent, Value::of)
    }

    /// The member as text, where it has one; see [`Value::into_text`].
    pub(super) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        self.value(field).into_text()
    }

    pub(super) fn owned_text(&self, field: Field) -> Option<String> {
        self.text(field).map(Cow::into_owned)
    }

    /// How many members this version does not know.
    pub(super) fn unknown(&self) -> u32 {
        self.unknown
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members { raw: [None; Field::COUNT], unknown: 0 };
        while let Some(Name(field)) = map.next_key()? {
            match field {
                Some(field) => members.raw[field as usize] = Some(map.next_value::<&RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                    members.unknown = members.unknown.saturating_add(1);
                }
            }
        }
        Ok(members)
    }
}

/// A member's name, looked at without a copy.
struct Name(Option<Field>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes: a name that is half a surrogate pair is just one more that we do not know.
        deserializer.deserialize_bytes(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Name, E> {
        Ok(Name(Field::from_name(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Members<'_>, RejectReason> {
        Members::read(json).map_err(|reject| reject.reason)
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let members = read(r#"{"user_id":"a","user_id":"b","x":1,"x":2}"#).unwrap();
        assert_eq!(members.raw(Field::UserId), Some(r#""b""#));
        assert_eq!(members.unknown(), 2);
    }

    #[test]
    fn names_may_have_escapes() {
        let members = read(r#"{"user\u005fid" : "a" , "\ud800":1}"#).unwrap();
        assert_eq!(members.raw(Field::UserId), Some(r#""a""#));
        assert_eq!(members.unknown(), 1);
    }

    #[test]
    fn json_that_is_no_object_is_told_from_what_is_no_json() {
        for json in ["1", "null", " [] ", "\"{}\"", "true"] {
            assert_eq!(read(json).err(), Some(RejectReason::NotAnObject), "{json}");
        }
        for json in
            ["", " ", "{", "{}{}", "{} x", "[1", "{\"a\":NaN}", "{'a':1}", "{\"a\":01}", "{\"a\":\"\n\"}", "nul"]
        {
            assert_eq!(read(json).err(), Some(RejectReason::NotJson), "{json}");
        }
    }
}
