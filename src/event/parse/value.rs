//! One JSON value, read as far as an event needs it: objects stay text, and so do lists until [`List::for_each`] splits
//! them.
//!
//! The only place that decides what counts as absent, what a string says after its escapes are resolved, and how others
//! write numbers and truth values.

use super::split::each_element;
use crate::event::decimal::whole;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value as an event has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    /// Missing, null, or a string of blanks and invisible characters.
    Absent,
    /// Without surrounding blanks, never empty.
    Text(Cow<'a, str>),
    /// As written.
    Number(&'a str),
    Bool(bool),
    List(List<'a>),
    /// As written.
    Object(&'a str),
}

impl<'a> Value<'a> {
    /// Reads the text of one JSON value that a JSON parser has found valid.
    pub(super) fn of(json: &'a str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => string(json).map_or(Value::Absent, Value::Text),
            Some(b'[') => Value::List(List::Sent(json)),
            Some(b'{') => Value::Object(json),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') | None => Value::Absent,
            Some(_) => Value::Number(json),
        }
    }

    /// What was collected from the elements of a list; absent where no element has a value.
    pub(super) fn collected(texts: &'a [Option<&'a str>]) -> Self {
        match texts.iter().flatten().all(|text| Value::of(text) == Value::Absent) {
            true => Value::Absent,
            false => Value::List(List::Collected(texts)),
        }
    }

    /// Numbers and booleans give their text; lists and objects have none.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) => Some(text),
            Value::Number(text) => Some(Cow::Borrowed(text)),
            Value::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Value::Absent | Value::List(_) | Value::Object(_) => None,
        }
    }

    /// A name by its text; a number by the digits of its whole value, so that `1000.0` names what `1000` names.
    pub(super) fn into_name(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Cow::Borrowed(text)),
            Value::Number(text) => Some(whole(text).map_or(Cow::Borrowed(text), |number| number.to_string().into())),
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// `true` and `1`, `false` and `0`, as text too.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            other => match other.as_integer()? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }
    }

    /// A whole number in any spelling: `3`, `3.0`, `"3"`.
    pub(super) fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Number(text) => whole(text),
            Value::Text(text) => whole(text),
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
            Value::Object(_) => "an object",
        }
    }
}

/// The content of a JSON string, or `None` if it is blank.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let content = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    if !has_escape(content.as_bytes()) {
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

/// Whether a `\` is among the bytes. Eight at a time: most texts have a few of them, and this is asked for every text.
fn has_escape(content: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let any_of = |eight: &[u8; 8]| {
        let differs = u64::from_le_bytes(*eight) ^ (ONES * b'\\' as u64);
        differs.wrapping_sub(ONES) & !differs & (ONES << 7) != 0
    };
    let (eights, _) = content.as_chunks::<8>();
    match content.last_chunk::<8>() {
        Some(last) => eights.iter().any(any_of) || any_of(last),
        None => content.contains(&b'\\'),
    }
}

/// `text.trim()`, faster for the common text that starts and ends with a visible ASCII character; empty for a text that
/// nobody can see.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ if text.chars().all(is_invisible) => "",
        _ => text.trim(),
    }
}

/// White space, control characters, and those that change how others are shown without being shown.
fn is_invisible(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(char, '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}')
        || matches!(char, '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
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

/// The elements of one list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum List<'a> {
    /// The text of one valid JSON list.
    Sent(&'a str),
    /// JSON texts that a map collected from the elements of a list, `None` for an element that lacks the value.
    Collected(&'a [Option<&'a str>]),
}

impl<'a> List<'a> {
    /// Calls `take` with each element, in order.
    pub(super) fn for_each(self, mut take: impl FnMut(Value<'a>)) {
        match self {
            List::Sent(json) => each_element(json, |element| take(Value::of(element))),
            List::Collected(texts) => texts.iter().for_each(|text| take(text.map_or(Value::Absent, Value::of))),
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
        for blank in [r#""""#, r#""  ""#, r#""\n\t""#, r#""\u00a0""#, r#""\u200b \ufeff""#, r#""\u0000""#, "null"] {
            assert_eq!(Value::of(blank), Value::Absent, "{blank}");
        }
    }

    #[test]
    fn an_escape_is_found_wherever_it_is() {
        for length in 0..40 {
            let plain = vec![b']'; length];
            assert!(!has_escape(&plain), "{length}");
            for at in 0..length {
                let mut escaped = plain.clone();
                escaped[at] = b'\\';
                assert!(has_escape(&escaped), "{at} of {length}");
            }
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
    fn truth_and_whole_numbers_are_read_as_others_write_them() {
        let as_bool = |json| Value::of(json).as_bool();
        for truth in ["true", r#""True""#, "1", "1.0", r#""1""#] {
            assert_eq!(as_bool(truth), Some(true), "{truth}");
        }
        for falsehood in ["false", r#""FALSE""#, "0", "-0.0", r#""0""#] {
            assert_eq!(as_bool(falsehood), Some(false), "{falsehood}");
        }
        let as_integer = |json| Value::of(json).as_integer();
        for three in ["3", "3.0", "0.3e1", r#""3""#, r#""3.000""#] {
            assert_eq!(as_integer(three), Some(3), "{three}");
        }
        assert_eq!(as_integer("-3"), Some(-3));
        for neither in ["2", "1.00001", "1e-9", r#""yes""#, "[1]", "{}", "null", "1e30"] {
            assert_eq!(as_bool(neither), None, "{neither}");
        }
        for fraction in ["1.5", "1.00001", "1e-9", "1e30", r#""three""#, "true", "[3]"] {
            assert_eq!(as_integer(fraction), None, "{fraction}");
        }
    }

    #[test]
    fn a_number_names_what_its_whole_value_names() {
        let name = |json| Value::of(json).into_name().map(Cow::into_owned);
        for (json, expected) in [("1000", "1000"), ("1000.0", "1000"), ("1e3", "1000"), ("-7.0", "-7"), ("007", "007")]
        {
            assert_eq!(name(json).as_deref(), Some(expected), "{json}");
        }
        assert_eq!(name("12345678901234567890123").as_deref(), Some("12345678901234567890123"));
        assert_eq!(name("1.5").as_deref(), Some("1.5"));
        assert_eq!(name(r#""1000.0""#).as_deref(), Some("1000.0"), "a text is a name as it stands");
        assert_eq!((name("true"), name("[1]")), (None, None));
    }

    #[test]
    fn nulls_keep_their_position_and_nested_values_stay_text() {
        let Value::List(list) = Value::of(r#"[ "a" , null, "", 1, [[2]], {"b":3} ]"#) else { panic!("a list") };
        let mut kinds = Vec::new();
        list.for_each(|value| kinds.push(value.kind()));
        assert_eq!(kinds, ["a string", "null or empty", "null or empty", "a number", "a list", "an object"]);
    }
}
