//! NCRONTAB schedules: `{second} {minute} {hour} {day} {month} {day of week}`, or five fields without seconds.
//!
//! Promises the occurrences that the real host computes. Does not know the time, nor what runs.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// When a timer fires, in UTC.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    cron: Box<Cron>,
}

impl Schedule {
    /// Parses an NCRONTAB expression.
    ///
    /// # Errors
    /// Why `text` is not one. Like the host, this refuses what only other cron dialects have: `L`, `W`, `#`, `?`,
    /// `@daily`, Sunday as 7.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refused = |reason: String| format!("schedule `{text}` is not an NCRONTAB expression: {reason}");
        if let Some(character) = text.chars().find(|character| !is_ncrontab_character(*character)) {
            return Err(refused(format!("`{character}` is not part of the language")));
        }
        let letters = text.split(|character: char| !character.is_ascii_alphabetic());
        if let Some(word) = letters.into_iter().find(|word| matches!(word.len(), 1 | 2)) {
            return Err(refused(format!("`{word}` is neither a month nor a day")));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        if !matches!(fields.len(), 5 | 6) {
            return Err(refused(format!("it has {} fields, not 6 (or 5 without seconds)", fields.len())));
        }
        if fields.last().is_some_and(|day_of_week| day_of_week.contains('7')) {
            return Err(refused("days of the week are 0 (Sunday) to 6".to_owned()));
        }
        // In NCRONTAB a date must match both the day of the month and the day of the week.
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).dom_and_dow(true).build();
        let schedule =
            parser.parse(text).map(|cron| Self { cron: Box::new(cron) }).map_err(|error| refused(error.to_string()))?;
        match schedule.next_after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(refused("it never fires".to_owned())),
        }
    }

    /// The first occurrence after `instant`, on a whole second.
    pub(crate) fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Otherwise the occurrence would have the fraction of `instant`.
        self.cron.find_next_occurrence(&instant.trunc_subsecs(0), false).ok()
    }

    /// Whether two of the next occurrences are less than a minute apart. The host never monitors such a schedule.
    pub(crate) fn fires_more_than_once_a_minute(&self, from: DateTime<Utc>) -> bool {
        const OCCURRENCES_CHECKED: usize = 5;
        let occurrences: Vec<_> = self.cron.iter_after(from).take(OCCURRENCES_CHECKED).collect();
        occurrences.windows(2).any(|pair| pair[1] - pair[0] < TimeDelta::minutes(1))
    }
}

fn is_ncrontab_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, ' ' | '\t' | '*' | '/' | ',' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrences(schedule: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let mut at: DateTime<Utc> = from.parse().unwrap();
        let mut found = Vec::new();
        for _ in 0..count {
            at = schedule.next_after(at).unwrap();
            found.push(at.format("%a %d %H:%M:%S").to_string());
        }
        found
    }

    #[test]
    fn six_fields_begin_with_seconds() {
        let from = "2026-01-15T10:20:30Z";
        assert_eq!(occurrences("*/20 * * * * *", from, 2), ["Thu 15 10:20:40", "Thu 15 10:21:00"]);
        assert_eq!(occurrences("0 */5 * * * *", from, 2), ["Thu 15 10:25:00", "Thu 15 10:30:00"]);
        assert_eq!(occurrences("30 20 10 * * *", from, 1), ["Fri 16 10:20:30"], "strictly after");
        let late = "2026-01-15T10:20:30.003Z".parse().unwrap();
        let next = Schedule::parse("0 * * * * *").unwrap().next_after(late).unwrap();
        assert_eq!(next.to_string(), "2026-01-15 10:21:00 UTC", "without the fraction");
    }

    #[test]
    fn five_fields_fire_on_the_minute() {
        assert_eq!(occurrences("*/15 * * * *", "2026-01-15T10:20:30Z", 2), ["Thu 15 10:30:00", "Thu 15 10:45:00"]);
    }

    #[test]
    fn day_of_month_and_day_of_week_must_both_match() {
        assert_eq!(occurrences("0 0 0 13 * FRI", "2026-01-15T00:00:00Z", 2), ["Fri 13 00:00:00", "Fri 13 00:00:00"]);
        assert_eq!(occurrences("0 0 9 * * MON-FRI", "2026-01-16T10:00:00Z", 1), ["Mon 19 09:00:00"]);
    }

    #[test]
    fn other_dialects_are_refused() {
        for text in ["", "* * * *", "0 0 0 L * *", "0 0 0 15W * *", "0 0 0 * * 5#2", "@daily", "0 0 0 1 1 * 2026"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
        for text in ["0 0 0 * * 7", "0 0 0 ? * *", "0 61 * * * *", "00:05:00", "0 0 0 31 2 *"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_frequent_schedules_are_frequent() {
        let from = "2026-01-15T10:20:30Z".parse().unwrap();
        for (schedule, frequent) in [("0 * * * * *", false), ("*/30 * * * * *", true), ("0,59 0 * * * *", true)] {
            assert_eq!(Schedule::parse(schedule).unwrap().fires_more_than_once_a_minute(from), frequent, "{schedule}");
        }
    }
}
