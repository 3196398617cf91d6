//! JSON as the host writes it: the outer object, and values that are themselves or a string that holds their JSON.
//!
//! Copies nothing that needs no unescaping, and builds no value that nobody asks for. Does not know what the members
//! mean.

use super::error::EnvelopeError;
use crate::event::time::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The members of a JSON object, unparsed.
pub(super) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// More events than any host setting in use allows. Bounds what a request of very small elements can make us allocate.
pub(super) const MAX_EVENTS: usize = 100_000;

/// `{"Data": {<binding>: ...}, "Metadata": {...}}`, split into its members.
#[derive(serde::Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "Data", borrow, default)]
    pub data: Members<'a>,
    #[serde(rename = "Metadata", borrow, default)]
    pub metadata: Members<'a>,
}

impl<'a> Envelope<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(body).map_err(|source| match source.is_eof() {
            true => EnvelopeError::CutOff { bytes: body.len(), source },
            false => EnvelopeError::NotJson { object: "invocation".to_owned(), source },
        })
    }

    /// The value of `binding`, or of the only binding if function.json gives it another name.
    pub fn binding(&self, binding: &str) -> Result<&'a RawValue, EnvelopeError> {
        let only = || self.data.values().next().filter(|_| self.data.len() == 1);
        self.data.get(binding).or_else(only).copied().ok_or_else(|| {
            let names: Vec<String> = self.data.keys().map(|name| format!("`{name}`")).collect();
            let found = if names.is_empty() { "no data".to_owned() } else { names.join(", ") };
            EnvelopeError::NoBinding { binding: binding.to_owned(), found }
        })
    }
}

/// A string, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The JSON that a value holds: the content of a string, the own text of anything else.
pub(super) fn content(raw: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    match raw.get().starts_with('"') {
        true => serde_json::from_str::<Text>(raw.get()).map(|text| text.0),
        false => Ok(Cow::Borrowed(raw.get())),
    }
}

/// Text of a value that is a number or a string, perhaps one with further quotes in it (`"\"x\""`).
pub(super) fn plain_text(raw: &RawValue) -> Option<String> {
    let once = content(raw).ok()?;
    if once.starts_with('"') {
        return serde_json::from_str(&once).ok();
    }
    (once != "null").then(|| once.into_owned())
}

/// A whole number, written as a number or as a string of digits.
pub(super) fn integer(raw: &RawValue) -> Option<i64> {
    content(raw).ok()?.parse().ok()
}

/// An instant written as text. The metadata's arrays write it without a zone, in UTC.
pub(super) fn instant(raw: &RawValue) -> Option<Timestamp> {
    let text = content(raw).ok().filter(|_| raw.get().starts_with('"'))?;
    Timestamp::parse(&text).ok()
}

/// The members of an object; `None` for anything else. An object is the one value that the host never puts into a
/// string.
pub(super) fn members(raw: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// The elements of an array. Those after the first [`MAX_EVENTS`] are counted, not kept.
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

/// Enough of a value to recognise it in a log line.
pub(super) fn start_of(text: &str) -> String {
    text.chars().take(32).collect()
}
