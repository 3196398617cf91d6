//! Instants as the host's JSON library writes them: ticks of 100 ns, trailing zeros dropped.

use chrono::{DateTime, Utc};

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
    instant.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `2026-01-15T10:20:30.123+00:00`.
pub fn with_offset(instant: DateTime<Utc>) -> String {
    without_zone(instant) + "+00:00"
}

/// `2026-01-15T10:20:30.123Z`.
pub fn with_z(instant: DateTime<Utc>) -> String {
    without_zone(instant) + "Z"
}
