//! Instants as the host's JSON library writes them: ticks of 100 ns, trailing zeros dropped.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// `2026-01-15T10:20:30.123`, without a zone.
pub fn without_zone(instant: DateTime<Utc>) -> String {
    let ticks = instant.timestamp_subsec_nanos() / 100;
    let seconds = whole_seconds(instant);
    match ticks {
        0 => seconds,
        _ => format!("{seconds}.{ticks:07}").trim_end_matches('0').to_owned(),
    }
}

/// `2026-01-15T10:20:30`: what is left of an instant that is not inside an array.
pub fn whole_seconds(instant: DateTime<Utc>) -> String {
    // Three times per event of a batch, which `DateTime::format` is too slow for.
    let (date, time) = (instant.date_naive(), instant.time());
    let (year, month, day) = (date.year(), date.month(), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `2026-01-15T10:20:30.123+00:00`.
pub fn with_offset(instant: DateTime<Utc>) -> String {
    without_zone(instant) + "+00:00"
}

/// `2026-01-15T10:20:30.123Z`.
pub fn with_z(instant: DateTime<Utc>) -> String {
    without_zone(instant) + "Z"
}
