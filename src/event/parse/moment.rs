//! When it happened, and whether that can be believed.

use super::field::Field;
use super::limits::Limits;
use super::members::Members;
use super::text::excerpt;
use super::value::Value;
use crate::event::reject::{Reject, RejectReason};
use crate::event::time::{MICROS_PER_SECOND, Timestamp};

/// The event's own time: ISO 8601 or milliseconds since the epoch, and near enough to when the event hub took it.
pub(super) fn event_time(members: &Members<'_>, enqueued_at: Timestamp, limits: &Limits) -> Result<Timestamp, Reject> {
    let at = read(members.value(Field::Timestamp))?;
    if at > enqueued_at.plus_micros(limits.future_tolerance_micros) {
        let ahead = seconds_between(enqueued_at, at);
        let tolerated = limits.future_tolerance_micros / MICROS_PER_SECOND;
        let detail = format!(
            "`timestamp` {at} is {ahead} s after the event was enqueued, more than {tolerated} s: check the sender's clock"
        );
        return Err(Reject::new(RejectReason::TimestampInFuture, detail));
    }
    if let Some(max_age) = limits.max_event_age_micros.filter(|age| at < enqueued_at.plus_micros(age.saturating_neg()))
    {
        let (behind, allowed) = (seconds_between(at, enqueued_at), max_age / MICROS_PER_SECOND);
        let detail = format!("`timestamp` {at} is {behind} s before the event was enqueued, more than {allowed} s");
        return Err(Reject::new(RejectReason::TimestampTooOld, detail));
    }
    Ok(at)
}

fn read(value: Value<'_>) -> Result<Timestamp, Reject> {
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

fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    to.0.saturating_sub(from.0) / MICROS_PER_SECOND
}
