//! The HTTP requests that the host sends to the handler.
//!
//! Promises the headers and the framing of the recorded requests. Does not know what a body says.

use std::io;

use bytes::Bytes;
use futures::stream;
use reqwest::{Body, Client, RequestBuilder};
use uuid::Uuid;

/// The version of the host whose requests were recorded.
const HOST_VERSION: &str = "4.1037.0.0";

/// How the host frames the bodies of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFormat {
    /// In chunks, as in Azure.
    Chunked,
    /// With a `Content-Length`, as under the Core Tools.
    ContentLength,
}

/// The request that calls a function at `url`.
pub(crate) fn invocation(client: &Client, url: &str, id: Uuid, body: Bytes, format: RequestFormat) -> RequestBuilder {
    let body = match format {
        RequestFormat::ContentLength => Body::from(body),
        RequestFormat::Chunked => Body::wrap_stream(stream::iter(chunks(body).map(Ok::<_, io::Error>))),
    };
    with_host_headers(client.post(url), id)
        .header("User-Agent", format!("Azure-Functions-Host/{HOST_VERSION}"))
        .header("Content-Type", "application/json; charset=utf-8")
        .body(body)
}

/// Adds the headers that every request of the host has, also a forwarded one.
pub(crate) fn with_host_headers(request: RequestBuilder, id: Uuid) -> RequestBuilder {
    request
        .header("X-Azure-Functions-HostVersion", HOST_VERSION)
        .header("X-Azure-Functions-InvocationId", id.to_string())
}

/// The host sends a chunk for every 1,024 UTF-16 code units, wherever that is.
const UNITS_PER_CHUNK: usize = 1_024;

/// Cuts a UTF-8 text into the chunks in which the host sends it, lazily and without copying.
fn chunks(body: Bytes) -> impl Iterator<Item = Bytes> + Send {
    let mut rest = body;
    // A surrogate pair that crosses a boundary moves to the next chunk, which then has one unit more.
    let mut units_moved = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (length, left_out) = chunk_length(&rest, UNITS_PER_CHUNK + units_moved);
        units_moved = left_out;
        Some(rest.split_to(length))
    })
}

/// How many bytes the first `units` code units have, and how many units are left out because they are half a character.
fn chunk_length(text: &[u8], units: usize) -> (usize, usize) {
    if text.len() <= units || text[..units].is_ascii() {
        return (units.min(text.len()), 0);
    }
    let mut length = 0;
    let mut left = units;
    while length < text.len() {
        let (bytes, units) = match text[length] {
            0x00..=0x7f => (1, 1),
            0x80..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            0xf0..=0xff => (4, 2),
        };
        if units > left {
            break;
        }
        length += bytes;
        left -= units;
    }
    (length.min(text.len()), if length < text.len() { left } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Vec<usize> {
        let chunks: Vec<Bytes> = chunks(Bytes::from(text.to_owned())).collect();
        assert_eq!(chunks.concat(), text.as_bytes());
        assert!(chunks.iter().all(|chunk| std::str::from_utf8(chunk).is_ok()));
        chunks.iter().map(Bytes::len).collect()
    }

    #[test]
    fn chunks_are_counted_in_utf16_units() {
        assert_eq!(lengths(""), [0; 0]);
        assert_eq!(lengths(&"a".repeat(2_100)), [1_024, 1_024, 52]);
        assert_eq!(lengths(&("ż".to_owned() + &"a".repeat(2_100))), [1_025, 1_024, 53]);
        assert_eq!(lengths(&("a".repeat(1_023) + "😀" + &"a".repeat(1_023))), [1_023, 4 + 1_023]);
        assert_eq!(lengths(&"😀".repeat(512)), [2_048]);
    }
}
