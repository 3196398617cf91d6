//! A number to an instant: seconds, milliseconds or microseconds since the epoch, told apart by magnitude.
//!
//! The ranges do not overlap for any time between 1973 and 5138, so no sender has to say which unit it uses.

use super::TimestampError;
use crate::event::decimal::{scaled, whole_part};
use chrono::{NaiveDate, NaiveDateTime};

/// The instant in microseconds since the epoch.
pub(super) fn parse(number: &str) -> Result<i64, TimestampError> {
    let whole = whole_part(number).map_err(|_| TimestampError::Unreadable)?;
    let looks_like_date = calendar(whole).filter(|_| !number.starts_with('-'));
    if let Some(meant) = looks_like_date {
        return Err(TimestampError::LooksLikeDate(meant));
    }
    let places = match whole {
        100_000_000..100_000_000_000 => 6,
        100_000_000_000..100_000_000_000_000 => 3,
        100_000_000_000_000..100_000_000_000_000_000 => 0,
        _ => return Err(TimestampError::Unreadable),
    };
    let micros = scaled(number, places).map_err(|_| TimestampError::Unreadable)?;
    i64::try_from(micros).map_err(|_| TimestampError::Unreadable)
}

/// The date of `YYYYMMDD`, or the time of `YYYYMMDDHHMMSS`.
fn calendar(digits: u64) -> Option<NaiveDateTime> {
    let (date, clock) = match digits {
        10_000_000..100_000_000 => (digits, 0),
        10_000_000_000_000..100_000_000_000_000 => (digits / 1_000_000, digits % 1_000_000),
        _ => return None,
    };
    let [date, clock] = [u32::try_from(date).ok()?, u32::try_from(clock).ok()?];
    let day = NaiveDate::from_ymd_opt((date / 10_000) as i32, date / 100 % 100, date % 100)?;
    day.and_hms_opt(clock / 10_000, clock / 100 % 100, clock % 100)
}

#[cfg(test)]
mod tests {
    use crate::event::time::{Timestamp, TimestampError};

    fn shown(number: &str) -> String {
        match Timestamp::parse_epoch(number) {
            Ok(at) => at.to_string(),
            Err(TimestampError::Unreadable) => "unreadable".to_owned(),
            Err(TimestampError::LooksLikeDate(meant)) => format!("looks like {meant}"),
        }
    }

    #[test]
    fn the_magnitude_tells_the_unit() {
        let cases = [
            ("1714557600", "2024-05-01T10:00:00.000000Z"),
            ("1714557600.0", "2024-05-01T10:00:00.000000Z"),
            ("1714557600.123", "2024-05-01T10:00:00.123000Z"),
            ("1.7145576e9", "2024-05-01T10:00:00.000000Z"),
            ("+1714557600", "2024-05-01T10:00:00.000000Z"),
            ("1714557600123", "2024-05-01T10:00:00.123000Z"),
            ("1714557600123.4567", "2024-05-01T10:00:00.123457Z"),
            ("1.714557600123E12", "2024-05-01T10:00:00.123000Z"),
            ("1714557600123456", "2024-05-01T10:00:00.123456Z"),
            ("1714557600123456.7", "2024-05-01T10:00:00.123457Z"),
            ("100000000", "1973-03-03T09:46:40.000000Z"),
            ("99999999999", "5138-11-16T09:46:39.000000Z"),
            ("100000000000", "1973-03-03T09:46:40.000000Z"),
            ("99999999999999", "5138-11-16T09:46:39.999000Z"),
            ("100000000000000", "1973-03-03T09:46:40.000000Z"),
            ("99999999999999999", "5138-11-16T09:46:39.999999Z"),
            ("-1714557600", "1915-09-02T14:00:00.000000Z"),
        ];
        for (number, expected) in cases {
            assert_eq!(shown(number), expected, "{number}");
        }
    }

    #[test]
    fn what_has_no_unit_is_unreadable() {
        for number in [
            "0",
            "-1",
            "99999999.9",
            "100000000000000000",
            "1714557600123456789",
            "-99999999999",
            "1e300",
            "x",
            "",
            "NaN",
        ] {
            assert_eq!(shown(number), "unreadable", "{number}");
        }
    }

    #[test]
    fn digits_that_are_a_date_to_a_person_are_no_instant() {
        let cases = [
            ("20240501", "looks like 2024-05-01 00:00:00"),
            ("20240501.0", "looks like 2024-05-01 00:00:00"),
            ("2.0240501e7", "looks like 2024-05-01 00:00:00"),
            ("20240501100000", "looks like 2024-05-01 10:00:00"),
            ("20240501235959.5", "looks like 2024-05-01 23:59:59"),
            ("20241301", "unreadable"),
            ("20240230", "unreadable"),
            ("17145576000000", "2513-04-28T04:00:00.000000Z"),
            ("20240501246060", "2611-05-26T01:27:26.060000Z"),
        ];
        for (number, expected) in cases {
            assert_eq!(shown(number), expected, "{number}");
        }
        assert_eq!(Timestamp::parse("20240501"), Timestamp::parse_epoch("20240501"));
    }
}
