//! Instants, the text they come in, and the spans of time between them.
//!
//! Knows no time zone but UTC and an offset that the text itself gives, and does not read the current time.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use std::fmt;
use std::ops::{Add, Sub};

mod epoch;
mod iso8601;

/// An instant: microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Timestamp(pub i64);

pub const MICROS_PER_SECOND: i64 = 1_000_000;

impl Timestamp {
    /// 0001-01-01T00:00:00Z, the earliest instant that is read.
    pub const EARLIEST: Timestamp = Timestamp(-62_135_596_800 * MICROS_PER_SECOND);
    /// 9999-12-31T23:59:59.999999Z, the latest.
    pub const LATEST: Timestamp = Timestamp(253_402_300_800 * MICROS_PER_SECOND - 1);

    /// 1995-01-01T00:00:00Z. An event before it has a time that was never set, and Spark refuses to read a whole file
    /// because of one instant before 1900.
    pub const EARLIEST_EVENT: Timestamp = Timestamp(788_918_400 * MICROS_PER_SECOND);

    /// Reads ISO 8601, or a number as [`Timestamp::parse_epoch`] does.
    ///
    /// Accepts every offset (`Z`, `UTC`, `GMT`, `+02:00`, `+0200`, `+02`), after a blank too, a zone id in brackets after
    /// it, a blank instead of `T`, and a comma instead of the point. A text without a zone is in UTC, one without seconds
    /// is at second 0, and a date alone is its midnight. Digits after microseconds are cut off, so that no instant moves
    /// into the future. Second 60 is the next second.
    ///
    /// # Errors
    /// For other texts, for instants outside the years 0001 to 9999, and for digits that look like a date.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let text = text.trim();
        match iso8601::parse(text.as_bytes()).map(Timestamp) {
            Some(at) if at.is_within_years() => Ok(at),
            Some(_) => Err(TimestampError::Unreadable),
            None => Self::parse_epoch(text),
        }
    }

    /// Reads a decimal number, exponent allowed, as the time since the epoch in the unit that its magnitude tells: below
    /// 10^11 seconds, below 10^14 milliseconds, below 10^17 microseconds. What is finer than a microsecond is rounded.
    ///
    /// # Errors
    /// For other numbers: below 10^8 nobody can tell what is meant, and 8 or 14 digits that read as a calendar date or
    /// time mean that.
    pub fn parse_epoch(number: &str) -> Result<Self, TimestampError> {
        epoch::parse(number).map(Timestamp).and_then(|at| match at.is_within_years() {
            true => Ok(at),
            false => Err(TimestampError::Unreadable),
        })
    }

    pub fn from_millis(millis: i64) -> Self {
        Timestamp(millis.saturating_mul(1_000))
    }

    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole hours since the epoch, rounded down.
    pub fn hours(self) -> i64 {
        self.0.div_euclid(3_600 * MICROS_PER_SECOND)
    }

    /// The UTC calendar date; instants outside chrono's range give the epoch.
    pub fn date(self) -> NaiveDate {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default().date_naive()
    }

    pub fn plus_micros(self, micros: i64) -> Self {
        Timestamp(self.0.saturating_add(micros))
    }

    fn is_within_years(self) -> bool {
        (Self::EARLIEST..=Self::LATEST).contains(&self)
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 with microseconds and `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = DateTime::from_timestamp_micros(self.0).unwrap_or_default();
        write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

/// Why a text or number is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampError {
    Unreadable,
    /// Digits such as 20240501, which are a date to a person and an instant in 1970 to a clock.
    LooksLikeDate(NaiveDateTime),
}

/// A length of time in microseconds; negative where it leads into the past. Arithmetic stops at the limits of 64 bits,
/// since stored instants may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span(i64);

impl Span {
    pub const ZERO: Span = Span(0);
    pub const MAX: Span = Span(i64::MAX);

    pub const fn from_micros(micros: i64) -> Self {
        Span(micros)
    }

    pub const fn from_millis(millis: i64) -> Self {
        Span(millis.saturating_mul(1_000))
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Span(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    pub const fn from_minutes(minutes: i64) -> Self {
        Self::from_seconds(minutes.saturating_mul(60))
    }

    pub const fn from_hours(hours: i64) -> Self {
        Self::from_seconds(hours.saturating_mul(3_600))
    }

    pub const fn from_days(days: i64) -> Self {
        Self::from_seconds(days.saturating_mul(86_400))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds, rounded towards zero.
    pub const fn seconds(self) -> i64 {
        self.0 / MICROS_PER_SECOND
    }

    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    pub const fn saturating_mul(self, times: i64) -> Self {
        Span(self.0.saturating_mul(times))
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;

    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;

    /// The time from `earlier` to `self`.
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Span {
    /// A whole number of the largest unit that leaves no rest: `30m`, `7h`, `90s`, `-1500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 5] =
            [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (MICROS_PER_SECOND, "s"), (1_000, "ms")];
        match UNITS.iter().find(|(micros, _)| self.0 % micros == 0) {
            _ if self.0 == 0 => f.write_str("0s"),
            Some((micros, unit)) => write!(f, "{}{unit}", self.0 / micros),
            None => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_its_largest_whole_unit() {
        let cases = [
            (Span::from_minutes(30), "30m"),
            (Span::from_hours(7), "7h"),
            (Span::from_seconds(90), "90s"),
            (Span::from_days(30), "30d"),
            (Span::from_millis(-1_500), "-1500ms"),
            (Span::from_micros(1), "1us"),
            (Span::ZERO, "0s"),
        ];
        for (span, expected) in cases {
            assert_eq!(span.to_string(), expected);
        }
    }

    #[test]
    fn hours_round_down_before_the_epoch_too() {
        let hour = 3_600 * MICROS_PER_SECOND;
        let instants = [Timestamp(-1), Timestamp(0), Timestamp(hour - 1), Timestamp(hour)];
        assert_eq!(instants.map(Timestamp::hours), [-1, 0, 0, 1]);
    }

    #[test]
    fn instants_and_spans_stop_at_their_limits() {
        let at = Timestamp(1_000_000);
        assert_eq!((at + Span::from_minutes(1)) - at, Span::from_seconds(60));
        assert_eq!(at - Span::from_seconds(1), Timestamp(0));
        assert_eq!(Timestamp(i64::MAX) + Span::from_hours(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN) - Span::from_hours(1), Timestamp(i64::MIN));
        assert_eq!(Timestamp(i64::MAX) - Timestamp(i64::MIN), Span::MAX);
        assert_eq!(Span::from_days(i64::MAX), Span::MAX);
    }
}
