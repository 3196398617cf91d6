//! Instants and the text they come in.
//!
//! Knows no time zone but UTC and an offset that the text itself gives, and never asks what time it is.

use super::decimal::scaled;
use chrono::{DateTime, NaiveDate};
use std::fmt;

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

    /// Reads ISO 8601, or a string of digits (a `-` may precede) as milliseconds since the epoch.
    ///
    /// Any offset will do (`Z`, `+02:00`, `+0200`, `+02`), a blank for the `T`, a comma for the point; without a zone
    /// it is UTC, without seconds they are 0, a date alone is its midnight. Digits beyond microseconds are cut off, so
    /// that no instant moves into the future. Second 60 is the next second. `None` outside the years 0001 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::parse_epoch_millis(text);
        }
        iso8601::parse(text.as_bytes()).filter(|at| at.is_within_years())
    }

    /// Reads a decimal number, exponent allowed, as milliseconds since the epoch; half a microsecond rounds to even.
    pub fn parse_epoch_millis(number: &str) -> Option<Self> {
        let micros = scaled(number, 3).ok()?;
        i64::try_from(micros).ok().map(Timestamp).filter(|at| at.is_within_years())
    }

    pub fn from_millis(millis: i64) -> Self {
        Timestamp(millis.saturating_mul(1_000))
    }

    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
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
