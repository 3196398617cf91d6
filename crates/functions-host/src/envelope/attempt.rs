//! The envelope of an invocation, and the body of each attempt with its retry state.
//!
//! Promises `{"Data":{..},"Metadata":{..,"sys":{..},"RetryContext":{..}}}`. Does not know what a trigger puts in
//! `Data`.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::dotnet::{Members, to_json, with_z};
use crate::answer::AttemptFailure;
use crate::app::syntax::format_time_span;

/// The part of a body that every attempt of one invocation repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// From the opening brace to the place of `sys`.
    head: String,
    /// The members after `sys` and `RetryContext`, each with a comma before it.
    extra_metadata: String,
}

/// The part of a body that is new in every attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) function: &'a str,
    pub(crate) sent_at: DateTime<Utc>,
    pub(crate) random_id: Uuid,
    /// Present when the function has a retry policy, also in the first attempt.
    pub(crate) retry: Option<&'a RetryContext>,
}

impl Envelope {
    pub(super) fn new(data: &Members, metadata: &Members) -> Self {
        let (data, metadata) = (data.object(), metadata.as_str());
        let separator = if metadata.is_empty() { "" } else { "," };
        Self { head: format!(r#"{{"Data":{data},"Metadata":{{{metadata}{separator}"#), extra_metadata: String::new() }
    }

    /// Adds a member after `sys` and `RetryContext`; `value` is JSON.
    pub(super) fn add_metadata(&mut self, key: &str, value: &str) {
        self.extra_metadata.push_str(&format!(",{}:{value}", to_json(key)));
    }

    /// The complete body of one attempt.
    pub(crate) fn body(&self, attempt: Attempt<'_>) -> Bytes {
        let sys = Sys {
            method_name: attempt.function,
            utc_now: with_z(attempt.sent_at),
            rand_guid: attempt.random_id.to_string(),
        };
        let mut tail = Members::default();
        tail.json("sys", &to_json(&sys));
        if let Some(retry) = attempt.retry {
            tail.json("RetryContext", &retry.json());
        }
        [&self.head, tail.as_str(), &self.extra_metadata, "}}"].concat().into()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sys<'a> {
    method_name: &'a str,
    utc_now: String,
    rand_guid: String,
}

/// The retry state of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RetryContext {
    /// 0 in the first attempt.
    pub(crate) retry_count: u32,
    /// `None` is no limit.
    pub(crate) max_retry_count: Option<u32>,
    /// The JSON of the exception with which the previous attempt failed.
    pub(crate) exception: Option<String>,
}

impl RetryContext {
    fn json(&self) -> String {
        let max_retry_count = self.max_retry_count.map_or(-1, i64::from);
        let exception = self.exception.as_deref().unwrap_or("null");
        let count = self.retry_count;
        format!(r#"{{"RetryCount":{count},"MaxRetryCount":{max_retry_count},"Exception":{exception},"#)
            + r#""Instance":null,"State":{}}"#
    }

    /// The JSON of the .NET exception that the host reports for `failure`. The keys and messages are those of the host;
    /// a stack trace is one line.
    pub(crate) fn exception(failure: &AttemptFailure, function: &str, invocation: Uuid) -> String {
        match failure {
            AttemptFailure::TimedOut(limit) => timeout(format_time_span(*limit), function, invocation),
            AttemptFailure::Status { code, phrase, .. } => {
                let message = format!("Response status code does not indicate success: {code} ({phrase}).");
                failed(function, invocation, &http_error(&message, Some(*code), &Value::Null))
            }
            AttemptFailure::Connection(reason) => {
                let cause = http_error(&format!("The response ended prematurely. ({reason})"), None, &Value::Null);
                failed(function, invocation, &http_error("An error occurred while sending the request.", None, &cause))
            }
            AttemptFailure::InvalidAnswer(_) | AttemptFailure::Unbindable(_) => {
                let cause = json!({"ClassName": "System.InvalidOperationException", "Message": failure.to_string(),
                    "Data": null, "InnerException": null, "HResult": -2_146_233_079});
                failed(function, invocation, &cause)
            }
        }
        .to_string()
    }
}

fn http_error(message: &str, status: Option<u16>, inner: &Value) -> Value {
    json!({"HttpRequestError": if status.is_some() { 0 } else { 10 }, "StatusCode": status, "Message": message,
        "Data": {}, "InnerException": inner, "HelpLink": null, "Source": "System.Net.Http", "HResult": -2_146_233_088,
        "StackTrace": "   at System.Net.Http.HttpClient.SendAsync(HttpRequestMessage request)"})
}

fn failed(function: &str, invocation: Uuid, inner: &Value) -> Value {
    json!({"InstanceId": invocation.to_string(), "MethodName": format!("Host.Functions.{function}"), "Handled": false,
        "ClassName": "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
        "Message": format!("Exception while executing function: Functions.{function}"), "Data": null,
        "InnerException": inner, "HelpURL": null,
        "StackTraceString": "   at Microsoft.Azure.WebJobs.Host.Executors.FunctionExecutor.TryExecuteAsync()",
        "RemoteStackTraceString": null, "RemoteStackIndex": 0, "ExceptionMethod": null, "HResult": -2_146_233_088,
        "Source": "System.Private.CoreLib", "WatsonBuckets": null})
}

fn timeout(limit: String, function: &str, invocation: Uuid) -> Value {
    let message = format!("Timeout value of {limit} was exceeded by function: Functions.{function}");
    json!({"Timeout": limit, "InstanceId": invocation.to_string(), "MethodName": format!("Functions.{function}"),
        "Handled": false, "ClassName": "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException", "Message": message,
        "Data": null, "InnerException": null, "HelpURL": null,
        "StackTraceString": "   at Microsoft.Azure.WebJobs.Host.Executors.FunctionExecutor.TryHandleTimeoutAsync()",
        "RemoteStackTraceString": null, "RemoteStackIndex": 0, "ExceptionMethod": null, "HResult": -2_146_233_088,
        "Source": "Microsoft.Azure.WebJobs.Host", "WatsonBuckets": null})
}
