//! Reads settings without stopping at the first bad one.
//!
//! Promises that every message names the setting, its value and what is expected. Does not know which settings there are.

use crate::event::time::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where settings come from: the process's environment, a row of `control/settings`, or a map in a test.
pub trait Environment {
    fn get(&self, name: &str) -> Option<String>;
    fn names(&self) -> Vec<String>;
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// One setting that is missing or cannot be read, or what is wrong with one of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    setting: &'static str,
    detail: String,
}

/// All settings that are missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    problems: Vec<Problem>,
}

impl Invalid {
    /// Each setting with what is wrong with it.
    pub fn problems(&self) -> String {
        let each = self.problems.iter().map(|problem| format!("`{}` {}", problem.setting, problem.detail));
        each.collect::<Vec<_>>().join("; ")
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.problems.iter().map(|problem| problem.setting).collect::<BTreeSet<_>>().len();
        let what = if settings == 1 { "setting is" } else { "settings are" };
        write!(f, "cannot start, {settings} {what} wrong: {}", self.problems())
    }
}

/// Collects problems while settings are read. A setting with a problem gets its default, and [`Reader::finish`] fails.
pub struct Reader<'a> {
    environment: &'a dyn Environment,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub fn new(environment: &'a dyn Environment) -> Self {
        Reader { environment, problems: Vec::new() }
    }

    pub fn environment(&self) -> &'a dyn Environment {
        self.environment
    }

    /// `parse` gives the value, or what is expected instead. An empty setting counts as not set.
    pub fn optional<T>(&mut self, setting: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.environment.get(setting)?;
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.problems.push(Problem { setting, detail: format!("is `{text}`, expected {expected}") });
                None
            }
        }
    }

    /// Like [`Reader::optional`], but a setting that is not set is a problem; `expected` says what its value means.
    pub fn required<T>(
        &mut self,
        setting: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let before = self.problems.len();
        let value = self.optional(setting, parse);
        if value.is_none() && self.problems.len() == before {
            self.problems.push(Problem { setting, detail: format!("is not set, expected {expected}") });
        }
        value
    }

    /// A whole number, never negative.
    pub fn number<T: TryFrom<u64>>(&mut self, setting: &'static str, default: T) -> T {
        let parse = |text: &str| {
            let number: u64 = text.parse().map_err(|_| "a whole number, 0 or more".to_owned())?;
            T::try_from(number).map_err(|_| format!("a number below 2^{}", 8 * size_of::<T>()))
        };
        self.optional(setting, parse).unwrap_or(default)
    }

    pub fn span(&mut self, setting: &'static str, default: Span) -> Span {
        let expected = || format!("a duration such as {EXAMPLES}");
        self.optional(setting, |text| parse_span(text).ok_or_else(expected)).unwrap_or(default)
    }

    /// A duration, or `None` for a setting of `none`.
    pub fn limit(&mut self, setting: &'static str, default: Option<Span>) -> Option<Span> {
        let parse = |text: &str| match text.eq_ignore_ascii_case(NO_LIMIT) {
            true => Ok(None),
            false => parse_span(text).map(Some).ok_or_else(|| format!("a duration such as {EXAMPLES}, or `none`")),
        };
        self.optional(setting, parse).unwrap_or(default)
    }

    /// One of `choices`, each a word and what it stands for; the first is the default.
    pub fn choice<T: Copy, const N: usize>(&mut self, setting: &'static str, choices: &[(&str, T); N]) -> T {
        const { assert!(N > 0, "there is something to choose") };
        let parse = |text: &str| {
            let chosen = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            let words = || choices.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
            chosen.map(|(_, value)| *value).ok_or_else(words)
        };
        self.optional(setting, parse).unwrap_or(choices[0].1)
    }

    /// A setting of several entries. `parse` gives the value, or what is wrong with each entry that is wrong.
    pub fn entries<T: Default>(&mut self, setting: &'static str, parse: impl Fn(&str) -> Result<T, Vec<String>>) -> T {
        let text = self.environment.get(setting).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return T::default();
        }
        parse(text).unwrap_or_else(|problems| {
            self.problems.extend(problems.into_iter().map(|detail| Problem { setting, detail }));
            T::default()
        })
    }

    pub fn finish<T>(self, settings: T) -> Result<T, Invalid> {
        if self.problems.is_empty() { Ok(settings) } else { Err(Invalid { problems: self.problems }) }
    }
}

/// The text that means no limit.
pub(super) const NO_LIMIT: &str = "none";

const EXAMPLES: &str = "`90s`, `30m`, `7h`, `30d` or `00:30:00`";

/// A duration as people write it: a number with its unit, or hours, minutes and seconds.
fn parse_span(text: &str) -> Option<Span> {
    let seconds = if text.contains(':') { clock_seconds(text) } else { unit_seconds(text) }?;
    // A span stops at its largest value; a setting beyond that is a mistake.
    seconds.checked_mul(1_000_000).map(Span::from_micros)
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
            assert_eq!(parse_span(text), Some(Span::from_seconds(seconds)), "{text}");
        }
        for text in ["", "30", "m", "-3m", "3w", "1:2", "00:60:00", "99999999999999999d", "ż", "none"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }

    /// What is said about settings of these values: a number, a duration, a limit, and one that must be set.
    fn problems(settings: &[(&str, &str)]) -> String {
        let environment: BTreeMap<String, String> =
            settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let mut reader = Reader::new(&environment);
        let number = reader.number("NUMBER", 7_u32);
        let span = reader.span("SPAN", Span::ZERO);
        let limit = reader.limit("LIMIT", Some(Span::ZERO));
        reader.entries("ENTRIES", |text| -> Result<(), _> {
            Err(text.split(',').map(|name| format!("entry `{name}` is wrong")).collect())
        });
        let url = reader.required("URL", "where it is", |text| Ok(text.to_owned()));
        match reader.finish((number, span, limit, url)) {
            Ok(settings) => format!("{settings:?}"),
            Err(invalid) => invalid.to_string(),
        }
    }

    #[test]
    fn settings_that_are_right_are_read() {
        assert_eq!(problems(&[("URL", " x "), ("NUMBER", ""), ("LIMIT", "None")]), r#"(7, Span(0), None, Some("x"))"#);
    }

    #[test]
    fn a_message_names_every_setting_its_value_and_what_is_expected() {
        assert_eq!(problems(&[]), "cannot start, 1 setting is wrong: `URL` is not set, expected where it is");
        assert_eq!(
            problems(&[("URL", "x"), ("NUMBER", "-1"), ("SPAN", "none"), ("LIMIT", "soon")]),
            "cannot start, 3 settings are wrong: `NUMBER` is `-1`, expected a whole number, 0 or more; `SPAN` is \
             `none`, expected a duration such as `90s`, `30m`, `7h`, `30d` or `00:30:00`; `LIMIT` is `soon`, expected \
             a duration such as `90s`, `30m`, `7h`, `30d` or `00:30:00`, or `none`"
        );
        assert_eq!(
            problems(&[("URL", "x"), ("ENTRIES", "a,b")]),
            "cannot start, 1 setting is wrong: `ENTRIES` entry `a` is wrong; `ENTRIES` entry `b` is wrong"
        );
        assert_eq!(
            problems(&[("URL", "x"), ("NUMBER", "4294967296")]),
            "cannot start, 1 setting is wrong: `NUMBER` is `4294967296`, expected a number below 2^32"
        );
    }
}
