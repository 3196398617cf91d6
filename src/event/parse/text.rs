//! The body as text that is safe to hand to a JSON parser, and bits of it for people to read.

use super::depth;
use super::limits::Limits;
use crate::event::reject::{Reject, RejectReason};

/// The body as text, without a byte order mark, neither too long nor nested too deep.
pub(super) fn checked<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, Reject> {
    if body.len() > limits.max_body_bytes {
        let detail = format!("the body has {} bytes, more than {}", body.len(), limits.max_body_bytes);
        return Err(Reject::new(RejectReason::BodyTooLarge, detail));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Reject::new(RejectReason::NotUtf8, detail)
    })?;
    if depth::exceeds(text.as_bytes(), limits.max_depth) {
        let detail = format!("the body has more than {} objects and lists within each other", limits.max_depth);
        return Err(Reject::new(RejectReason::NestingTooDeep, detail));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The beginning of what was sent, fit to stand within one line.
pub(super) fn excerpt(sent: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut shown: String =
        sent.chars().take(MAX_CHARS).map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    if sent.chars().nth(MAX_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}
