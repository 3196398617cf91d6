//! ISO 8601 text to an instant. The commonest form is read by position, every other form by a cursor.
//!
//! Reads the extended format only: no week dates, no ordinal dates, no basic format (`20240131T10`).

use chrono::{Datelike, NaiveDate};

const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// A date and time of day as written, before its offset is subtracted.
struct Civil {
    year: i32,
    month: u32,
    day: u32,
    second_of_day: i64,
    micros: i64,
}

impl Civil {
    /// The instant, in microseconds since the Unix epoch.
    fn at_offset(&self, offset_seconds: i64) -> Option<i64> {
        let unix_epoch_day = NaiveDate::default().num_days_from_ce();
        let date = NaiveDate::from_ymd_opt(self.year, self.month, self.day).filter(|_| self.year >= 1)?;
        let days = i64::from(date.num_days_from_ce() - unix_epoch_day);
        let seconds = days * SECONDS_PER_DAY + self.second_of_day - offset_seconds;
        Some(seconds * MICROS_PER_SECOND + self.micros)
    }
}

/// The instant in microseconds since the Unix epoch.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    match text {
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'.', _, _, _, _, _, _, b'Z'] => {
            parse_fixed(text)
        }
        _ => parse_any(text),
    }
}

/// `YYYY-MM-DDTHH:MM:SS.ffffffZ`, whose separators the caller has checked.
fn parse_fixed(text: &[u8]) -> Option<i64> {
    let time = second_of_day(number(&text[11..13])?, number(&text[14..16])?, number(&text[17..19])?)?;
    let civil = Civil {
        year: number(&text[0..4])? as i32,
        month: number(&text[5..7])?,
        day: number(&text[8..10])?,
        second_of_day: time,
        micros: i64::from(number(&text[20..26])?),
    };
    civil.at_offset(0)
}

fn parse_any(text: &[u8]) -> Option<i64> {
    let mut rest = Cursor(text);
    let year = rest.digits(4)? as i32;
    rest.take(b"-")?;
    let month = rest.digits(2)?;
    rest.take(b"-")?;
    let mut civil = Civil { year, month, day: rest.digits(2)?, second_of_day: 0, micros: 0 };
    if rest.0.is_empty() {
        return civil.at_offset(0);
    }
    rest.take(b"Tt ")?;
    let hour = rest.digits(2)?;
    rest.take(b":")?;
    let minute = rest.digits(2)?;
    let second = if rest.take(b":").is_some() { rest.digits(2)? } else { 0 };
    civil.second_of_day = second_of_day(hour, minute, second)?;
    if rest.take(b".,").is_some() {
        civil.micros = rest.fraction_micros()?;
    }
    civil.at_offset(rest.offset_seconds()?)
}

/// Second 60 is accepted and becomes the next minute: a leap second has no instant of its own in Unix time.
fn second_of_day(hour: u32, minute: u32, second: u32) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second <= 60;
    valid.then(|| i64::from(hour * 3600 + minute * 60 + second))
}

fn number(digits: &[u8]) -> Option<u32> {
    let valid = digits.iter().all(u8::is_ascii_digit);
    valid.then(|| digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

/// The text that is still to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, any_of: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first().filter(|(first, _)| any_of.contains(first))?;
        self.0 = rest;
        Some(first)
    }

    /// Exactly `count` digits; `count` is small enough for a `u32`.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        number(digits)
    }

    /// One digit or more; those after the sixth are skipped.
    fn fraction_micros(&mut self) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let kept = &digits[..length.min(6)];
        let missing = 6 - kept.len() as u32;
        (length > 0).then(|| number(kept)).flatten().map(|value| i64::from(value) * 10_i64.pow(missing))
    }

    /// The offset from UTC, up to the end of the text. No offset means UTC.
    fn offset_seconds(&mut self) -> Option<i64> {
        self.take(b" ");
        let offset = self.without_zone_id();
        if offset.is_empty() {
            return self.0.is_empty().then_some(0);
        }
        if [&b"Z"[..], b"UTC", b"GMT"].iter().any(|name| name.eq_ignore_ascii_case(offset)) {
            return Some(0);
        }
        self.0 = offset;
        let sign = if self.take(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.take(b":");
            self.digits(2)?
        };
        let valid = self.0.is_empty() && hours < 24 && minutes < 60;
        valid.then(|| sign * i64::from(hours * 3600 + minutes * 60))
    }

    /// What is left, without a zone id in brackets (`+02:00[Europe/Berlin]`): the offset before it says all there is to
    /// know.
    fn without_zone_id(&self) -> &'a [u8] {
        let id_at = self.0.iter().position(|&byte| byte == b'[').filter(|_| self.0.ends_with(b"]"));
        self.0[..id_at.unwrap_or(self.0.len())].trim_ascii_end()
    }
}

#[cfg(test)]
mod tests;
