//! The HTTP response that the answer of a function in the default mode describes.
//!
//! Promises the responses of the real host, also to incomplete descriptions. Does not know the request.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::answer::Answer;

/// The response to the caller of an HTTP function. `output` is the name of its `http` output binding.
pub(crate) fn reply(answer: &Answer, output: Option<&str>) -> Response<Body> {
    let described = match output {
        Some("$return") => (!answer.return_value.is_null()).then_some(&answer.return_value),
        Some(name) => answer.outputs.as_ref().and_then(|outputs| outputs.get(name)),
        None => None,
    };
    match (described, &answer.outputs) {
        (Some(Value::Object(response)), _) => described_response(response).unwrap_or_else(|| empty(500)),
        (Some(_), _) => empty(500),
        (None, Some(_)) => text(200, Some("application/json; charset=utf-8"), "{}".to_owned()),
        (None, None) => empty(204),
    }
}

/// A response without a body.
pub(crate) fn empty(status: u16) -> Response<Body> {
    text(status, None, String::new())
}

/// A response with a body.
pub(crate) fn text(status: u16, content_type: Option<&'static str>, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(content_type) = content_type {
        response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    }
    response
}

/// `None` when the description is unusable. Ignores the key `status`, as the real host does.
fn described_response(description: &Map<String, Value>) -> Option<Response<Body>> {
    let status = match member(description, "statusCode") {
        None | Some(Value::Null) => 200,
        Some(Value::Number(number)) => u16::try_from(number.as_u64()?).ok()?,
        Some(Value::String(digits)) => digits.parse().ok()?,
        Some(_) => return None,
    };
    StatusCode::from_u16(status).ok()?;
    let mut response = match member(description, "body") {
        None | Some(Value::Null) => empty(status),
        Some(Value::String(body)) => text(status, Some("text/plain; charset=utf-8"), body.clone()),
        Some(body) => text(status, Some("application/json; charset=utf-8"), body.to_string()),
    };
    if let Some(Value::Object(headers)) = member(description, "headers") {
        for (name, value) in headers {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            response.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
        }
    }
    Some(response)
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::{Verdict, judge};

    async fn replied(answer: Value) -> (u16, String, Option<String>) {
        let Verdict::Success(answer) = judge(200, "OK", Some("application/json"), answer.to_string().as_bytes()) else {
            panic!("{answer} is not a success");
        };
        let response = reply(&answer, Some("res"));
        let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap(), content_type)
    }

    #[tokio::test]
    async fn status_body_and_headers_are_honoured() {
        let page = json!({"Outputs": {"res": {
            "statusCode": "203", "status": 500, "body": "<p>", "headers": {"Content-Type": "text/html"}}}});
        assert_eq!(replied(page).await, (203, "<p>".to_owned(), Some("text/html".to_owned())));
        let (status, body, content_type) = replied(json!({"Outputs": {"res": {"body": {"a": 1}}}})).await;
        assert_eq!((status, body.as_str()), (200, "{\"a\":1}"));
        assert_eq!(content_type.as_deref(), Some("application/json; charset=utf-8"));
    }

    #[tokio::test]
    async fn other_answers_give_the_responses_of_the_real_host() {
        assert_eq!(replied(json!({})).await.0, 204);
        let (status, body, _) = replied(json!({"Outputs": {}})).await;
        assert_eq!((status, body.as_str()), (200, "{}"));
        for res in [json!("text"), json!([1]), json!(null), json!({"statusCode": 99_999}), json!({"statusCode": {}})] {
            assert_eq!(replied(json!({"Outputs": {"res": res}})).await.0, 500, "{res}");
        }
    }
}
