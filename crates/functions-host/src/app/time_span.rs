//! Durations as the host's settings write them: `[d.]hh:mm:ss[.fffffff]`.

use std::time::Duration;

/// The duration, or `None` when `text` is not a non-negative time span.
pub fn parse(text: &str) -> Option<Duration> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let whole = number(days)? * 86_400 + below(hours, 24)? * 3_600 + below(minutes, 60)? * 60 + below(seconds, 60)?;
    let fraction_digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 7)?;
    let nanoseconds = number(fraction)? * 10_u64.pow(9 - fraction_digits);
    Some(Duration::new(whole, u32::try_from(nanoseconds).ok()?))
}

/// `duration` as the host prints it, without the fraction.
pub fn format(duration: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_and_printed() {
        for (text, milliseconds) in
            [("00:00:02", 2_000), ("00:10:00", 600_000), ("1.00:00:00", 86_400_000), ("00:00:00.8", 800)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "-1", "5", "00:10", "24:00:00", "00:60:00", "00:00:-1", "00:00:01.12345678", "a:b:c"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(format(Duration::from_secs(90_010)), "1.01:00:10");
        assert_eq!(format(Duration::from_millis(10_900)), "00:00:10");
    }
}
