//! Why bytes are not a click: a reason for machines and a sentence for a person.
//!
//! A reject is data, not an error: the event lands in quarantine and nothing is retried.

use std::fmt;
use std::str::FromStr;

/// What goes to quarantine together with the event's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    pub reason: RejectReason,
    /// One sentence that names the field, of at most [`Reject::MAX_DETAIL_CHARS`] characters.
    pub detail: String,
}

impl Reject {
    pub const MAX_DETAIL_CHARS: usize = 300;

    pub fn new(reason: RejectReason, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((at, _)) = detail.char_indices().nth(Self::MAX_DETAIL_CHARS) {
            detail.truncate(at);
        }
        Reject { reason, detail }
    }
}

/// The beginning of what was sent, on one line.
pub(super) fn excerpt(sent: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut shown: String =
        sent.chars().take(MAX_CHARS).map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    if sent.chars().nth(MAX_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

/// The reasons, in the order in which they are checked: an event with several gets the first.
///
/// The names are a contract: readers find them in the quarantine table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    BodyTooLarge,
    NotUtf8,
    NestingTooDeep,
    NotJson,
    NotAnObject,
    MissingUser,
    MissingSession,
    MissingTimestamp,
    UnreadableTimestamp,
    TimestampInFuture,
    TimestampTooOld,
    MissingEventType,
    ProductDetailWithoutProduct,
}

impl RejectReason {
    /// In the order of the checks.
    const ALL: &'static [RejectReason] = &[
        RejectReason::BodyTooLarge,
        RejectReason::NotUtf8,
        RejectReason::NestingTooDeep,
        RejectReason::NotJson,
        RejectReason::NotAnObject,
        RejectReason::MissingUser,
        RejectReason::MissingSession,
        RejectReason::MissingTimestamp,
        RejectReason::UnreadableTimestamp,
        RejectReason::TimestampInFuture,
        RejectReason::TimestampTooOld,
        RejectReason::MissingEventType,
        RejectReason::ProductDetailWithoutProduct,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::BodyTooLarge => "body_too_large",
            RejectReason::NotUtf8 => "not_utf8",
            RejectReason::NestingTooDeep => "nesting_too_deep",
            RejectReason::NotJson => "not_json",
            RejectReason::NotAnObject => "not_an_object",
            RejectReason::MissingUser => "missing_user",
            RejectReason::MissingSession => "missing_session",
            RejectReason::MissingTimestamp => "missing_timestamp",
            RejectReason::UnreadableTimestamp => "unreadable_timestamp",
            RejectReason::TimestampInFuture => "timestamp_in_future",
            RejectReason::TimestampTooOld => "timestamp_too_old",
            RejectReason::MissingEventType => "missing_event_type",
            RejectReason::ProductDetailWithoutProduct => "product_detail_without_product",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a reason in this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownReason(pub String);

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}` as a reject reason", self.0)
    }
}

impl std::error::Error for UnknownReason {}

impl FromStr for RejectReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let known = RejectReason::ALL.iter().copied().find(|reason| reason.as_str() == text);
        known.ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_from_its_name() {
        for reason in RejectReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(
                reason.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            );
        }
        assert_eq!("no_such".parse::<RejectReason>(), Err(UnknownReason("no_such".into())));
    }

    #[test]
    fn all_holds_every_reason_once_in_the_order_of_the_checks() {
        assert!(RejectReason::ALL.is_sorted_by(|before, after| before < after));
        let last = RejectReason::ProductDetailWithoutProduct as usize;
        assert_eq!(RejectReason::ALL.len(), last + 1);
    }

    #[test]
    fn a_detail_is_bounded_in_characters_not_bytes() {
        let reject = Reject::new(RejectReason::NotJson, "é".repeat(1_000));
        assert_eq!(reject.detail, "é".repeat(Reject::MAX_DETAIL_CHARS));
    }
}
