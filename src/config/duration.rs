//! Durations as people write them: `90s`, `30m`, `7h`, `30d`, `00:30:00`, and `none` for no limit.

/// A duration, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Micros(i64),
    Unlimited,
}

const EXPECTED: &str = "a duration such as `90s`, `30m`, `7h`, `30d`, `00:30:00`, or `none`";

pub fn parse_limit(text: &str) -> Result<Span, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Span::Unlimited);
    }
    let seconds = if text.contains(':') { clock_seconds(text) } else { unit_seconds(text) };
    let micros = seconds.and_then(|seconds| seconds.checked_mul(1_000_000));
    micros.map(Span::Micros).ok_or_else(|| EXPECTED.to_owned())
}

fn unit_seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    digits(number)?.checked_mul(seconds)
}

fn clock_seconds(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(digits);
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = parts.next().is_none() && minutes < 60 && seconds < 60;
    fits.then(|| hours.checked_mul(3_600)?.checked_add(minutes * 60 + seconds)).flatten()
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("7h", 25_200), ("30d", 2_592_000), ("00:30:00", 1_800)] {
            assert_eq!(parse_limit(text), Ok(Span::Micros(seconds * 1_000_000)), "{text}");
        }
        assert_eq!(parse_limit("none"), Ok(Span::Unlimited));
        for text in ["", "30", "m", "-3m", "3w", "1:2", "00:60:00", "99999999999999999d", "ż"] {
            assert!(parse_limit(text).is_err(), "{text}");
        }
    }
}
