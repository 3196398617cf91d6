//! The envelopes of timer runs, and of HTTP requests to functions in the default mode.
//!
//! Promises the values that the host binds to `timer` and to `req`. Does not know schedules, nor how a request is
//! received.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::attempt::Envelope;
use super::dotnet::{Members, Value, parse, to_json, with_offset};

/// When a timer ran last and runs next. The host writes `None` as the year 0001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduleStatus {
    pub(crate) last: Option<DateTime<Utc>>,
    /// During a run, the occurrence for which it runs.
    pub(crate) next: DateTime<Utc>,
    pub(crate) last_updated: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TimerInfo {
    schedule: ScheduleInfo,
    schedule_status: Option<StatusInfo>,
    is_past_due: bool,
}

#[derive(Serialize)]
struct ScheduleInfo {
    #[serde(rename = "AdjustForDST")]
    adjust_for_dst: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusInfo {
    last: String,
    next: String,
    last_updated: String,
}

/// The envelope of a timer run. `status` is `None` for a schedule that is not monitored.
pub(crate) fn timer(binding: &str, status: Option<&ScheduleStatus>, is_past_due: bool) -> Envelope {
    let schedule_status = status.map(|status| StatusInfo {
        last: instant(status.last),
        next: instant(Some(status.next)),
        last_updated: instant(status.last_updated),
    });
    let info = TimerInfo { schedule: ScheduleInfo { adjust_for_dst: true }, schedule_status, is_past_due };
    let mut data = Members::default();
    data.json(binding, &to_json(&info));
    Envelope::new(&data, &Members::default())
}

fn instant(instant: Option<DateTime<Utc>>) -> String {
    instant.map_or_else(|| "0001-01-01T00:00:00+00:00".to_owned(), with_offset)
}

/// A request from outside, as the host received it.
#[derive(Debug, Clone, Default)]
pub(crate) struct InboundRequest {
    /// Absolute, with the query.
    pub(crate) url: String,
    pub(crate) method: String,
    /// Percent-decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    /// The parameters that the route template captured.
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

/// The only identity of a request without authentication.
const ANONYMOUS: &str = concat!(
    r#"[{"AuthenticationType":null,"IsAuthenticated":false,"Actor":null,"BootstrapContext":null,"Claims":[],"#,
    r#""Label":null,"Name":null,"NameClaimType":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name","#,
    r#""RoleClaimType":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}]"#
);

/// The envelope of an HTTP request.
pub(crate) fn http_request(binding: &str, request: &InboundRequest) -> Envelope {
    let mut data = Members::default();
    data.json(binding, &request_object(request).object());
    Envelope::new(&data, &request_metadata(request))
}

fn request_object(request: &InboundRequest) -> Members {
    let mut headers = Members::default();
    request.headers.iter().for_each(|(name, value)| headers.json(&header_case(name), &to_json(&[value])));
    let mut members = Members::default();
    members.text("Url", &request.url);
    members.text("Method", &request.method);
    members.json("Query", &object(&request.query));
    members.json("Headers", &headers.object());
    members.json("Params", &to_json(&request.parameters));
    members.json("Identities", ANONYMOUS);
    if !request.body.is_empty() {
        members.text("Body", &body_text(request));
    }
    members
}

/// Base64 for the content types that the host treats as binary, otherwise text.
fn body_text(request: &InboundRequest) -> String {
    let content_type = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let binary = content_type
        .is_some_and(|(_, value)| value.starts_with("application/octet-stream") || value.starts_with("multipart/"));
    match binary {
        true => base64_simd::STANDARD.encode_to_string(&request.body),
        false => String::from_utf8_lossy(&request.body).into_owned(),
    }
}

/// Route parameters, query values and, when the body is a JSON object, its members without arrays: all at the top
/// level.
fn request_metadata(request: &InboundRequest) -> Members {
    let mut scalars: BTreeMap<&str, &str> = BTreeMap::new();
    scalars.extend(request.query.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    scalars.extend(request.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let mut members = Members::default();
    for (key, value) in scalars {
        members.quoted(key, value);
    }
    if let Ok(Value::Object(body)) = parse(&String::from_utf8_lossy(&request.body)) {
        for (key, value) in body {
            match value {
                Value::Null | Value::Array(_) => {}
                Value::Object(_) => members.json(&key, &value.json()),
                scalar => members.quoted(&key, &scalar.text()),
            }
        }
    }
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (header_case(name), value.clone())).collect();
    members.json("Query", &object(&request.query));
    members.json("Headers", &object(&headers));
    members
}

fn object(entries: &[(String, String)]) -> String {
    let mut members = Members::default();
    entries.iter().for_each(|(key, value)| members.text(key, value));
    members.object()
}

/// `content-type` as `Content-Type`.
fn header_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect::<Vec<_>>().join("-")
}
