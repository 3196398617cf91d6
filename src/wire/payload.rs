//! The bodies of the events: `Data.<binding>`, in whichever form function.json makes the host send it.
//!
//! | cardinality | dataType | content of the string | body we keep |
//! |---|---|---|---|
//! | many | binary | array of base64 | the bytes as sent |
//! | many | string | array of strings | the text; bytes that are not UTF-8 arrive as U+FFFD |
//! | many | unset | array of any JSON | the JSON text of the element, **rewritten** by the host |
//! | one, absent | binary | base64 | the bytes as sent |
//! | one, absent | string, unset | a string within the string | the text |
//!
//! Rewritten means: times may have another offset, numbers and escapes another spelling, repeated members are dropped,
//! and an empty body has become `null`. We keep the element's text exactly as the host wrote it.
//!
//! The request does not say which form it has, but its content does, and a client cannot change that except in one
//! corner case. The first character separates "one" from "many". Within "many", an element that is not a string means
//! unset. A batch of strings only is binary if **every** element is padded base64 of the standard alphabet. JSON
//! objects start with `{` and are never base64, so no event that parses is ever misread. Two kinds of batch can be: a
//! string batch in which every text looks like base64 (`true`, `1234`, an empty text), and an unset batch of JSON
//! strings only, which we read as the strings' content. Every event of these is rejected in either reading, but bronze
//! keeps other bytes than were sent. `"dataType": "binary"` has no such corner case, and it is what we ship.

use super::error::EnvelopeError;
use super::json::{Elements, MAX_EVENTS, Text, content, start_of};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The bodies of one invocation.
pub(super) enum Payload {
    Many(Vec<Bytes>),
    OneBinary(Bytes),
    /// If the text is a JSON object, the host has copied its members into the metadata.
    OneText(String),
}

impl Payload {
    /// `object` names the value in errors: `Data.events`.
    pub fn decode(raw: &RawValue, object: &str) -> Result<Self, EnvelopeError> {
        if let Some(bodies) = binary_as_shipped(raw.get()) {
            return Ok(Payload::Many(bodies));
        }
        let not_json = |source| EnvelopeError::NotJson { object: object.to_owned(), source };
        let text = content(raw).map_err(not_json)?;
        if text.starts_with('[') {
            return many(&text, object);
        }
        if text.starts_with('"') {
            return serde_json::from_str(&text).map(Payload::OneText).map_err(not_json);
        }
        let is_string = raw.get().starts_with('"');
        match base64_simd::STANDARD.decode_to_vec(text.as_bytes()) {
            Ok(bytes) if is_string => Ok(Payload::OneBinary(bytes.into())),
            _ => Err(EnvelopeError::UnknownForm { object: object.to_owned(), start: start_of(&text) }),
        }
    }
}

/// The binary form exactly as the host writes it, `"[\"<base64>\",...]"`, read without unescaping. Gives what [`many`]
/// would give, in a third of the time and without copying the request. `None` for any other form.
fn binary_as_shipped(raw: &str) -> Option<Vec<Bytes>> {
    const QUOTE: &str = "\\\"";
    let mut rest = raw.strip_prefix("\"[")?.strip_suffix("]\"")?;
    let mut slices = Slices::with_capacity(0, rest.len() / 4 * 3);
    while slices.ends.len() < MAX_EVENTS {
        rest = rest.strip_prefix(QUOTE)?;
        let (encoded, after) = rest.split_at(rest.find('\\')?);
        base64_simd::STANDARD.decode_append(encoded.as_bytes(), &mut slices.buffer).ok()?;
        slices.end_one();
        rest = after.strip_prefix(QUOTE)?;
        if rest.is_empty() {
            return Some(slices.finish());
        }
        rest = rest.strip_prefix(',')?;
    }
    None
}

/// An array of bodies: binary, string or unset.
fn many(text: &str, object: &str) -> Result<Payload, EnvelopeError> {
    let not_json = |source| EnvelopeError::NotJson { object: object.to_owned(), source };
    let elements: Elements<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
    if elements.count > MAX_EVENTS {
        return Err(EnvelopeError::TooManyEvents { limit: MAX_EVENTS });
    }
    let elements = elements.kept;
    if elements.iter().any(|raw| !raw.get().starts_with('"')) {
        return Ok(Payload::Many(contiguous(elements.iter().map(|raw| raw.get()))));
    }
    let texts: Vec<Cow<str>> = elements
        .iter()
        .map(|raw| serde_json::from_str(raw.get()).map(|text: Text| text.0))
        .collect::<Result<_, _>>()
        .map_err(not_json)?;
    let bodies = base64(&texts).unwrap_or_else(|| contiguous(texts.iter().map(|text| text.as_ref())));
    Ok(Payload::Many(bodies))
}

/// `None` unless all of `texts` are padded base64 of the standard alphabet.
fn base64(texts: &[Cow<str>]) -> Option<Vec<Bytes>> {
    let mut slices = Slices::with_capacity(texts.len(), texts.iter().map(|text| text.len() / 4 * 3).sum());
    for text in texts {
        base64_simd::STANDARD.decode_append(text.as_bytes(), &mut slices.buffer).ok()?;
        slices.end_one();
    }
    Some(slices.finish())
}

/// The bytes of `texts` as they are.
fn contiguous<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Vec<Bytes> {
    let (events, bytes) = texts.clone().fold((0, 0), |(events, bytes), text| (events + 1, bytes + text.len()));
    let mut slices = Slices::with_capacity(events, bytes);
    for text in texts {
        slices.buffer.extend_from_slice(text.as_bytes());
        slices.end_one();
    }
    slices.finish()
}

/// Bodies one after the other in a single allocation.
struct Slices {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Slices {
    fn with_capacity(events: usize, bytes: usize) -> Self {
        Slices { buffer: Vec::with_capacity(bytes), ends: Vec::with_capacity(events) }
    }

    fn end_one(&mut self) {
        self.ends.push(self.buffer.len());
    }

    fn finish(self) -> Vec<Bytes> {
        let buffer = Bytes::from(self.buffer);
        let mut start = 0;
        let slice_to = |end| {
            let body = buffer.slice(start..end);
            start = end;
            body
        };
        self.ends.into_iter().map(slice_to).collect()
    }
}
