//! Who, which visit, and how the event is recognised when it is delivered again.

use super::field::Field;
use super::members::Members;
use super::value::Value;
use crate::event::ids::EventKey;
use crate::event::reject::{Reject, RejectReason};
use crate::event::time::Timestamp;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// A member without which an event belongs to nobody: a string, or a number by its text.
pub(super) fn required<T>(
    members: &Members<'_>,
    field: Field,
    to_id: impl FnOnce(String) -> Option<T>,
    missing: RejectReason,
) -> Result<T, Reject> {
    let reject = |problem: String| Reject::new(missing, format!("`{}` {problem}", field.name()));
    let text = match members.value(field) {
        Value::Text(text) => Cow::into_owned(text),
        Value::Number(text) => text.to_owned(),
        Value::Absent => String::new(),
        other => return Err(reject(format!("must be a string, it is {}", other.kind()))),
    };
    to_id(text).ok_or_else(|| reject("is missing, null or empty".to_owned()))
}

/// Marks what is hashed as an event id. No body that parses starts with it, so an id's key is never a body's by intent.
const EVENT_ID_TAG: &[u8] = b"\0event_id\0";

/// The key of an event: of its id and time where it has an id, else of the bytes it came in.
///
/// The time counts because ids that start again with each page load are a common mistake.
pub(super) fn event_key(event_id: Option<&str>, event_time: Timestamp, body: &[u8]) -> EventKey {
    let hash = match event_id {
        Some(id) => xxh3_64(&[EVENT_ID_TAG, id.as_bytes(), b"\0", &event_time.0.to_le_bytes()].concat()),
        None => xxh3_64(body),
    };
    EventKey(hash as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys are stored: another value for the same event would make every duplicate across an upgrade count twice.
    #[test]
    fn keys_are_for_ever() {
        assert_eq!(
            event_key(Some("e-1"), Timestamp(1_700_000_000_000_000), b"ignored"),
            EventKey(575_779_781_593_136_273)
        );
        assert_eq!(event_key(None, Timestamp(0), b"{}"), EventKey(1_389_868_326_933_519_382));
    }

    #[test]
    fn an_id_counts_with_its_time_and_a_body_to_its_last_byte() {
        let key = |id, micros, body: &str| event_key(id, Timestamp(micros), body.as_bytes());
        assert_eq!(key(Some("a"), 1, "x"), key(Some("a"), 1, "y"));
        assert_ne!(key(Some("a"), 1, "x"), key(Some("a"), 2, "x"));
        assert_ne!(key(Some("a"), 1, "x"), key(Some("b"), 1, "x"));
        assert_eq!(key(None, 1, "x"), key(None, 2, "x"));
        assert_ne!(key(None, 1, "x"), key(None, 1, "x "));
    }
}
