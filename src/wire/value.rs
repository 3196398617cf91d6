//! JSON as the host writes it: a value, or a string that holds the value's JSON. Nothing is copied that needs no
//! unescaping, and no value is built that is not asked for.

use crate::event::time::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The members of a JSON object, unparsed.
pub(super) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// More events than any host setting in use sends; a bound on what a request of small elements can make us allocate.
pub(super) const MAX_EVENTS: usize = 100_000;

/// A string, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The JSON inside: of a string its content, of anything else its own text.
pub(super) fn content(raw: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    match raw.get().starts_with('"') {
        true => serde_json::from_str::<Text>(raw.get()).map(|text| text.0),
        false => Ok(Cow::Borrowed(raw.get())),
    }
}

/// Text of a value that is a string, perhaps quoted once more (`"\"x\""`), or a number.
pub(super) fn plain_text(raw: &RawValue) -> Option<String> {
    let once = content(raw).ok()?;
    if once.starts_with('"') {
        return serde_json::from_str(&once).ok();
    }
    (once != "null").then(|| once.into_owned())
}

/// A whole number written as a number or as a string of digits.
pub(super) fn integer(raw: &RawValue) -> Option<i64> {
    content(raw).ok()?.parse().ok()
}

/// An instant written as text. In the metadata's arrays it has no zone and is UTC.
pub(super) fn instant(raw: &RawValue) -> Option<Timestamp> {
    let text = content(raw).ok().filter(|_| raw.get().starts_with('"'))?;
    Timestamp::parse(&text)
}

/// The members of an object, which the host never writes twice; `None` for anything else.
pub(super) fn members(raw: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// The elements of an array. Past [`MAX_EVENTS`] they are counted, not kept.
pub(super) struct Elements<T> {
    pub kept: Vec<T>,
    pub count: usize,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Elements<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor(PhantomData))
    }
}

struct ElementsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ElementsVisitor<T> {
    type Value = Elements<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<T>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MAX_EVENTS {
            match seq.next_element()? {
                Some(element) => kept.push(element),
                None => return Ok(Elements { count: kept.len(), kept }),
            }
        }
        let mut count = kept.len();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Elements { kept, count })
    }

    fn visit_unit<E: Error>(self) -> Result<Elements<T>, E> {
        Ok(Elements { kept: Vec::new(), count: 0 })
    }
}
