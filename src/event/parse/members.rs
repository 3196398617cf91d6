//! The event's JSON object, split into its members and not yet interpreted: for each known name, or each path of a map,
//! the JSON text of its value.
//!
//! Borrows from the body and copies no value. Of a member that is sent twice, the last one counts. Does not know what a
//! member means; see [`Value`] for what its text can be.

use super::field::Field;
use super::map::{EventMap, Found};
use super::split::each_member;
use super::value::Value;
use crate::event::reject::{Reject, RejectReason, excerpt};
use serde::de::IgnoredAny;

/// The members of one event.
pub(super) struct Members<'a> {
    /// Without a map.
    by_name: [Option<&'a str>; Field::COUNT],
    by_map: Option<(&'a EventMap, Found<'a>)>,
    unknown: u32,
}

impl<'a> Members<'a> {
    /// Rejects text that is not JSON, or not an object.
    pub(super) fn read(json: &'a str, map: &'a EventMap) -> Result<Self, Reject> {
        let not_json = |error: serde_json::Error| {
            Reject::new(RejectReason::NotJson, format!("the body is not JSON: {}", excerpt(&error.to_string())))
        };
        if !json.trim_ascii_start().starts_with('{') {
            serde_json::from_str::<IgnoredAny>(json).map_err(not_json)?;
            let detail = format!("the body must be a JSON object, it is `{}`", excerpt(json.trim_ascii()));
            return Err(Reject::new(RejectReason::NotAnObject, detail));
        }
        let mut members = Members { by_name: [None; Field::COUNT], by_map: None, unknown: 0 };
        if map.names_fields() {
            let (found, unknown) = map.walk(json).map_err(not_json)?;
            members.by_map = Some((map, found));
            members.unknown = unknown;
            return Ok(members);
        }
        let take = |member| match member {
            Some((field, json)) => members.by_name[field as usize] = Some(json),
            None => members.unknown = members.unknown.saturating_add(1),
        };
        each_member(json, Field::from_name, take).map_err(not_json)?;
        Ok(members)
    }

    /// What was sent of a field, under any of its names or paths and in the order in which they count; never
    /// [`Value::Absent`].
    pub(super) fn values(&'a self, field: Field) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let by_name = self.by_name(field).unwrap_or_default().into_iter().flatten().map(Value::of);
        by_name.chain(self.by_map(field)).filter(|value| !matches!(value, Value::Absent))
    }

    /// Whether a field may have values. Most fields of most events have none, and this is asked for each of them.
    pub(super) fn may_have(&self, field: Field) -> bool {
        self.by_name(field).is_some() || self.by_map.as_ref().is_some_and(|(map, found)| found.has(map.places(field)))
    }

    /// Whether a value was sent of a field.
    pub(super) fn has(&'a self, field: Field) -> bool {
        self.may_have(field) && self.values(field).next().is_some()
    }

    /// The JSON texts that were sent of a field, under any of its names.
    fn by_name(&self, field: Field) -> Option<[Option<&'a str>; 3]> {
        let main = self.by_name[field as usize];
        let [second, third] = field.other_names();
        if main.is_none() && second.is_none() {
            return None;
        }
        let other = |name: Option<Field>| name.and_then(|name| self.by_name[name as usize]);
        Some([main, other(second), other(third)])
    }

    /// What the paths of a field lead to, absent values included.
    fn by_map(&'a self, field: Field) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let places = self.by_map.as_ref().map_or(&[][..], |(map, _)| map.places(field));
        places.iter().filter_map(|place| self.by_map.as_ref().map(|(_, found)| found.value(*place)))
    }

    /// How many members of the event have a name that neither this version nor the map knows.
    pub(super) fn unknown(&self) -> u32 {
        self.unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use std::sync::LazyLock;

    fn read(json: &str) -> Result<Members<'_>, RejectReason> {
        static NO_MAP: LazyLock<EventMap> = LazyLock::new(EventMap::default);
        Members::read(json, &NO_MAP).map_err(|reject| reject.reason)
    }

    fn sent<'a>(members: &'a Members<'a>, field: Field) -> Vec<String> {
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
