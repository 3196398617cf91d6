//! The event's JSON object, split into its members and not yet interpreted: for each known name, or each path of a map,
//! the JSON text of its value.
//!
//! Borrows from the body and copies no value. Of a member that is sent twice, the last one counts. Does not know what a
//! member means; see [`Value`] for what its text can be.

use super::field::{Field, FieldSet};
use super::map::{EventMap, Found, Place};
use super::split::each_member;
use super::value::Value;
use crate::event::reject::{Reject, RejectReason, excerpt};
use crate::event::unknown::UnknownFields;
use serde::de::IgnoredAny;

/// The members of one event.
pub(super) struct Members<'a> {
    /// Without a map.
    by_name: [Option<&'a str>; Field::COUNT],
    by_map: Option<(&'a EventMap, Found<'a>)>,
    /// The fields of which something was sent, perhaps an absent value.
    sent: FieldSet,
    unknown: UnknownFields,
}

impl<'a> Members<'a> {
    /// Rejects text that is not JSON, or not an object.
    // Built where the caller keeps it: a copy of 700 fresh bytes is 3 % of the cost of an event.
    #[inline(always)]
    pub(super) fn read(json: &'a str, map: &'a EventMap) -> Result<Self, Reject> {
        let not_json = |error: serde_json::Error| {
            Reject::new(RejectReason::NotJson, format!("the body is not JSON: {}", excerpt(&error.to_string())))
        };
        if !json.trim_ascii_start().starts_with('{') {
            serde_json::from_str::<IgnoredAny>(json).map_err(not_json)?;
            let detail = format!("the body must be a JSON object, it is `{}`", excerpt(json.trim_ascii()));
            return Err(Reject::new(RejectReason::NotAnObject, detail));
        }
        let mut members = Members {
            by_name: [None; Field::COUNT],
            by_map: None,
            sent: FieldSet::default(),
            unknown: UnknownFields::default(),
        };
        if map.names_fields() { members.follow(map, json) } else { members.split(json) }.map_err(not_json)?;
        Ok(members)
    }

    /// Keeps the members by their own names.
    fn split(&mut self, json: &'a str) -> serde_json::Result<()> {
        let Members { by_name, sent, unknown, .. } = self;
        let known = |name: &[u8]| {
            let field = Field::from_name(name);
            if field.is_none() {
                unknown.add(name);
            }
            field
        };
        each_member(json, known, |field, json| {
            by_name[field as usize] = Some(json);
            sent.insert(field.main());
        })
    }

    /// Keeps what the paths of `map` lead to.
    fn follow(&mut self, map: &'a EventMap, json: &'a str) -> serde_json::Result<()> {
        let (found, unknown) = map.walk(json)?;
        for &field in Field::ALL.iter().filter(|&&field| found.has(map.places(field))) {
            self.sent.insert(field);
        }
        self.by_map = Some((map, found));
        self.unknown = unknown;
        Ok(())
    }

    /// What was sent of a field, under any of its names or paths and in the order in which they count; never
    /// [`Value::Absent`].
    #[inline]
    pub(super) fn values(&'a self, field: Field) -> Values<'a> {
        let places = self.by_map.as_ref().map_or(&[][..], |(map, _)| map.places(field));
        Values { members: self, name: Some(field), places }
    }

    /// Whether a field may have values. Most fields of most events have none, and this is asked for each of them.
    #[inline]
    pub(super) fn may_have(&self, field: Field) -> bool {
        self.sent.contains(field)
    }

    /// The members of the event with names that neither this version nor the map knows. Asked for once.
    pub(super) fn take_unknown(&mut self) -> UnknownFields {
        std::mem::take(&mut self.unknown)
    }

    #[cfg(test)]
    fn unknown(&self) -> u32 {
        self.unknown.count()
    }
}

/// The values of one field. By hand rather than as a chain of adapters, which costs more than all else that is done with
/// a field.
pub(super) struct Values<'a> {
    members: &'a Members<'a>,
    /// The name that is asked next.
    name: Option<Field>,
    /// The ends of the paths that are asked next.
    places: &'a [Place],
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        loop {
            let value = if let Some(name) = self.name {
                self.name = name.next_name();
                self.members.by_name[name as usize].map(Value::of)
            } else {
                let (&place, places) = self.places.split_first()?;
                self.places = places;
                self.members.by_map.as_ref().map(|(_, found)| found.value(place))
            };
            match value {
                None | Some(Value::Absent) => {}
                value => return value,
            }
        }
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
