//! The answers that the host accepts, to be sent as `200` with `Content-Type: application/json`: on a 2xx with an empty
//! body or another content type, the host hangs the invocation or fails it.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    outputs: Outputs<'a>,
    logs: &'a [String],
    return_value: Option<()>,
}

#[derive(Serialize, Default)]
struct Outputs<'a> {
    /// Named like the http output binding in function.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    res: Option<Response<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    /// Not `status`, which the host ignores.
    status_code: u16,
    body: &'a str,
    headers: Headers<'a>,
}

#[derive(Serialize)]
struct Headers<'a> {
    #[serde(rename = "Content-Type")]
    content_type: &'a str,
}

/// The answer of a delivery or a timer that succeeded. The host logs each of `logs` at level Information.
pub fn success(logs: &[String]) -> String {
    write(&Answer { outputs: Outputs::default(), logs, return_value: None })
}

/// The answer of an httpTrigger function in the host's default mode. Its caller gets `status`, `body` and
/// `content_type`; the invocation succeeds whatever the status is.
pub fn http_response(status: u16, body: &str, content_type: &str) -> String {
    let response = Response { status_code: status, body, headers: Headers { content_type } };
    write(&Answer { outputs: Outputs { res: Some(response) }, logs: &[], return_value: None })
}

fn write(answer: &Answer) -> String {
    serde_json::to_string(answer).expect("an answer has only strings, numbers and null, which always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_the_object_the_host_reads() {
        assert_eq!(success(&[]), r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#);
        let logs = ["2 events".to_owned(), "a \"quote\"".to_owned()];
        assert_eq!(success(&logs), r#"{"Outputs":{},"Logs":["2 events","a \"quote\""],"ReturnValue":null}"#);
    }

    #[test]
    fn a_response_travels_in_the_output_binding() {
        let expected = concat!(
            r#"{"Outputs":{"res":{"statusCode":503,"body":"<p>\"no\"</p>","headers":{"Content-Type":"text/html"}}},"#,
            r#""Logs":[],"ReturnValue":null}"#
        );
        assert_eq!(http_response(503, "<p>\"no\"</p>", "text/html"), expected);
    }
}
