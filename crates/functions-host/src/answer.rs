//! What the handler's answer to a call means, and how an attempt and an invocation can end.
//!
//! Promises the reading of the Functions host, oddities included. Does not know how a call is made or repeated.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::app::syntax::format_time_span;

/// How much of the body of a failure is kept.
const MAX_BODY_BYTES: usize = 8 << 10;

/// How an invocation ended, after all its attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum InvocationOutcome {
    /// The last attempt succeeded.
    Succeeded(Answer),
    /// The last attempt that the retry policy allows failed.
    Failed(AttemptFailure),
    /// There was no answer before the host stopped or gave up, or the lease was lost.
    Abandoned,
}

/// What a successful answer says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The lines of `Logs`.
    pub logs: Vec<String>,
    /// `Outputs`, by the name of the output binding; `None` when the answer has no such member.
    pub outputs: Option<Map<String, Value>>,
    /// `ReturnValue`, or `null`.
    pub return_value: Value,
}

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttemptFailure {
    /// The handler answered with a status other than 2xx.
    #[error("handler answered {code} ({phrase})")]
    Status {
        /// The status code.
        code: u16,
        /// Its reason phrase.
        phrase: String,
        /// The start of the body. The real host discards it, so nothing else depends on it.
        body: String,
    },
    /// The connection was refused or reset, or the handler process ended.
    #[error("no answer from the handler: {0}")]
    Connection(String),
    /// The attempt took longer than the function timeout, so the host killed the handler, with all its other calls.
    #[error("no answer within the function timeout of {limit}", limit = format_time_span(*.0))]
    TimedOut(Duration),
    /// The answer is a success that the host cannot read.
    #[error("handler answered 2xx, but {0}")]
    InvalidAnswer(String),
    /// The events could not be converted for the binding, so the handler was not called.
    #[error("cannot hand over the events: {0}")]
    Unbindable(String),
}

/// What the host makes of an answer to a call in the default mode.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The call succeeded.
    Success(Answer),
    /// The attempt failed.
    Failure(AttemptFailure),
    /// A success without a body, or with `null`: the host never notices that the call has ended.
    Hang,
}

/// Interprets a complete answer.
pub(crate) fn judge(code: u16, phrase: &str, content_type: Option<&str>, body: &[u8]) -> Verdict {
    if !(200..300).contains(&code) {
        let body = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY_BYTES)]).into_owned();
        return Verdict::Failure(AttemptFailure::Status { code, phrase: phrase.to_owned(), body });
    }
    if body.is_empty() {
        return Verdict::Hang;
    }
    if !content_type.is_some_and(is_json) {
        let content_type = content_type.unwrap_or("missing");
        return invalid(format!("its content type is `{content_type}`, not `application/json`"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Null) => Verdict::Hang,
        Ok(Value::Object(members)) => answer(members).map_or_else(invalid, Verdict::Success),
        Ok(other) => invalid(format!("its body is not a JSON object: {other}")),
        Err(error) => invalid(format!("its body is not JSON: {error}")),
    }
}

fn invalid(reason: String) -> Verdict {
    Verdict::Failure(AttemptFailure::InvalidAnswer(reason))
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "text/json"].iter().any(|json| media_type.eq_ignore_ascii_case(json))
}

/// Ignores the case of keys, and unknown keys.
fn answer(members: Map<String, Value>) -> Result<Answer, String> {
    let mut answer = Answer::default();
    for (key, value) in members {
        match (key.to_ascii_lowercase().as_str(), value) {
            ("outputs", Value::Null) | ("logs", Value::Null) => {}
            ("outputs", Value::Object(outputs)) => answer.outputs = Some(outputs),
            ("outputs", _) => return Err("`Outputs` is not an object".to_owned()),
            ("logs", Value::Array(lines)) => answer.logs = lines.into_iter().map(log_line).collect::<Result<_, _>>()?,
            ("logs", _) => return Err("`Logs` is not an array".to_owned()),
            ("returnvalue", value) => answer.return_value = value,
            _ => {}
        }
    }
    Ok(answer)
}

fn log_line(line: Value) -> Result<String, String> {
    match line {
        Value::String(line) => Ok(line),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(if value { "True" } else { "False" }.to_owned()),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => Err("an element of `Logs` is not a string".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json; charset=utf-8");

    fn meaning(code: u16, content_type: Option<&str>, body: &str) -> String {
        match judge(code, "X", content_type, body.as_bytes()) {
            Verdict::Success(answer) => format!("success {:?}", answer.logs),
            Verdict::Failure(failure) => format!("failure: {failure}"),
            Verdict::Hang => "hang".to_owned(),
        }
    }

    #[test]
    fn objects_are_successes() {
        for body in ["{}", r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#, r#"{"unknown":1}"#, r#"{"Logs":null}"#] {
            assert_eq!(meaning(200, JSON, body), "success []", "{body}");
        }
        assert_eq!(meaning(201, Some("TEXT/JSON"), r#"{"logs":["a",1,true]}"#), r#"success ["a", "1", "True"]"#);
    }

    #[test]
    fn successes_without_an_object_hang() {
        for (code, content_type, body) in [(200, JSON, ""), (204, None, ""), (200, JSON, "null"), (200, JSON, " null ")]
        {
            assert_eq!(meaning(code, content_type, body), "hang", "{body:?}");
        }
    }

    #[test]
    fn everything_else_fails() {
        for (code, content_type, body, expected) in [
            (500, JSON, "{}", "failure: handler answered 500 (X)"),
            (304, JSON, "{}", "failure: handler answered 304 (X)"),
            (200, Some("text/plain"), "{}", "`text/plain`"),
            (200, None, "{}", "`missing`"),
            (200, JSON, "[]", "not a JSON object"),
            (200, JSON, "\"ok\"", "not a JSON object"),
            (200, JSON, "{", "not JSON"),
            (200, JSON, r#"{"Logs":[{}]}"#, "an element of `Logs`"),
            (200, JSON, r#"{"Outputs":[]}"#, "`Outputs` is not an object"),
        ] {
            let meaning = meaning(code, content_type, body);
            assert!(meaning.starts_with("failure: ") && meaning.contains(expected), "{body}: {meaning}");
        }
    }
}
