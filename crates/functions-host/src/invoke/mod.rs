//! Calls to the handler: one attempt, and the retries around it.
//!
//! Promises that a call ends as it would on the real host: with an answer, a failure, or (a success without a body)
//! not before the function timeout, which costs the handler its life. Does not know where events come from nor what
//! a checkpoint is.

pub mod answer;
mod attempt;
mod chunks;
mod failure;
mod request;
mod retries;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use answer::Answer;
pub use attempt::{Reply, connection_failure};
pub use failure::AttemptFailure;
pub use request::{RequestFormat, marked};
pub use retries::{Completed, Invocation, Origin};

use super::event::EventSink;
use super::faults::{Faults, Occasions};
use super::lifecycle::Lifecycle;
use super::process::Handler;

/// How an invocation ended, after all its attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum InvocationOutcome {
    Succeeded(Answer),
    Failed(AttemptFailure),
    /// The host stopped or gave up, or the lease was lost, before there was an answer.
    Abandoned,
}

/// Everything a call to one instance needs.
#[derive(Debug)]
pub struct Invoker {
    pub client: reqwest::Client,
    pub handler: Handler,
    pub format: RequestFormat,
    pub lifecycle: Lifecycle,
    pub events: EventSink,
    /// Per attempt; `None` without limit.
    pub function_timeout: Option<Duration>,
    pub faults: Faults,
    /// Calls made to all instances, for the fault that kills the handler during some of them.
    pub calls: Arc<Occasions>,
    /// How long the latest successful call took, in milliseconds: that is where faults are timed to fall.
    pub typical_call_ms: AtomicU64,
}
