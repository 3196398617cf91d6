//! What an event cannot do without: who, which visit, when, and what happened. And the key by which it is recognised
//! when it is delivered again, which follows from these.
//!
//! A field that is missing or unreadable here rejects the event, unless another stands in for it. Does not know the
//! current time: an event's time is compared with the instant at which the event hub received it.

use super::field::Field;
use super::map::EventMap;
use super::reading::{self, Reading};
use super::settings::{AnonymousEvents, ParseSettings};
use super::value::Value;
use crate::event::click::EventType;
use crate::event::ids::{EventKey, SessionId, UserId};
use crate::event::reject::{Reject, RejectReason, excerpt};
use crate::event::time::{Timestamp, TimestampError};
use xxhash_rust::xxh3::xxh3_64;

/// Who the event is about, and which visit it belongs to.
pub(super) struct Identity {
    pub user_id: UserId,
    /// Whether another id stands in for the user's.
    pub is_anonymous: bool,
    pub session_id: SessionId,
}

impl Identity {
    /// Most visitors of a shop are not signed in: without a user id the anonymous id stands in, and without both the
    /// session id. Where a map names the fields, the user's or visitor's id also stands in for a missing session id: then
    /// the timeout alone ends a session.
    pub fn read(reading: &mut Reading<'_>, settings: &ParseSettings) -> Result<Identity, Reject> {
        let reject =
            |reason, field: Field, problem: String| Err(Reject::new(reason, format!("`{}` {problem}", field.name())));
        let user = id(reading, Field::UserId);
        if let (Err(problem), AnonymousEvents::Reject) = (&user, settings.anonymous_events) {
            return reject(RejectReason::MissingUser, Field::UserId, problem.to_string());
        }
        let is_anonymous = user.is_err();
        let visitor = user.or_else(|_| id(reading, Field::AnonymousId));
        let session = match (id(reading, Field::SessionId), &visitor) {
            (Ok(session), _) => session,
            (Err(_), Ok(visitor)) if settings.map.names_fields() => visitor.clone(),
            (Err(problem), _) => {
                let nobody = match settings.map.names_fields() {
                    true => "; neither `user_id` nor `anonymous_id` can stand in",
                    false => "",
                };
                return reject(RejectReason::MissingSession, Field::SessionId, format!("{problem}{nobody}"));
            }
        };
        let user = visitor.unwrap_or_else(|_| session.clone());
        match (UserId::new(user), SessionId::new(session)) {
            (Some(user_id), Some(session_id)) => Ok(Identity { user_id, is_anonymous, session_id }),
            // Not reached, since neither is blank.
            _ => reject(RejectReason::MissingSession, Field::SessionId, "is blank".to_owned()),
        }
    }
}

/// Why there is no id.
enum NoId {
    Missing,
    /// A word that says so, such as `(not set)`.
    Word(String),
    OfType(&'static str),
    TooLong {
        bytes: usize,
        max: usize,
    },
}

impl std::fmt::Display for NoId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoId::Missing => f.write_str("is missing, null or empty"),
            NoId::Word(word) => write!(f, "is `{word}`, which names nobody"),
            NoId::OfType(kind) => write!(f, "must be a string or a number, it is {kind}"),
            NoId::TooLong { bytes, max } => write!(f, "has {bytes} bytes, more than {max}"),
        }
    }
}

/// The id of a visitor or visit. One that is too long is unreadable: neither a part of it nor its hash would be the id
/// by which the sender's other systems know the visitor.
fn id(reading: &mut Reading<'_>, field: Field) -> Result<String, NoId> {
    let mut problem = NoId::Missing;
    let max = reading.limits.max_id_bytes;
    for value in reading.members.values(field) {
        let kind = value.kind();
        match value.into_name() {
            Some(name) if reading::is_no_id(&name) => problem = NoId::Word(name.into_owned()),
            Some(name) if name.len() <= max => return Ok(name.into_owned()),
            Some(name) => {
                reading.note_unreadable(field);
                problem = NoId::TooLong { bytes: name.len(), max };
            }
            None => {
                reading.note_unreadable(field);
                problem = NoId::OfType(kind);
            }
        }
    }
    Err(problem)
}

/// The event's own time, if it is close enough to `enqueued_at`, when the event hub received the event.
pub(super) fn event_time(
    reading: &Reading<'_>,
    enqueued_at: Timestamp,
    settings: &ParseSettings,
) -> Result<Timestamp, Reject> {
    let at = timestamp(reading)?;
    if at > enqueued_at + settings.future_tolerance {
        let (ahead, tolerated) = ((at - enqueued_at).seconds(), settings.future_tolerance.seconds());
        let detail = format!(
            "`timestamp` {at} is {ahead} s after the event was enqueued, more than {tolerated} s: check the sender's \
             clock"
        );
        return Err(Reject::new(RejectReason::TimestampInFuture, detail));
    }
    if at < Timestamp::EARLIEST_EVENT {
        let detail = format!("`timestamp` {at} is before {}: check that the sender sets it", Timestamp::EARLIEST_EVENT);
        return Err(Reject::new(RejectReason::TimestampTooOld, detail));
    }
    if let Some(max_age) = settings.max_event_age.filter(|&max_age| at < enqueued_at - max_age) {
        let (age, allowed) = ((enqueued_at - at).seconds(), max_age.seconds());
        let detail = format!("`timestamp` {at} is {age} s before the event was enqueued, more than {allowed} s");
        return Err(Reject::new(RejectReason::TimestampTooOld, detail));
    }
    Ok(at)
}

/// The first time that is readable: ISO 8601 text, or a number of seconds, milliseconds or microseconds since the epoch.
fn timestamp(reading: &Reading<'_>) -> Result<Timestamp, Reject> {
    let mut problem = None;
    for value in reading.members.values(Field::Timestamp) {
        let read = match &value {
            Value::Text(text) => Timestamp::parse(text).map_err(|error| unreadable(error, text)),
            Value::Number(text) => Timestamp::parse_epoch(text).map_err(|error| unreadable(error, text)),
            other => Err(unreadable(TimestampError::Unreadable, other.kind())),
        };
        match read {
            Ok(at) => return Ok(at),
            Err(reject) => problem = Some(reject),
        }
    }
    let missing = || Reject::new(RejectReason::MissingTimestamp, "`timestamp` is missing, null or empty");
    Err(problem.unwrap_or_else(missing))
}

fn unreadable(error: TimestampError, sent: &str) -> Reject {
    let sent = excerpt(sent);
    let detail = match error {
        TimestampError::LooksLikeDate(meant) => {
            format!("`timestamp` {sent} looks like a date: send {}", meant.format("%Y-%m-%dT%H:%M:%SZ"))
        }
        TimestampError::Unreadable => {
            format!("`timestamp` must be ISO 8601, or seconds, milliseconds or microseconds since 1970, it is `{sent}`")
        }
    };
    Reject::new(RejectReason::UnreadableTimestamp, detail)
}

/// What happened. Only a string is accepted: no sender numbers its event types.
pub(super) fn event_type(reading: &mut Reading<'_>, map: &EventMap) -> Result<EventType, Reject> {
    let mut problem = "is missing, null or empty".to_owned();
    for value in reading.members.values(Field::EventType) {
        match value {
            Value::Text(name) => {
                let name = reading.within(Field::EventType, name, reading.limits.max_id_bytes);
                return Ok(EventType::from_name(map.event_type(&name)));
            }
            other => problem = format!("must be a string, it is {}", other.kind()),
        }
    }
    Err(Reject::new(RejectReason::MissingEventType, format!("`event_type` {problem}")))
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
