//! The HTTP requests of the host.

use std::io;

use bytes::Bytes;
use futures::stream;
use reqwest::{Body, Client, RequestBuilder};
use uuid::Uuid;

use super::chunks::chunks;

/// The version the recorded requests come from.
const HOST_VERSION: &str = "4.1037.0.0";

/// How bodies are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFormat {
    /// As the host does in Azure.
    Chunked,
    /// As it does under the Core Tools.
    ContentLength,
}

/// The call of one function.
pub fn invocation(client: &Client, url: &str, id: Uuid, body: Bytes, format: RequestFormat) -> RequestBuilder {
    let body = match format {
        RequestFormat::ContentLength => Body::from(body),
        RequestFormat::Chunked => Body::wrap_stream(stream::iter(chunks(body).map(Ok::<_, io::Error>))),
    };
    marked(client.post(url), id)
        .header("User-Agent", format!("Azure-Functions-Host/{HOST_VERSION}"))
        .header("Content-Type", "application/json; charset=utf-8")
        .body(body)
}

/// The request with the headers that every request of the host carries, forwarded ones too.
pub fn marked(request: RequestBuilder, id: Uuid) -> RequestBuilder {
    request
        .header("X-Azure-Functions-HostVersion", HOST_VERSION)
        .header("X-Azure-Functions-InvocationId", id.to_string())
}
