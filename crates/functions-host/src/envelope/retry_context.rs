//! What a function with a retry policy is told about earlier attempts.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::time_span;
use crate::invoke::AttemptFailure;

/// The retry state of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryContext {
    /// 0 on the first attempt.
    pub retry_count: u32,
    /// `None` is without end.
    pub max_retry_count: Option<u32>,
    /// The exception of the attempt before, serialized.
    pub exception: Option<String>,
}

impl RetryContext {
    pub(super) fn json(&self) -> String {
        let max_retry_count = self.max_retry_count.map_or(-1, i64::from);
        let exception = self.exception.as_deref().unwrap_or("null");
        let count = self.retry_count;
        format!(r#"{{"RetryCount":{count},"MaxRetryCount":{max_retry_count},"Exception":{exception},"#)
            + r#""Instance":null,"State":{}}"#
    }

    /// The .NET exception the host reports for `failure`. Its keys and messages are the host's, its stack traces are
    /// cut to a line.
    pub fn exception(failure: &AttemptFailure, function: &str, invocation: Uuid) -> String {
        match failure {
            AttemptFailure::TimedOut(limit) => timeout(time_span::format(*limit), function, invocation),
            AttemptFailure::Status { code, phrase } => {
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
