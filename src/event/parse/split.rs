//! One JSON object or list, split into the texts of its values.
//!
//! The only place that reads the name of a member. Does not know what a name or a value means.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Calls `known` with the name of each member of the object `json`, which need not be UTF-8, in order; and `take` with what
/// `known` makes of it and the JSON text of the value, unless that is `None`.
pub(super) fn each_member<'a, K>(
    json: &'a str,
    known: impl FnMut(&[u8]) -> Option<K>,
    take: impl FnMut(K, &'a str),
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
    F: FnMut(&[u8]) -> Option<K>,
    T: FnMut(K, &'de str),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(known) = map.next_key_seed(Name(&mut self.known))? {
            match known {
                Some(known) => (self.take)(known, map.next_value::<&RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A member's name, looked up without a copy.
struct Name<'f, F>(&'f mut F);

impl<'de, K, F: FnMut(&[u8]) -> Option<K>> DeserializeSeed<'de> for Name<'_, F> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // As bytes, because serde_json refuses half a surrogate pair in a string; here it is just another unknown name.
        deserializer.deserialize_bytes(self)
    }
}

impl<K, F: FnMut(&[u8]) -> Option<K>> Visitor<'_> for Name<'_, F> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok((self.0)(name))
    }
}

/// Calls `take` with the JSON text of each element of the valid list `json`, in order.
pub(super) fn each_element<'a>(json: &'a str, take: impl FnMut(&'a str)) {
    // The text is known to be a valid list, so there is no error to report.
    let _ = serde_json::Deserializer::from_str(json).deserialize_seq(ElementsVisitor(take));
}

struct ElementsVisitor<F>(F);

impl<'de, F: FnMut(&'de str)> Visitor<'de> for ElementsVisitor<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<&RawValue>()? {
            (self.0)(element.get());
        }
        Ok(())
    }
}
