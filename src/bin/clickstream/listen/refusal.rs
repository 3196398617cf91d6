//! What is not granted, in the words and with the conditions of the service: its clients turn them into their errors.

use fe2o3_amqp_types::definitions::{AmqpError, Error, ErrorCondition, Fields, LinkError};
use fe2o3_amqp_types::primitives::Symbol;

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("The messaging entity 'sb://localhost/{0}' could not be found.")]
    NoSuchEntity(String),
    #[error(
        "The specified partition is invalid for an EventHub partition sender or receiver. \
         It should be between 0 and {last}: '{id}'."
    )]
    NoSuchPartition { id: String, last: usize },
    #[error(
        "Unauthorized access. 'Send' claim(s) are required to perform this operation. Resource: 'sb://localhost/{0}'."
    )]
    Unauthorized(String),
    #[error("This endpoint takes events and does not hand them out: a receiver cannot attach to '{0}'.")]
    NoReceivers(String),
    #[error("The {0} of this endpoint are in use.")]
    TooMany(&'static str),
    #[error(
        "The received message (size:{size} bytes) exceeds the limit ({limit} bytes) currently allowed on the link."
    )]
    TooLarge { size: u64, limit: u64 },
    #[error("The message cannot be decoded: {0}.")]
    Malformed(String),
    #[error("Only messages whose body is data are taken, as the Event Hubs trigger takes no other.")]
    NotData,
    #[error("The message has more than {limit} {what}.")]
    TooManyOf { what: &'static str, limit: usize },
    #[error("The partition key has {0} bytes; 128 are allowed.")]
    KeyTooLong(usize),
    /// The event may come back from a restart all the same.
    #[error("The server was unable to process the request: {0}.")]
    NotStored(String),
}

impl Refusal {
    fn condition(&self) -> ErrorCondition {
        match self {
            Self::NoSuchEntity(_) => AmqpError::NotFound.into(),
            Self::NoSuchPartition { .. } => ErrorCondition::Custom(Symbol::from("com.microsoft:argument-out-of-range")),
            Self::Unauthorized(_) => AmqpError::UnauthorizedAccess.into(),
            Self::NoReceivers(_) => AmqpError::NotImplemented.into(),
            Self::TooMany(_) => AmqpError::ResourceLimitExceeded.into(),
            Self::TooLarge { .. } => LinkError::MessageSizeExceeded.into(),
            Self::Malformed(_) => AmqpError::DecodeError.into(),
            Self::NotData => AmqpError::NotImplemented.into(),
            Self::TooManyOf { .. } | Self::KeyTooLong(_) => AmqpError::NotAllowed.into(),
            Self::NotStored(_) => AmqpError::InternalError.into(),
        }
    }

    pub fn error(&self) -> Error {
        // The client for Python looks for `info` without looking whether it is there.
        Error::new(self.condition(), self.to_string(), Fields::new())
    }
}
