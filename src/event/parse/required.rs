//! What an event cannot do without: who, which visit, when, and what happened. And the key by which it is recognised
//! when it is delivered again, which follows from these.
//!
//! A member that is missing or unreadable here rejects the event. Does not know the current time: an event's time is
//! compared with the instant at which the event hub received it.

use super::limits::Limits;
use super::members::{Field, Members};
use super::value::Value;
use crate::event::click::EventType;
use crate::event::ids::EventKey;
use crate::event::reject::{Reject, RejectReason, excerpt};
use crate::event::time::Timestamp;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// An id without which the event belongs to nobody: a string, or a number by its text. `to_id` refuses text that is
/// empty, and `missing` is the reason when the event has none.
pub(super) fn id<T>(
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

/// The event's own time, if it is close enough to `enqueued_at`, when the event hub received the event.
pub(super) fn event_time(members: &Members<'_>, enqueued_at: Timestamp, limits: &Limits) -> Result<Timestamp, Reject> {
    let at = timestamp(members.value(Field::Timestamp))?;
    if at > enqueued_at + limits.future_tolerance {
        let (ahead, tolerated) = ((at - enqueued_at).seconds(), limits.future_tolerance.seconds());
        let detail = format!(
            "`timestamp` {at} is {ahead} s after the event was enqueued, more than {tolerated} s: check the sender's \
             clock"
        );
        return Err(Reject::new(RejectReason::TimestampInFuture, detail));
    }
    if let Some(max_age) = limits.max_event_age.filter(|&max_age| at < enqueued_at - max_age) {
        let (age, allowed) = ((enqueued_at - at).seconds(), max_age.seconds());
        let detail = format!("`timestamp` {at} is {age} s before the event was enqueued, more than {allowed} s");
        return Err(Reject::new(RejectReason::TimestampTooOld, detail));
    }
    Ok(at)
}

/// Reads ISO 8601 text, or milliseconds since the epoch.
fn timestamp(value: Value<'_>) -> Result<Timestamp, Reject> {
    let (at, sent) = match &value {
        Value::Text(text) => (Timestamp::parse(text), text.as_ref()),
        Value::Number(text) => (Timestamp::parse_epoch_millis(text), *text),
        Value::Absent => {
            return Err(Reject::new(RejectReason::MissingTimestamp, "`timestamp` is missing, null or empty"));
        }
        other => (None, other.kind()),
    };
    at.ok_or_else(|| {
        let detail = format!(
            "`timestamp` must be ISO 8601 or epoch milliseconds within the years 0001 to 9999, it is `{}`",
            excerpt(sent)
        );
        Reject::new(RejectReason::UnreadableTimestamp, detail)
    })
}

/// What happened. Only a string is accepted: no producer numbers its event types.
pub(super) fn event_type(members: &Members<'_>) -> Result<EventType, Reject> {
    match members.value(Field::EventType) {
        Value::Text(name) => Ok(EventType::from_name(&name)),
        Value::Absent => Err(Reject::new(RejectReason::MissingEventType, "`event_type` is missing, null or empty")),
        other => {
            let detail = format!("`event_type` must be a string, it is {}", other.kind());
            Err(Reject::new(RejectReason::MissingEventType, detail))
        }
    }
}

/// Precedes an event id in what is hashed. No body that parses starts with it, so nobody can choose an id whose key is
/// that of another event's body.
const EVENT_ID_TAG: &[u8] = b"\0event_id\0";

/// The key of an event: the hash of its id and time where it has an id, else of its bytes.
///
/// The time is part of it because many producers restart their ids with each page load, by mistake.
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

    /// Keys are stored: if a new version gave an event another key, its duplicates across the upgrade would count
    /// twice.
    #[test]
    fn keys_never_change() {
        assert_eq!(
            event_key(Some("e-1"), Timestamp(1_700_000_000_000_000), b"ignored"),
            EventKey(575_779_781_593_136_273)
        );
        assert_eq!(event_key(None, Timestamp(0), b"{}"), EventKey(1_389_868_326_933_519_382));
    }

    #[test]
    fn a_key_depends_on_id_and_time_or_on_every_byte_of_the_body() {
        let key = |id, micros, body: &str| event_key(id, Timestamp(micros), body.as_bytes());
        assert_eq!(key(Some("a"), 1, "x"), key(Some("a"), 1, "y"));
        assert_ne!(key(Some("a"), 1, "x"), key(Some("a"), 2, "x"));
        assert_ne!(key(Some("a"), 1, "x"), key(Some("b"), 1, "x"));
        assert_eq!(key(None, 1, "x"), key(None, 2, "x"));
        assert_ne!(key(None, 1, "x"), key(None, 1, "x "));
    }
}
