//! The event's JSON object, split into its members and not yet interpreted: for each known name the JSON text of its
//! value.
//!
//! Borrows from the body and copies no value. Of a member that is sent twice, the last one counts. Does not know what a
//! member means; see [`Value`] for what its text can be.

use super::field::Field;
use super::value::Value;
use crate::event::reject::{Reject, RejectReason, excerpt};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The members of one event.
pub(super) struct Members<'a> {
    raw: [Option<&'a str>; Field::COUNT],
    unknown: u32,
}

impl<'a> Members<'a> {
    /// Rejects text that is not JSON, or not an object.
    pub(super) fn read(json: &'a str) -> Result<Self, Reject> {
        let not_json = |error: serde_json::Error| {
            Reject::new(RejectReason::NotJson, format!("the body is not JSON: {}", excerpt(&error.to_string())))
        };
        if !json.trim_ascii_start().starts_with('{') {
            serde_json::from_str::<IgnoredAny>(json).map_err(not_json)?;
            let detail = format!("the body must be a JSON object, it is `{}`", excerpt(json.trim_ascii()));
            return Err(Reject::new(RejectReason::NotAnObject, detail));
        }
        let mut members = Members { raw: [None; Field::COUNT], unknown: 0 };
        let take = |member| match member {
            Some((field, json)) => members.raw[field as usize] = Some(json),
            None => members.unknown = members.unknown.saturating_add(1),
        };
        each_member(json, Field::from_name, take).map_err(not_json)?;
        Ok(members)
    }

    /// What was sent of a field, under any of its names and in the order in which they count; never [`Value::Absent`].
    pub(super) fn values(&self, field: Field) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let sent = self.sent(field).unwrap_or_default().into_iter().flatten();
        sent.map(Value::of).filter(|value| !matches!(value, Value::Absent))
    }

    /// The JSON texts that were sent of a field, under any of its names. Most fields of most events are absent, and this is
    /// asked for each of them.
    pub(super) fn sent(&self, field: Field) -> Option<[Option<&'a str>; 3]> {
        let main = self.raw[field as usize];
        let [second, third] = field.other_names();
        if main.is_none() && second.is_none() {
            return None;
        }
        let other = |name: Option<Field>| name.and_then(|name| self.raw[name as usize]);
        Some([main, other(second), other(third)])
    }

    /// Whether anything was sent of a field.
    pub(super) fn has(&self, field: Field) -> bool {
        self.sent(field).is_some() && self.values(field).next().is_some()
    }

    /// How many members have a name that this version does not know.
    pub(super) fn unknown(&self) -> u32 {
        self.unknown
    }
}

/// Calls `take` for each member of the object `json`, in order: with what `known` makes of its name, which need not be UTF-8, and the JSON text of
/// its value, or with `None` where `known` does not know the name.
pub(super) fn each_member<'a, K>(
    json: &'a str,
    known: impl Fn(&[u8]) -> Option<K>,
    take: impl FnMut(Option<(K, &'a str)>),
) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(MembersVisitor { known, take })?;
    deserializer.end()
}

struct MembersVisitor<F, T> {
    known: F,
    take: T,
}

impl<'de, K, F, T> Visitor<'de> for MembersVisitor<F, T>
where
    F: Fn(&[u8]) -> Option<K>,
    T: FnMut(Option<(K, &'de str)>),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(known) = map.next_key_seed(Name(&self.known))? {
            match known {
                Some(known) => (self.take)(Some((known, map.next_value::<&RawValue>()?.get()))),
                None => {
                    map.next_value::<IgnoredAny>()?;
                    (self.take)(None);
                }
            }
        }
        Ok(())
    }
}

/// A member's name, looked up without a copy.
struct Name<'f, F>(&'f F);

impl<'de, K, F: Fn(&[u8]) -> Option<K>> DeserializeSeed<'de> for Name<'_, F> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // As bytes, because serde_json refuses half a surrogate pair in a string; here it is just another unknown name.
        deserializer.deserialize_bytes(self)
    }
}

impl<K, F: Fn(&[u8]) -> Option<K>> Visitor<'_> for Name<'_, F> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok((self.0)(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn read(json: &str) -> Result<Members<'_>, RejectReason> {
        Members::read(json).map_err(|reject| reject.reason)
    }

    fn sent(members: &Members<'_>, field: Field) -> Vec<String> {
        members.values(field).filter_map(Value::into_text).map(Cow::into_owned).collect()
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let members = read(r#"{"user_id":"a","user_id":"b","x":1,"x":2}"#).unwrap();
        assert_eq!(sent(&members, Field::UserId), ["b"]);
        assert_eq!(members.unknown(), 2);
    }

    #[test]
    fn names_may_have_escapes() {
        let members = read(r#"{"user\u005fid" : "a" , "\ud800":1}"#).unwrap();
        assert_eq!(sent(&members, Field::UserId), ["a"]);
        assert_eq!(members.unknown(), 1);
    }

    #[test]
    fn a_field_is_read_under_each_of_its_names() {
        let members = read(r#"{"visitor_id":"v","total":null,"revenue":7,"value":" ","client_id":"c"}"#).unwrap();
        assert_eq!(sent(&members, Field::AnonymousId), ["c", "v"]);
        assert_eq!(sent(&members, Field::Value), ["7"]);
        assert_eq!(members.unknown(), 0);
    }

    #[test]
    fn json_that_is_no_object_has_another_reason_than_text_that_is_no_json() {
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
