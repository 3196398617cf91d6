//! The event's JSON object, split into its members and not yet interpreted: for each known name the JSON text of its
//! value.
//!
//! Borrows from the body and copies no value. Of a member that is sent twice, the last one counts. Does not know what a
//! member means; see [`Value`] for what its text can be.

use super::value::Value;
use crate::event::reject::{Reject, RejectReason, excerpt};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A member that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    UserId,
    SessionId,
    Timestamp,
    EventType,
    PageUrl,
    ProductId,
    ProductName,
    ProductBrand,
    ProductPrice,
    Category,
    Browser,
    Os,
    DeviceType,
    ReferralSource,
    GeoCountry,
    GeoCity,
    IpAddress,
    IsNewUser,
    CartSize,
    EventId,
    TransactionId,
    OrderId,
    UserAgent,
}

impl Field {
    pub(super) const COUNT: usize = Field::UserAgent as usize + 1;

    /// Names on the wire, in the order of the variants.
    const NAMES: [&str; Field::COUNT] = [
        "user_id",
        "session_id",
        "timestamp",
        "event_type",
        "page_url",
        "product_id",
        "product_name",
        "product_brand",
        "product_price",
        "category",
        "browser",
        "os",
        "device_type",
        "referral_source",
        "geo_country",
        "geo_city",
        "ip_address",
        "is_new_user",
        "cart_size",
        "event_id",
        "transaction_id",
        "order_id",
        "user_agent",
    ];

    pub(super) fn name(self) -> &'static str {
        Field::NAMES[self as usize]
    }

    /// The field of that name, which need not be UTF-8.
    pub(super) fn from_name(name: &[u8]) -> Option<Field> {
        Some(match name {
            b"user_id" => Field::UserId,
            b"session_id" => Field::SessionId,
            b"timestamp" => Field::Timestamp,
            b"event_type" => Field::EventType,
            b"page_url" => Field::PageUrl,
            b"product_id" => Field::ProductId,
            b"product_name" => Field::ProductName,
            b"product_brand" => Field::ProductBrand,
            b"product_price" => Field::ProductPrice,
            b"category" => Field::Category,
            b"browser" => Field::Browser,
            b"os" => Field::Os,
            b"device_type" => Field::DeviceType,
            b"referral_source" => Field::ReferralSource,
            b"geo_country" => Field::GeoCountry,
            b"geo_city" => Field::GeoCity,
            b"ip_address" => Field::IpAddress,
            b"is_new_user" => Field::IsNewUser,
            b"cart_size" => Field::CartSize,
            b"event_id" => Field::EventId,
            b"transaction_id" => Field::TransactionId,
            b"order_id" => Field::OrderId,
            b"user_agent" => Field::UserAgent,
            _ => return None,
        })
    }
}

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
        if json.trim_ascii_start().starts_with('{') {
            return serde_json::from_str(json).map_err(not_json);
        }
        serde_json::from_str::<IgnoredAny>(json).map_err(not_json)?;
        let detail = format!("the body must be a JSON object, it is `{}`", excerpt(json.trim_ascii()));
        Err(Reject::new(RejectReason::NotAnObject, detail))
    }

    /// The JSON text of a member's value, without surrounding blanks.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.raw[field as usize]
    }

    pub(super) fn value(&self, field: Field) -> Value<'a> {
        self.raw(field).map_or(Value::Absent, Value::of)
    }

    /// The member's text, where it has one; see [`Value::into_text`].
    pub(super) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        self.value(field).into_text()
    }

    pub(super) fn owned_text(&self, field: Field) -> Option<String> {
        self.text(field).map(Cow::into_owned)
    }

    /// How many members have a name that this version does not know.
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

/// A member's name, compared without a copy.
struct Name(Option<Field>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, because serde_json refuses half a surrogate pair in a string; here it is just another unknown name.
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

    #[test]
    fn names_and_fields_agree() {
        for (position, name) in Field::NAMES.into_iter().enumerate() {
            let field = Field::from_name(name.as_bytes()).expect(name);
            assert_eq!((field as usize, field.name()), (position, name));
        }
        assert_eq!(Field::from_name(b"USER_ID"), None);
    }
}
