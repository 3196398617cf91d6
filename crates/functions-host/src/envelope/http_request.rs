//! An HTTP request for a function that is called in the default mode.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Envelope, Members, dotnet_json, json};

/// A request as it reached the host.
#[derive(Debug, Clone, Default)]
pub struct InboundRequest {
    /// Absolute, with query.
    pub url: String,
    pub method: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// What the route template captured.
    pub parameters: BTreeMap<String, String>,
    pub body: Bytes,
}

/// The one identity of a request without authentication.
const ANONYMOUS: &str = concat!(
    r#"[{"AuthenticationType":null,"IsAuthenticated":false,"Actor":null,"BootstrapContext":null,"Claims":[],"#,
    r#""Label":null,"Name":null,"NameClaimType":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name","#,
    r#""RoleClaimType":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}]"#
);

/// The envelope of an HTTP request.
pub fn http_request(binding: &str, request: &InboundRequest) -> Envelope {
    let mut data = Members::default();
    data.json(binding, &format!("{{{}}}", request_object(request).0));
    Envelope::new(&data, &metadata(request))
}

fn request_object(request: &InboundRequest) -> Members {
    let mut headers = Members::default();
    request.headers.iter().for_each(|(name, value)| headers.json(&header_case(name), &json(&[value])));
    let mut members = Members::default();
    members.text("Url", &request.url);
    members.text("Method", &request.method);
    members.json("Query", &object(&request.query));
    members.json("Headers", &format!("{{{}}}", headers.0));
    members.json("Params", &json(&request.parameters));
    members.json("Identities", ANONYMOUS);
    if !request.body.is_empty() {
        members.text("Body", &body_text(request));
    }
    members
}

/// Text, except for the content types the host knows to be binary.
fn body_text(request: &InboundRequest) -> String {
    let content_type = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let binary = content_type
        .is_some_and(|(_, value)| value.starts_with("application/octet-stream") || value.starts_with("multipart/"));
    match binary {
        true => base64_simd::STANDARD.encode_to_string(&request.body),
        false => String::from_utf8_lossy(&request.body).into_owned(),
    }
}

/// Route parameters, query values and, where the body is a JSON object, its scalars: all at the top level.
fn metadata(request: &InboundRequest) -> Members {
    let mut scalars: BTreeMap<&str, &str> = BTreeMap::new();
    scalars.extend(request.query.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    scalars.extend(request.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let mut members = Members::default();
    for (key, value) in scalars {
        members.quoted(key, value);
    }
    if let Ok(dotnet_json::Value::Object(body)) = dotnet_json::parse(&String::from_utf8_lossy(&request.body)) {
        for (key, value) in body {
            match value {
                dotnet_json::Value::Null | dotnet_json::Value::Array(_) => {}
                dotnet_json::Value::Object(_) => members.json(&key, &value.json()),
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
    format!("{{{}}}", members.0)
}

/// `content-type` as `Content-Type`.
fn header_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect::<Vec<_>>().join("-")
}
