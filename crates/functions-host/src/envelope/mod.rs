//! The bodies that the Functions host sends to a custom handler: `{"Data":{..},"Metadata":{..}}`.
//!
//! Promises the bytes that a real host (4.1037, Event Hubs extension 6.5) was recorded to send; `recorded` has the
//! recordings. Does not know how a body is sent, retried or answered.

mod dotnet;
mod attempt;
mod events;
mod timer_and_http;

pub(crate) use attempt::{Attempt, Envelope, RetryContext};
pub(crate) use events::{PartitionContext, Unbindable, event_hub};
pub(crate) use timer_and_http::{InboundRequest, ScheduleStatus, http_request, timer};

#[cfg(test)]
mod tests;
