//! One JSON value, read as far as an event needs it: objects stay text, and lists do until [`elements`] splits them.
//!
//! The only place that decides what counts as absent, and what a string says after its escapes are resolved.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A value as an event has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    /// Missing, null, or a blank string.
    Absent,
    /// Without surrounding blanks, never empty.
    Text(Cow<'a, str>),
    /// As written.
    Number(&'a str),
    Bool(bool),
    /// As written, for [`elements`].
    List(&'a str),
    Object,
}

impl<'a> Value<'a> {
    /// Reads the text of one JSON value that a JSON parser has found valid.
    pub(super) fn of(json: &'a str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => string(json).map_or(Value::Absent, Value::Text),
            Some(b'[') => Value::List(json),
            Some(b'{') => Value::Object,
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') | None => Value::Absent,
            Some(_) => Value::Number(json),
        }
    }

    /// Numbers and booleans give their text; lists and objects have none.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) => Some(text),
            Value::Number(text) => Some(Cow::Borrowed(text)),
            Value::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Value::Absent | Value::List(_) | Value::Object => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    pub(super) fn as_i32(&self) -> Option<i32> {
        match self {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Its JSON type, as a message names it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Absent => "null or empty",
            Value::Text(_) => "a string",
            Value::Number(_) => "a number",
            Value::Bool(_) => "a boolean",
            Value::List(_) => "a list",
            Value::Object => "an object",
        }
    }
}

/// The content of a JSON string, or `None` if it is blank.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let content = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    if !content.as_bytes().contains(&b'\\') {
        let text = trimmed(content);
        return (!text.is_empty()).then_some(Cow::Borrowed(text));
    }
    let Unescaped(text) = serde_json::from_str(json).ok()?;
    match trimmed(&text).len() {
        0 => None,
        length if length == text.len() => Some(Cow::Owned(text)),
        _ => Some(Cow::Owned(trimmed(&text).to_owned())),
    }
}

/// `text.trim()`, faster for the common text that starts and ends with a visible ASCII character.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// A string with its escapes resolved. Half a surrogate pair, left when a sender cuts a text within an emoji, becomes
/// U+FFFD: the event is worth keeping without it.
struct Unescaped(String);

impl<'de> Deserialize<'de> for Unescaped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a string, serde_json refuses half a pair; asked for bytes, it delivers it.
        deserializer.deserialize_bytes(UnescapedVisitor)
    }
}

struct UnescapedVisitor;

impl Visitor<'_> for UnescapedVisitor {
    type Value = Unescaped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, content: &[u8]) -> Result<Unescaped, E> {
        Ok(Unescaped(String::from_utf8_lossy(content).into_owned()))
    }
}

/// A list has more elements than allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyElements;

/// The values of `json`, the text of one valid JSON list. Stops reading at the first element beyond `max_length`.
pub(super) fn elements(json: &str, max_length: usize) -> Result<Vec<Value<'_>>, TooManyElements> {
    let visitor = ElementsVisitor { max_length };
    // The text is known to be a valid list, so the only possible error is the visitor's own.
    serde_json::Deserializer::from_str(json).deserialize_seq(visitor).map_err(|_| TooManyElements)
}

struct ElementsVisitor {
    max_length: usize,
}

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<Value<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} elements", self.max_length)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while values.len() < self.max_length {
            match list.next_element::<&RawValue>()? {
                Some(element) => values.push(Value::of(element.get())),
                None => return Ok(values),
            }
        }
        match list.next_element::<IgnoredAny>()? {
            None => Ok(values),
            Some(_) => Err(A::Error::invalid_length(self.max_length + 1, &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        Value::of(json).into_text().map(Cow::into_owned)
    }

    #[test]
    fn texts_are_trimmed_and_never_empty() {
        assert_eq!(text(r#"" a b ""#).as_deref(), Some("a b"));
        assert_eq!(text(r#""\t\u0041\n""#).as_deref(), Some("A"));
        for blank in [r#""""#, r#""  ""#, r#""\n\t""#, r#""\u00a0""#, "null"] {
            assert_eq!(Value::of(blank), Value::Absent, "{blank}");
        }
    }

    #[test]
    fn texts_without_escapes_are_not_copied() {
        assert!(matches!(Value::of(r#""é""#), Value::Text(Cow::Borrowed("é"))));
    }

    #[test]
    fn scalars_have_a_text_and_the_rest_has_none() {
        assert_eq!(text("-1.50e3").as_deref(), Some("-1.50e3"));
        assert_eq!(text("true").as_deref(), Some("true"));
        assert_eq!(text("false").as_deref(), Some("false"));
        assert_eq!(text("[1]"), None);
        assert_eq!(text("{}"), None);
    }

    #[test]
    fn half_a_surrogate_pair_and_nul_are_read() {
        assert_eq!(text(r#""a\ud83d""#), Some(format!("a{}", "\u{fffd}".repeat(3))));
        assert_eq!(text(r#""\udc00\ud83d\ude00""#), Some(format!("{}😀", "\u{fffd}".repeat(3))));
        assert_eq!(text(r#""a\u0000b""#).as_deref(), Some("a\0b"));
    }

    #[test]
    fn other_types_are_no_booleans_or_integers() {
        let as_bool = |json| Value::of(json).as_bool();
        assert_eq!([as_bool("true"), as_bool(r#""False""#), as_bool("1")], [Some(true), Some(false), None]);
        let as_i32 = |json| Value::of(json).as_i32();
        assert_eq!([as_i32("-3"), as_i32("2147483648"), as_i32("1.5"), as_i32(r#""3""#)], [Some(-3), None, None, None]);
    }

    #[test]
    fn nulls_keep_their_position_and_nested_values_stay_text() {
        let values = elements(r#"[ "a" , null, "", 1, [[2]], {"b":3} ]"#, 6).unwrap();
        let kinds: Vec<&str> = values.iter().map(Value::kind).collect();
        assert_eq!(kinds, ["a string", "null or empty", "null or empty", "a number", "a list", "an object"]);
    }

    #[test]
    fn one_element_too_many_is_too_many() {
        assert_eq!(elements("[1,2]", 2).map(|values| values.len()), Ok(2));
        assert_eq!(elements("[1,2,3]", 2), Err(TooManyElements));
        assert_eq!(elements("[]", 0).map(|values| values.len()), Ok(0));
    }
}
