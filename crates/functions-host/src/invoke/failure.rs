//! Why one attempt failed.

use std::time::Duration;

use crate::app::time_span;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttemptFailure {
    #[error("handler answered {code} ({phrase})")]
    Status { code: u16, phrase: String },
    /// Refused, reset, or the process gone.
    #[error("no answer from the handler: {0}")]
    Connection(String),
    /// The handler was killed for it, and everything else it was doing with it.
    #[error("no answer within the function timeout of {limit}", limit = time_span::format(*.0))]
    TimedOut(Duration),
    #[error("handler answered 2xx, but {0}")]
    InvalidAnswer(String),
    /// The handler was not even called.
    #[error("events cannot be handed over: {0}")]
    Unbindable(String),
}
