//! What the Functions host sends to a custom handler, and what it expects back.
//!
//! Promises that every form in which the host can send events (`cardinality` many, one or absent; `dataType` binary,
//! string or unset; Event Hubs extension 5.x and 6.x) becomes the same [`ReceivedBatch`]. Whatever cannot be read
//! without guessing is an [`EnvelopeError`] that names the setting to change. A client's body never decides its own
//! position. All of it is pure: bytes in, values out.
//!
//! Does not know what is in an event, nor tables, the status codes of a delivery, or the time.
//!
//! The request is `{"Data": {<binding>: ...}, "Metadata": {...}}`. Everything but objects and base64 is encoded twice:
//! a number is a string that holds a number, an array a string that holds an array (`json` decodes both). Only the
//! binary form keeps the bytes as they were sent; see `payload` for what the others lose.
//!
//! [`decode_events`] makes a batch from `payload` (the bodies) and `position` or `one` (their positions);
//! `answer` writes what goes back. A timer's invocation is not read at all, because nothing in it decides what is
//! computed.

mod error;
mod json;
mod payload;
mod position;
mod one;
mod answer;

pub use answer::{http_response, success};
pub use error::EnvelopeError;

use crate::event::ids::SourcePartition;
use crate::event::received::{ReceivedBatch, ReceivedEvent};
use bytes::Bytes;
use json::Envelope;
use one::Trusted;
use payload::Payload;
use position::EventPosition;

/// Reads the invocation of an eventHubTrigger whose binding is named `binding`. All bodies are slices of one
/// allocation. An empty batch is a batch. Takes less than 2 ms for 1,000 events of 700 bytes in the binary form (1.4
/// MB), most of them for finding where the metadata ends.
///
/// # Errors
/// If a position is missing, ambiguous or out of order, or could have been written by the client.
pub fn decode_events(body: Bytes, binding: &str) -> Result<ReceivedBatch, EnvelopeError> {
    let envelope = Envelope::read(&body)?;
    let metadata = &envelope.metadata;
    match Payload::decode(envelope.binding(binding)?, &format!("Data.{binding}"))? {
        Payload::Many(bodies) => {
            let source = position::partition(metadata)?;
            let positions = position::positions(metadata, bodies.len())?;
            batch(source, bodies, positions)
        }
        Payload::OneBinary(body) => one(&Trusted::new(metadata, None), body),
        Payload::OneText(text) => one(&Trusted::new(metadata, Some(&text)), text.clone().into()),
    }
}

fn one(trusted: &Trusted, body: Bytes) -> Result<ReceivedBatch, EnvelopeError> {
    batch(trusted.partition()?, vec![body], vec![trusted.position()?])
}

fn batch(
    source: SourcePartition,
    bodies: Vec<Bytes>,
    positions: Vec<EventPosition>,
) -> Result<ReceivedBatch, EnvelopeError> {
    check_order(&positions)?;
    let event = |(position, body): (EventPosition, Bytes)| ReceivedEvent {
        sequence_number: position.sequence_number,
        offset: position.offset,
        enqueued_at: position.enqueued_at,
        body,
    };
    Ok(ReceivedBatch { source, events: positions.into_iter().zip(bodies).map(event).collect() })
}

/// One number for each partition says how far it is committed, so a batch out of order would lose events.
fn check_order(positions: &[EventPosition]) -> Result<(), EnvelopeError> {
    for (before, pair) in positions.windows(2).enumerate() {
        let (previous, sequence_number) = (pair[0].sequence_number.0, pair[1].sequence_number.0);
        if sequence_number <= previous {
            return Err(EnvelopeError::NotGrowing { index: before + 1, previous, sequence_number });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
