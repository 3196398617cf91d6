//! Why publishing fails. No message contains a key or a token.

use std::time::Duration;

/// Why a connection string cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    #[error("{0}")]
    Malformed(String),
    #[error("its `EntityPath` is `{path}`, and the event hub is named `{hub}`")]
    OtherHub { path: String, hub: String },
    #[error("it has no `EntityPath`")]
    NoHub,
    #[error("`UseDevelopmentEmulator` needs an `Endpoint` that is a URL")]
    NoUrl,
    #[error("`UseDevelopmentEmulator` is for this machine only, and its `Endpoint` is `{0}`")]
    OtherMachine(String),
}

/// Why the publisher stopped.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("cannot set up a sign-in to Entra: {0}")]
    Identity(azure_core::Error),
    #[error("cannot sign in to Entra: {0}; on a developer's machine `az login` is enough")]
    SignIn(azure_core::Error),
    #[error("cannot reach `{address}`: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("cannot connect to event hub `{hub}`: {reason}")]
    Connect { hub: String, reason: String },
    #[error("cannot publish to event hub `{hub}`: no answer within {} s, {tries} times in a row", within.as_secs_f64())]
    NoAnswer { hub: String, within: Duration, tries: u32 },
    /// The client has tried again as often as makes sense. [`Totals`](super::Totals) has the numbers.
    #[error("cannot publish to event hub `{hub}`: it refused events; the first ones were for {reason}")]
    Refused { hub: String, reason: String },
    #[error("cannot hand over an event to the client: {0}")]
    Client(String),
    #[error("cannot close the connection to event hub `{hub}`: {reason}")]
    Close { hub: String, reason: String },
}
