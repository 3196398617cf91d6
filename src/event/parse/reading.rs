//! Typed values of an event's fields, within their limits, and a count of what had to be cut or left out.
//!
//! Nothing here rejects an event: an optional value that is too long is cut, and one that is unreadable is left out.
//! What an event cannot do without is for [`super::required`] to decide.

use super::field::{Field, FieldSet};
use super::limits::Limits;
use super::members::Members;
use super::value::Value;
use crate::event::money::Money;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_128;

/// The members of one event while they are read.
pub(super) struct Reading<'a> {
    pub members: &'a Members<'a>,
    pub limits: &'a Limits,
    shortened: FieldSet,
    unreadable: FieldSet,
}

impl<'a> Reading<'a> {
    pub fn of(members: &'a Members<'a>, limits: &'a Limits) -> Self {
        Reading { members, limits, shortened: FieldSet::default(), unreadable: FieldSet::default() }
    }

    /// How many fields were cut.
    pub fn fields_cut(&self) -> u32 {
        self.shortened.len()
    }

    /// How many fields, or some of their elements, were left out because they are unreadable.
    pub fn fields_unreadable(&self) -> u32 {
        self.unreadable.len()
    }

    pub fn note_cut(&mut self, field: Field) {
        self.shortened.insert(field);
    }

    pub fn note_unreadable(&mut self, field: Field) {
        self.unreadable.insert(field);
    }

    /// The first value of `field` that `read` accepts. Those before it are unreadable.
    #[inline]
    pub fn first<T>(&mut self, field: Field, read: impl FnMut(Value<'a>) -> Option<T>) -> Option<T> {
        if self.members.may_have(field) { self.first_readable(field, read) } else { None }
    }

    fn first_readable<T>(&mut self, field: Field, mut read: impl FnMut(Value<'a>) -> Option<T>) -> Option<T> {
        for value in self.members.values(field) {
            match read(value) {
                Some(value) => return Some(value),
                None => self.unreadable.insert(field),
            }
        }
        None
    }

    /// The text of `field` as sent, however long.
    #[inline]
    pub fn whole_text(&mut self, field: Field) -> Option<Cow<'a, str>> {
        self.first(field, Value::into_text)
    }

    /// The text of `field`, cut where it is too long.
    #[inline]
    pub fn text(&mut self, field: Field) -> Option<Cow<'a, str>> {
        let text = self.whole_text(field)?;
        Some(self.within(field, text, self.limits.max_text_bytes))
    }

    #[inline]
    pub fn owned_text(&mut self, field: Field) -> Option<String> {
        self.text(field).map(Cow::into_owned)
    }

    /// `text`, a value of `field`, cut after the last character that ends within `max_bytes`.
    #[inline]
    pub fn within(&mut self, field: Field, text: Cow<'a, str>, max_bytes: usize) -> Cow<'a, str> {
        if text.len() <= max_bytes { text } else { self.cut(field, text, max_bytes) }
    }

    #[cold]
    fn cut(&mut self, field: Field, text: Cow<'a, str>, max_bytes: usize) -> Cow<'a, str> {
        self.note_cut(field);
        let end = text.floor_char_boundary(max_bytes);
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(text) => Cow::Owned(text[..end].to_owned()),
        }
    }

    /// An id that something optional has. Half an id would be another one, so its hash replaces one that is too long.
    pub fn id(&mut self, field: Field) -> Option<String> {
        if !self.members.may_have(field) {
            return None;
        }
        for value in self.members.values(field) {
            match value.into_name() {
                Some(name) if is_no_id(&name) => {}
                Some(name) => return Some(self.bounded_id(field, name).into_owned()),
                None => self.unreadable.insert(field),
            }
        }
        None
    }

    /// `id`, or its hash where it is too long.
    pub fn bounded_id(&mut self, field: Field, id: Cow<'a, str>) -> Cow<'a, str> {
        if id.len() <= self.limits.max_id_bytes {
            return id;
        }
        self.note_cut(field);
        Cow::Owned(format!("xxh3-{:032x}", xxh3_128(id.as_bytes())))
    }

    pub fn boolean(&mut self, field: Field) -> Option<bool> {
        self.first(field, |value| value.as_bool())
    }

    pub fn integer(&mut self, field: Field) -> Option<i32> {
        self.first(field, |value| i32::try_from(value.as_integer()?).ok())
    }

    pub fn amount(&mut self, field: Field) -> Option<Money> {
        self.first(field, |value| amount(&value))
    }
}

/// An amount of money.
pub(super) fn amount(value: &Value<'_>) -> Option<Money> {
    match value {
        Value::Number(text) => Money::parse(text).ok(),
        Value::Text(text) => Money::parse(text).ok(),
        _ => None,
    }
}

/// Words that senders write where they have no id.
const NO_IDS: [&str; 8] = ["(not set)", "null", "undefined", "none", "nan", "n/a", "-", "0"];

/// Whether a text that stands in the place of an id says that there is no id.
pub(super) fn is_no_id(text: &str) -> bool {
    const LONGEST: usize = 9;
    text.len() <= LONGEST && NO_IDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading<'a>(json: &'a str, limits: &'a Limits) -> Reading<'a> {
        let members = Members::read(json, Box::leak(Box::default())).unwrap();
        Reading::of(Box::leak(Box::new(members)), limits)
    }

    #[test]
    fn words_for_no_id_are_no_ids_in_any_case() {
        let limits = Limits::default();
        for word in NO_IDS {
            for word in [word.to_owned(), word.to_uppercase(), format!(" {word} ")] {
                let json = format!(r#"{{"transaction_id":"{word}","order_id":"o"}}"#);
                assert_eq!(reading(&json, &limits).id(Field::TransactionId).as_deref(), Some("o"), "{word}");
            }
        }
        for id in ["00", "--", "nullable", "not set", "x"] {
            let json = format!(r#"{{"event_id":"{id}"}}"#);
            assert_eq!(reading(&json, &limits).id(Field::EventId).as_deref(), Some(id));
        }
        assert_eq!(reading(r#"{"event_id":0.0}"#, &limits).id(Field::EventId), None);
    }

    #[test]
    fn a_text_is_cut_between_characters_and_an_id_never() {
        let limits = Limits { max_text_bytes: 4, max_id_bytes: 4, ..Limits::default() };
        let mut reading = reading(r#"{"geo_city":"aéé","os":"abcd","event_id":"abcde","order_id":"abcd"}"#, &limits);
        assert_eq!(reading.text(Field::GeoCity).as_deref(), Some("aé"));
        assert_eq!(reading.text(Field::Os).as_deref(), Some("abcd"));
        assert_eq!(reading.id(Field::TransactionId).as_deref(), Some("abcd"));
        let hashed = reading.id(Field::EventId).unwrap();
        assert_eq!(hashed, format!("xxh3-{:032x}", xxh3_128(b"abcde")));
        assert_eq!((reading.fields_cut(), reading.fields_unreadable()), (2, 0));
    }

    #[test]
    fn what_is_unreadable_is_left_out_and_counted_once_for_each_field() {
        let limits = Limits::default();
        let mut reading = reading(r#"{"value":"abc","revenue":[],"total":"7.5","cart_size":{},"os":["x"]}"#, &limits);
        assert_eq!(reading.amount(Field::Value), Some(Money::parse("7.5").unwrap()));
        assert_eq!((reading.integer(Field::CartSize), reading.text(Field::Os)), (None, None));
        assert_eq!((reading.fields_cut(), reading.fields_unreadable()), (0, 3));
    }
}
