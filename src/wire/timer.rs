//! Timer invocations, and what every invocation says of itself. Reading never fails: a timer fires whether or not we
//! like the shape of its message, and nothing in it decides what is computed.
//!
//! A run started by hand (`POST /admin/functions/<name>`) looks the same; the `input` that was sent does not arrive.

use super::envelope::Envelope;
use super::value::{Members, content, instant, integer, members, plain_text};
use crate::event::time::Timestamp;
use serde_json::value::RawValue;

/// What the host says of this attempt. Everything is optional: absent without a retry policy, or unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// As the folder of the function is called.
    pub function: Option<String>,
    /// 0 on the first attempt, and where the function has no retry policy.
    pub retry_count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimerInvocation {
    pub invocation: Invocation,
    /// The host was down when it should have fired. Missed occurrences are not made up for one by one.
    pub is_past_due: bool,
    /// `None` before the first run, and for schedules that are not monitored.
    pub last: Option<Timestamp>,
    /// The occurrence now firing, not the one after it.
    pub next: Option<Timestamp>,
}

/// Reads any invocation's metadata.
pub fn decode_invocation(body: &[u8]) -> Invocation {
    Envelope::read(body).map(|envelope| invocation(&envelope.metadata)).unwrap_or_default()
}

/// Reads a timer invocation, whatever its binding is called: the first object among its data.
pub fn decode_timer(body: &[u8]) -> TimerInvocation {
    let Ok(envelope) = Envelope::read(body) else { return TimerInvocation::default() };
    let timer = envelope.data.values().find_map(|raw| members(raw)).unwrap_or_default();
    let status = child(&timer, "ScheduleStatus").unwrap_or_default();
    TimerInvocation {
        invocation: invocation(&envelope.metadata),
        is_past_due: timer.get("IsPastDue").and_then(|raw| content(raw).ok()).is_some_and(|text| &*text == "true"),
        last: status.get("Last").and_then(|raw| occurrence(raw)),
        next: status.get("Next").and_then(|raw| occurrence(raw)),
    }
}

fn invocation(metadata: &Members) -> Invocation {
    let sys = child(metadata, "sys").unwrap_or_default();
    let retry = child(metadata, "RetryContext").unwrap_or_default();
    Invocation {
        function: sys.get("MethodName").and_then(|raw| plain_text(raw)),
        retry_count: retry.get("RetryCount").and_then(|raw| integer(raw)).unwrap_or(0).max(0) as u64,
    }
}

fn child<'a>(parent: &Members<'a>, name: &str) -> Option<Members<'a>> {
    parent.get(name).copied().and_then(members)
}

/// The host writes the year 1 for "never".
fn occurrence(raw: &RawValue) -> Option<Timestamp> {
    instant(raw).filter(|_| !raw.get().starts_with("\"0001-"))
}
