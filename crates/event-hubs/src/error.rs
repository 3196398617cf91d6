//! What the endpoint refuses, in the words and with the conditions of the service: clients turn them into their own errors.

use crate::names::PartitionId;
use fe2o3_amqp_types::definitions::{AmqpError as Condition, Error, ErrorCondition, Fields, LinkError};
use fe2o3_amqp_types::primitives::Symbol;

/// Why the endpoint refused something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmqpError {
    #[error("The messaging entity 'sb://localhost/{0}' could not be found.")]
    NoSuchEntity(String),
    #[error(
        "The specified partition is invalid for an EventHub partition sender or receiver. \
         It should be between 0 and {last}: '{id}'."
    )]
    NoSuchPartition { id: String, last: PartitionId },
    #[error(
        "Unauthorized access. 'Send' claim(s) are required to perform this operation. Resource: 'sb://localhost/{0}'."
    )]
    Unauthorized(String),
    #[error("This endpoint accepts events and does not deliver them: a receiver cannot attach to '{0}'.")]
    NoReceivers(String),
    #[error("All {0} of this endpoint are in use.")]
    InUse(&'static str),
    #[error(
        "The received message (size:{size} bytes) exceeds the limit ({limit} bytes) currently allowed on the link."
    )]
    TooLarge { size: u64, limit: u64 },
    #[error("The message cannot be decoded: {0}.")]
    Malformed(String),
    #[error("The body of a message must be data: the Event Hubs trigger of Functions accepts nothing else.")]
    NotData,
    #[error("The message has more than {limit} {what}.")]
    TooMany { what: &'static str, limit: usize },
    #[error("The partition key has {0} bytes; 128 are allowed.")]
    KeyTooLong(usize),
    /// A restart may find the event on disk all the same.
    #[error("The server was unable to process the request: {0}.")]
    NotStored(String),
}

impl AmqpError {
    fn condition(&self) -> ErrorCondition {
        match self {
            Self::NoSuchEntity(_) => Condition::NotFound.into(),
            Self::NoSuchPartition { .. } => ErrorCondition::Custom(Symbol::from("com.microsoft:argument-out-of-range")),
            Self::Unauthorized(_) => Condition::UnauthorizedAccess.into(),
            Self::NoReceivers(_) | Self::NotData => Condition::NotImplemented.into(),
            Self::InUse(_) => Condition::ResourceLimitExceeded.into(),
            Self::TooLarge { .. } => LinkError::MessageSizeExceeded.into(),
            Self::Malformed(_) => Condition::DecodeError.into(),
            Self::TooMany { .. } | Self::KeyTooLong(_) => Condition::NotAllowed.into(),
            Self::NotStored(_) => Condition::InternalError.into(),
        }
    }

    /// The error as it is sent.
    pub fn to_amqp(&self) -> Error {
        // The client for Python reads `info` without checking that it is there.
        Error::new(self.condition(), self.to_string(), Fields::new())
    }
}
