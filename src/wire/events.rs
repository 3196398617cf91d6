//! One delivery of events: bodies and positions put together.

use super::envelope::Envelope;
use super::error::EnvelopeError;
use super::many;
use super::one::Trusted;
use super::payload::Payload;
use super::position::EventPosition;
use crate::event::ids::SourcePartition;
use crate::event::received::{ReceivedBatch, ReceivedEvent};
use bytes::Bytes;

/// Reads the invocation of an eventHubTrigger whose binding is named `binding`. Bodies are slices of one allocation;
/// an empty batch is a batch. Measured: below 2 ms per 1,000 events of 700 bytes in the
/// binary form (1.4 MB), most of it spent on finding where the metadata ends.
///
/// # Errors
/// Whenever a position is missing, ambiguous, out of order, or could have been written by the client.
pub fn decode_events(body: Bytes, binding: &str) -> Result<ReceivedBatch, EnvelopeError> {
    let envelope = Envelope::read(&body)?;
    let metadata = &envelope.metadata;
    match Payload::decode(envelope.binding(binding)?, &format!("Data.{binding}"))? {
        Payload::Many(bodies) => {
            let source = many::partition(metadata)?;
            let positions = many::positions(metadata, bodies.len())?;
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
    refuse_unless_growing(&positions)?;
    let event = |(position, body): (EventPosition, Bytes)| ReceivedEvent {
        sequence_number: position.sequence_number,
        offset: position.offset,
        enqueued_at: position.enqueued_at,
        body,
    };
    Ok(ReceivedBatch { source, events: positions.into_iter().zip(bodies).map(event).collect() })
}

/// What was committed is remembered as one number per partition, so a batch out of order would lose events.
fn refuse_unless_growing(positions: &[EventPosition]) -> Result<(), EnvelopeError> {
    for (before, pair) in positions.windows(2).enumerate() {
        let (previous, sequence_number) = (pair[0].sequence_number.0, pair[1].sequence_number.0);
        if sequence_number <= previous {
            return Err(EnvelopeError::NotGrowing { index: before + 1, previous, sequence_number });
        }
    }
    Ok(())
}
