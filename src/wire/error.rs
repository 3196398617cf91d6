//! Why an invocation could not be read. Each message says what was attempted, on what, and which setting helps:
//! the host throws the answer's body away, so this sentence in the log is all that an operator will see.

use crate::error::{Consequence, Kind};
use thiserror::Error;

/// The invocation cannot be read without guessing. Redelivery brings the same bytes, so only a person helps.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    #[error("could not read `{object}` as JSON")]
    NotJson { object: String, source: serde_json::Error },

    #[error(
        "no `Data.{binding}` in the invocation, which has {found}: \
         set the `name` of the eventHubTrigger in function.json to `{binding}`"
    )]
    NoBinding { binding: String, found: String },

    #[error(
        "could not tell the form of `{object}`, which starts with `{start}`: \
         set \"cardinality\": \"many\" and \"dataType\": \"binary\" in function.json"
    )]
    UnknownForm { object: String, start: String },

    #[error("more than {limit} events in one invocation: lower extensions.eventHubs.maxEventBatchSize in host.json")]
    TooManyEvents { limit: usize },

    #[error(
        "no `PartitionContext` in the invocation's metadata: a run started through the admin API has no position and \
         cannot be ingested, send its events to the event hub"
    )]
    NoPartition,

    #[error(
        "no `{member}` in the metadata's `PartitionContext`: use an extension bundle of [4.32.0, 5.0.0) in host.json"
    )]
    IncompletePartition { member: &'static str },

    #[error(
        "no `{key}` in the invocation's metadata: \
         set \"cardinality\": \"many\" and \"dataType\": \"binary\" in function.json"
    )]
    NoMetadata { key: &'static str },

    #[error("could not read element {index} of `{key}`: {expected} expected, `{found}` found")]
    BadElement { key: &'static str, index: usize, expected: &'static str, found: String },

    #[error(
        "`{key}` holds {found} values for {events} events, so which position belongs to which event is unknown: \
         set \"cardinality\": \"many\" and \"dataType\": \"binary\" in function.json"
    )]
    LengthsDiffer { key: &'static str, found: usize, events: usize },

    #[error(
        "event {index} of the batch has sequence number {sequence_number} after {previous}, but within a partition \
         they grow: the batch is not what one partition delivered"
    )]
    NotGrowing { index: usize, previous: i64, sequence_number: i64 },

    #[error(
        "could not trust `{fact}` of a single event, whose body may have overwritten it in the metadata: \
         set \"cardinality\": \"many\" and \"dataType\": \"binary\" in function.json"
    )]
    Forgeable { fact: &'static str },

    #[error(
        "`Metadata.SequenceNumber` is {metadata} but `SystemProperties.SequenceNumber` is {system}: \
         set \"cardinality\": \"many\" and \"dataType\": \"binary\" in function.json"
    )]
    PositionsDisagree { metadata: i64, system: i64 },
}

impl Consequence for EnvelopeError {
    /// The host's settings decide what it sends.
    fn kind(&self) -> Kind {
        Kind::Operator
    }
}
