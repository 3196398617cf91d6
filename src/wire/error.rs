//! Why an invocation could not be read, and who can change that.
//!
//! Each message says what was attempted, on what, and which setting helps. The host throws away the body of a failed
//! answer, so this sentence in the log is all that an operator sees.

use crate::error::{Consequence, Kind};
use thiserror::Error;

/// The invocation cannot be read without guessing.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    #[error("cannot read the invocation: its body ends after {bytes} bytes, within the JSON")]
    CutOff { bytes: usize, source: serde_json::Error },

    #[error("cannot read `{object}` as JSON")]
    NotJson { object: String, source: serde_json::Error },

    #[error(
        "cannot find `Data.{binding}` in the invocation, which has {found}: \
         set the `name` of the eventHubTrigger in function.json to `{binding}`"
    )]
    NoBinding { binding: String, found: String },

    #[error("cannot tell the form of `{object}`, which starts with `{start}`: {SHIPPED_FORM}")]
    UnknownForm { object: String, start: String },

    #[error(
        "cannot read more than {limit} events in one invocation: \
         lower extensions.eventHubs.maxEventBatchSize in host.json"
    )]
    TooManyEvents { limit: usize },

    #[error(
        "cannot find `PartitionContext` in the invocation's metadata: a run started through the admin API has no \
         position and cannot be ingested, send its events to the event hub"
    )]
    NoPartition,

    #[error(
        "cannot find `{member}` in the metadata's `PartitionContext`: \
         use an extension bundle of [4.32.0, 5.0.0) in host.json"
    )]
    IncompletePartition { member: &'static str },

    #[error("cannot find `{key}` in the invocation's metadata: {SHIPPED_FORM}")]
    NoMetadata { key: &'static str },

    #[error("cannot read element {index} of `{key}`: expected {expected}, found `{found}`")]
    BadElement { key: &'static str, index: usize, expected: &'static str, found: String },

    #[error(
        "cannot tell which position belongs to which event: `{key}` holds {found} values for {events} events: \
         {SHIPPED_FORM}"
    )]
    LengthsDiffer { key: &'static str, found: usize, events: usize },

    #[error(
        "cannot accept a batch that is out of order: event {index} has sequence number {sequence_number} after \
         {previous}, but within a partition they grow"
    )]
    NotGrowing { index: usize, previous: i64, sequence_number: i64 },

    #[error(
        "cannot trust `{fact}` of a single event, whose body may have overwritten it in the metadata: {SHIPPED_FORM}"
    )]
    Forgeable { fact: &'static str },

    #[error(
        "cannot tell the position of a single event: `Metadata.SequenceNumber` is {metadata} but \
         `SystemProperties.SequenceNumber` is {system}: {SHIPPED_FORM}"
    )]
    PositionsDisagree { metadata: i64, system: i64 },
}

/// What we ship, and the only form in which nothing is ambiguous.
const SHIPPED_FORM: &str = "set \"cardinality\": \"many\" and \"dataType\": \"binary\" in function.json";

impl Consequence for EnvelopeError {
    fn kind(&self) -> Kind {
        match self {
            // The host sends the invocation again, perhaps whole.
            EnvelopeError::CutOff { .. } => Kind::Retry,
            // Each is the effect of a setting that the message names; a redelivery brings the same bytes.
            EnvelopeError::NoBinding { .. }
            | EnvelopeError::UnknownForm { .. }
            | EnvelopeError::TooManyEvents { .. }
            | EnvelopeError::NoPartition
            | EnvelopeError::IncompletePartition { .. }
            | EnvelopeError::NoMetadata { .. }
            | EnvelopeError::LengthsDiffer { .. }
            | EnvelopeError::Forgeable { .. }
            | EnvelopeError::PositionsDisagree { .. } => Kind::Operator,
            // No setting of the host makes it write these: either it changed, or we misread it.
            EnvelopeError::NotJson { .. } | EnvelopeError::BadElement { .. } | EnvelopeError::NotGrowing { .. } => {
                Kind::Bug
            }
        }
    }
}
