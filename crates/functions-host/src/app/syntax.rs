//! How the files of an app write things: JSON with comments, time spans, names.
//!
//! Promises the leniency and the limits of the real host's parsers. Does not know which setting a value belongs to.

use std::time::Duration;

use serde::de::DeserializeOwned;

/// Parses a JSON file as `T`. Accepts a byte order mark, comments and trailing commas.
///
/// # Errors
/// What is wrong with the JSON, with the line and column in `text`.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(&strict(text.trim_start_matches('\u{feff}')))
}

/// Replaces what strict JSON does not allow with spaces, so that positions in error messages stay true.
fn strict(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut pending_comma = None;
    let mut at = 0;
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        at = match bytes[at] {
            b'"' => {
                pending_comma = None;
                end_of_string(&bytes, at)
            }
            b'/' if next == Some(b'/') => blank(&mut bytes, at, b"\n"),
            b'/' if next == Some(b'*') => blank(&mut bytes, at, b"*/"),
            b',' => {
                pending_comma = Some(at);
                at + 1
            }
            b']' | b'}' => {
                if let Some(comma) = pending_comma.take() {
                    bytes[comma] = b' ';
                }
                at + 1
            }
            byte => {
                pending_comma = pending_comma.filter(|_| byte.is_ascii_whitespace());
                at + 1
            }
        };
    }
    // It is still UTF-8: only whole comments and commas were replaced, by spaces.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn end_of_string(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// Overwrites the comment at `start` with spaces, but keeps line ends. Returns the position after it.
fn blank(bytes: &mut [u8], start: usize, terminator: &[u8]) -> usize {
    let length = bytes[start + 2..].windows(terminator.len()).position(|window| window == terminator);
    let end = length.map_or(bytes.len(), |length| start + 2 + length + terminator.len());
    for byte in &mut bytes[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    end
}

/// Parses a time span such as `[d.]hh:mm:ss[.fffffff]`. Returns `None` when `text` is not one, or is negative.
pub(crate) fn parse_time_span(text: &str) -> Option<Duration> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let whole = number(days)? * 86_400 + below(hours, 24)? * 3_600 + below(minutes, 60)? * 60 + below(seconds, 60)?;
    let fraction_digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 7)?;
    let nanoseconds = number(fraction)? * 10_u64.pow(9 - fraction_digits);
    Some(Duration::new(whole, u32::try_from(nanoseconds).ok()?))
}

/// Formats `duration` as the host prints it, in whole seconds.
pub(crate) fn format_time_span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match seconds / 86_400 {
        0 => clock,
        days => format!("{days}.{clock}"),
    }
}

fn below(digits: &str, limit: u64) -> Option<u64> {
    number(digits).filter(|value| *value < limit)
}

fn number(digits: &str) -> Option<u64> {
    let plain = (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Whether the host accepts `name` for a function and its folder: `^[a-z][a-z0-9_\-]{0,127}$` in any case, and not
/// `host`.
pub(crate) fn is_function_name(name: &str) -> bool {
    is_name(name, |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
        && !name.eq_ignore_ascii_case("host")
}

/// Whether the host accepts `name` for a binding: `^[a-zA-Z][a-zA-Z0-9]{0,127}$`, or the return value.
pub(crate) fn is_binding_name(name: &str) -> bool {
    name == "$return" || is_name(name, |character| character.is_ascii_alphanumeric())
}

fn is_name(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.len() <= 128 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn marks_comments_and_trailing_commas_are_accepted() {
        let text = "\u{feff}{ // first, }\n \"a\": [1, 2, /* three, */ ],\n \"url\": \"http://x/*,}\\\"//\", }";
        assert_eq!(parse_json::<Value>(text).unwrap(), json!({"a": [1, 2], "url": "http://x/*,}\"//"}));
    }

    #[test]
    fn errors_keep_their_position() {
        let error = parse_json::<Value>("{ /* one\n two */ \"a\" 1 }").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, 13));
        assert!(parse_json::<Value>("[1 2]").is_err());
    }

    #[test]
    fn time_spans_are_read_and_printed() {
        for (text, milliseconds) in
            [("00:00:02", 2_000), ("00:10:00", 600_000), ("1.00:00:00", 86_400_000), ("00:00:00.8", 800)]
        {
            assert_eq!(parse_time_span(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "-1", "5", "00:10", "24:00:00", "00:60:00", "00:00:-1", "00:00:01.12345678", "a:b:c"] {
            assert_eq!(parse_time_span(text), None, "{text}");
        }
        assert_eq!(format_time_span(Duration::from_secs(90_010)), "1.01:00:10");
        assert_eq!(format_time_span(Duration::from_millis(10_900)), "00:00:10");
    }

    #[test]
    fn function_names_follow_the_hosts_pattern() {
        let longest = "a".repeat(128);
        for name in ["ingest", "Ingest-2_b", "a", longest.as_str()] {
            assert!(is_function_name(name), "{name}");
        }
        let too_long = "a".repeat(129);
        for name in ["", "1st", "_a", "a.b", "a b", "żaba", "host", "Host", too_long.as_str()] {
            assert!(!is_function_name(name), "{name}");
        }
    }

    #[test]
    fn binding_names_have_neither_underscore_nor_hyphen() {
        for name in ["events", "A1", "$return"] {
            assert!(is_binding_name(name), "{name}");
        }
        for name in ["", "a_b", "a-b", "1a", "$result"] {
            assert!(!is_binding_name(name), "{name}");
        }
    }
}
