//! Reading settings without stopping at the first bad one.

use super::Environment;
use super::duration::{self, Span};
use std::fmt;
use std::str::FromStr;

/// One setting that is missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub setting: &'static str,
    pub detail: String,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    pub problems: Vec<Problem>,
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> =
            self.problems.iter().map(|problem| format!("`{}` {}", problem.setting, problem.detail)).collect();
        write!(f, "cannot start, {} settings are wrong: {}", each.len(), each.join("; "))
    }
}

/// Collects problems while settings are read.
pub(super) struct Reader<'a> {
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

    /// `parse` gives the value, or what was expected instead. An empty setting counts as not set.
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

    pub fn required<T>(
        &mut self,
        setting: &'static str,
        meaning: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let before = self.problems.len();
        let value = self.optional(setting, parse);
        if value.is_none() && self.problems.len() == before {
            self.problems.push(Problem { setting, detail: format!("is not set: {meaning}") });
        }
        value
    }

    pub fn number<T: FromStr>(&mut self, setting: &'static str, default: T) -> T {
        self.optional(setting, |text| text.parse().map_err(|_| "a whole number".into())).unwrap_or(default)
    }

    /// Microseconds.
    pub fn span(&mut self, setting: &'static str, default: i64) -> i64 {
        let limited = |text: &str| match duration::parse_limit(text)? {
            Span::Micros(micros) => Ok(micros),
            Span::Unlimited => Err("a duration such as `30m`".to_owned()),
        };
        self.optional(setting, limited).unwrap_or(default)
    }

    pub fn finish<T>(self, settings: T) -> Result<T, Invalid> {
        if self.problems.is_empty() { Ok(settings) } else { Err(Invalid { problems: self.problems }) }
    }
}
