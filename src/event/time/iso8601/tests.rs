//! Times as they are sent, and the instant that each gives, if any.

use crate::event::time::Timestamp;
use proptest::prelude::*;

fn shown(text: &str) -> String {
    Timestamp::parse(text).map_or_else(|_| "unreadable".to_owned(), |at| at.to_string())
}

#[test]
fn every_spelling_of_one_instant() {
    let spellings = [
        "2024-02-29T10:05:03.500000Z",
        "2024-02-29T10:05:03.5Z",
        "2024-02-29t10:05:03.5z",
        "2024-02-29 10:05:03.5",
        "2024-02-29T10:05:03,5",
        "2024-02-29T10:05:03.500000000Z",
        "2024-02-29T10:05:03.5000000000000000000000Z",
        "2024-02-29T12:05:03.5+02:00",
        "2024-02-29T12:05:03.5+0200",
        "2024-02-29T12:05:03.5+02",
        "2024-02-29 12:05:03.5 +0200",
        "2024-02-29T04:35:03.5-05:30",
        "2024-03-01T09:05:03.5+23:00",
        "  2024-02-29T10:05:03.5Z\n",
        "2024-02-29 10:05:03.5 UTC",
        "2024-02-29 10:05:03.5 gmt",
        "2024-02-29T10:05:03.5UTC",
        "2024-02-29 10:05:03.5 Z",
        "2024-02-29 12:05:03.5 +02:00",
        "2024-02-29T12:05:03.5+02:00[Europe/Berlin]",
        "2024-02-29T10:05:03.5Z[UTC]",
        "2024-02-29 10:05:03.5 UTC [Etc/UTC]",
        "1709201103500",
        "1709201103.5",
    ];
    for text in spellings {
        assert_eq!(shown(text), "2024-02-29T10:05:03.500000Z", "{text}");
    }
}

#[test]
fn what_is_left_out_is_zero() {
    let cases = [
        ("2024-02-29T10:05Z", "2024-02-29T10:05:00.000000Z"),
        ("2024-02-29 10:05+01", "2024-02-29T09:05:00.000000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
        ("2024-02-29T10:05:03", "2024-02-29T10:05:03.000000Z"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn a_leap_second_is_the_next_second() {
    assert_eq!(shown("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000000Z");
    assert_eq!(shown("2016-12-31T23:59:60.250000Z"), "2017-01-01T00:00:00.250000Z");
}

#[test]
fn digits_beyond_microseconds_are_cut_off() {
    assert_eq!(shown("2024-01-01T00:00:00.9999999Z"), "2024-01-01T00:00:00.999999Z");
    assert_eq!(shown("1969-12-31T23:59:59.9999999Z"), "1969-12-31T23:59:59.999999Z");
}

#[test]
fn only_the_years_0001_to_9999() {
    assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z"), Ok(Timestamp::EARLIEST));
    assert_eq!(Timestamp::parse("9999-12-31T23:59:59.999999Z"), Ok(Timestamp::LATEST));
    for text in [
        "0000-12-31T23:00:00-02:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-01:00",
        "10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "-62135596800001",
        "99999999999999999999999",
    ] {
        assert_eq!(shown(text), "unreadable", "{text}");
    }
}

#[test]
fn what_is_not_a_time_is_unreadable() {
    for text in [
        "",
        "yesterday",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-10T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T10:60:00Z",
        "2024-01-01T10:00:61Z",
        "2024-01-01T10:00:61.000000Z",
        "2024-01-01T10:00:0x.000000Z",
        "2024-01-01T10:00:00.Z",
        "2024-01-01T10:00:00ZZ",
        "2024-01-01T10:00:00+2",
        "2024-01-01T10:00:00+02:",
        "2024-01-01T10:00:00+02:0",
        "2024-01-01T10:00:00+24:00",
        "2024-01-01T10:00:00+02:60",
        "2024-01-01T",
        "2024-01-01T10",
        "2024-1-1",
        "01/02/2024",
        "2024-01-01T10:00:00\u{2212}02:00",
        "-",
        "--5",
        "1.5",
    ] {
        assert_eq!(shown(text), "unreadable", "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(micros in Timestamp::EARLIEST.0..=Timestamp::LATEST.0) {
        prop_assert_eq!(Timestamp::parse(&Timestamp(micros).to_string()), Ok(Timestamp(micros)));
    }

    #[test]
    fn an_offset_only_moves_the_clock_face(micros in 0_i64..4_000_000_000_000_000, minutes in -1_439_i64..1_440) {
        let face = Timestamp(micros).plus_micros(minutes * 60_000_000).to_string();
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let text = format!("{}{sign}{hours:02}:{rest:02}", face.trim_end_matches('Z'));
        prop_assert_eq!(Timestamp::parse(&text), Ok(Timestamp(micros)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = Timestamp::parse(&text);
    }

    #[test]
    fn near_misses_are_read_or_refused(text in "[0-9TtZz:+., -]{0,40}") {
        if let Ok(at) = Timestamp::parse(&text) {
            prop_assert!((Timestamp::EARLIEST..=Timestamp::LATEST).contains(&at));
        }
    }
}
