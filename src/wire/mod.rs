//! What the Functions host sends to a custom handler, and what it expects back.
//!
//! Promises: every form in which the host can hand over events (`cardinality` many, one or absent; `dataType` binary,
//! string or unset; Event Hubs extension 5.x and 6.x) becomes the same [`ReceivedBatch`], and whatever cannot be read
//! without guessing is an [`EnvelopeError`] that names the setting of function.json to change. A client's body never
//! decides its own position. All of it is pure: bytes in, values out.
//!
//! Refuses to know: what is in an event, tables, HTTP status codes of a delivery, the clock.
//!
//! The request is `{"Data": {<binding>: ...}, "Metadata": {...}}`. All but objects and base64 is written twice: a
//! number is a string that holds a number, an array a string that holds an array ([`value`] undoes it). Only the
//! binary form keeps the bytes as they were sent; see [`payload`] for what the others lose.
//!
//! Reading order: [`events`] puts a batch together from [`payload`] (the bodies) and [`many`] or [`one`] (their
//! positions); [`answer`] writes what goes back. A timer's invocation is not read at all: nothing in it decides what is
//! computed.

pub mod events;
mod payload;
mod many;
mod one;
mod position;
mod envelope;
mod value;
pub mod answer;
mod error;
#[cfg(test)]
mod tests;

pub use answer::{http_response, success};
pub use error::EnvelopeError;
pub use events::decode_events;

#[cfg(doc)]
use crate::event::received::ReceivedBatch;
