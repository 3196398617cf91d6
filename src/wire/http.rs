//! Requests that reach an httpTrigger function in the host's default mode, wrapped in an invocation like any other.
//! (With `enableForwardingHttpRequest` the original request arrives instead and nothing here is needed.)

use super::envelope::Envelope;
use super::error::EnvelopeError;
use super::value::{content, members};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpInvocation {
    /// Upper case: `GET`.
    pub method: String,
    /// Absolute, as the caller sent it, query included.
    pub url: String,
    pub query: BTreeMap<String, String>,
    /// Text as sent (base64 of it where the content type is binary); `None` without a body.
    pub body: Option<String>,
}

/// Reads the request under `Data.<binding>`; what it lacks is empty.
///
/// # Errors
/// If the invocation is not JSON or has no such binding.
pub fn decode_http(body: &[u8], binding: &str) -> Result<HttpInvocation, EnvelopeError> {
    let envelope = Envelope::read(body)?;
    let request = members(envelope.binding(binding)?).unwrap_or_default();
    let text = |name| request.get(name).and_then(|raw: &&RawValue| content(raw).ok()).map(|text| text.into_owned());
    let query = request.get("Query").and_then(|raw| serde_json::from_str(raw.get()).ok());
    Ok(HttpInvocation {
        method: text("Method").unwrap_or_default(),
        url: text("Url").unwrap_or_default(),
        query: query.unwrap_or_default(),
        body: text("Body").filter(|body| body != "null"),
    })
}
