//! The problems of a run for a person: each once, with how often it happened, and whether it can heal.
//!
//! Knows which answers of the functions mean that a person has to act. Does not know what a person sees of it.

use functions_host::AttemptFailure;
use serde_json::Value;
use std::collections::BTreeMap;

/// Problems with other words than these many are printed each time.
const MAX_DISTINCT: usize = 1_000;

/// Answers by which a function says that something has to be changed before it can succeed: its first digit is 4.
const MUST_BE_CHANGED: std::ops::Range<u16> = 400..500;

/// Counts problems that read alike but for numbers and ids.
#[derive(Debug, Default)]
pub struct Problems {
    by_words: BTreeMap<String, (String, u64)>,
}

impl Problems {
    /// The line that a person reads now: at the first, the tenth, the hundredth time.
    pub fn add(&mut self, text: String) -> Option<String> {
        let words = words(&text);
        if self.by_words.len() >= MAX_DISTINCT && !self.by_words.contains_key(&words) {
            return Some(text);
        }
        let (_, times) = self.by_words.entry(words).or_insert_with(|| (text.clone(), 0));
        *times += 1;
        match *times {
            1 => Some(text),
            times if 10_u64.pow(times.ilog10()) == times => Some(format!("{text} ({times} times so far)")),
            _ => None,
        }
    }

    /// What happened several times, for the end of a run.
    pub fn repeated(&self) -> impl Iterator<Item = String> {
        let repeated = self.by_words.values().filter(|(_, times)| *times > 1);
        repeated.map(|(text, times)| format!("{times} times: {text}"))
    }
}

/// `text` without the numbers, ids and names of files in it.
fn words(text: &str) -> String {
    let is_word = |word: &&str| !word.contains(|c: char| c.is_ascii_digit());
    text.split(|c: char| !c.is_alphanumeric() && !"-_./".contains(c)).filter(is_word).collect::<Vec<_>>().join(" ")
}

/// A failure with the reason that the function gave.
pub fn described(failure: &AttemptFailure) -> String {
    match failure {
        AttemptFailure::Status { body, .. } => match reason(body) {
            Some(reason) => format!("{failure}: {reason}"),
            None => failure.to_string(),
        },
        other => other.to_string(),
    }
}

fn reason(body: &str) -> Option<String> {
    serde_json::from_str::<Value>(body).ok()?.get("error")?.as_str().map(str::to_owned)
}

/// Whether the function will fail in the same way until a person changes a setting, a table or a permission.
pub fn cannot_heal(failure: &AttemptFailure) -> bool {
    matches!(failure, AttemptFailure::Status { code, .. } if MUST_BE_CHANGED.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, body: &str) -> AttemptFailure {
        AttemptFailure::Status { code, phrase: "X".into(), body: body.into() }
    }

    #[test]
    fn a_problem_is_printed_once_and_then_more_and_more_seldom() {
        let mut problems = Problems::default();
        let mut printed = Vec::new();
        for number in 0..120 {
            printed.extend(problems.add(format!("cannot write `part-{number}f.parquet` of partition {number}")));
        }
        printed.extend(problems.add("cannot read it".into()));
        assert_eq!(
            printed,
            [
                "cannot write `part-0f.parquet` of partition 0",
                "cannot write `part-9f.parquet` of partition 9 (10 times so far)",
                "cannot write `part-99f.parquet` of partition 99 (100 times so far)",
                "cannot read it"
            ]
        );
        assert_eq!(Vec::from_iter(problems.repeated()), ["120 times: cannot write `part-0f.parquet` of partition 0"]);
    }

    #[test]
    fn the_reason_of_a_function_is_shown_and_its_status_says_whether_waiting_helps() {
        let refused = answered(409, r#"{"error": "cannot use table `t`"}"#);
        assert_eq!(described(&refused), "handler answered 409 (X): cannot use table `t`");
        assert!(cannot_heal(&refused));
        assert_eq!(described(&answered(503, "away")), "handler answered 503 (X)");
        assert!(!cannot_heal(&answered(503, "away")) && !cannot_heal(&AttemptFailure::Connection("reset".into())));
    }
}
