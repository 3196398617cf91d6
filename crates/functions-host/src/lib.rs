//! A stand-in for the Azure Functions host, for custom handlers, on one machine and without Azure.
//!
//! It reads a staged app root as the real host does, starts the handler that the app describes, and calls the handler
//! over HTTP: with batches of events from an [`EventSource`], with timer runs, and with HTTP requests. It does not know
//! what the functions are for.
//!
//! # What it mirrors
//!
//! The behaviour that a custom handler can observe, as it was read in the source of host 4.1037 and recorded from it,
//! with Event Hubs extension 6.5:
//!
//! - The app: `host.json` and `function.json` with comments and `%SETTING%`, the rules for names, retry policies,
//!   NCRONTAB schedules, route templates, disabled functions, and which mistake puts a function or the whole app in
//!   error.
//! - The requests, byte for byte: `Data` and `Metadata` for every cardinality and `dataType`, `sys`, `RetryContext`,
//!   headers, chunks of 1,024 characters (or a `Content-Length`, as under the Core Tools).
//! - The answers: what is a success, what is a failure, and that a success without a body hangs until the function
//!   timeout.
//! - The process: environment variables, readiness by `GET /`, restarts by exit code, the third error, the kill at a
//!   timeout with all other calls in flight.
//! - Event Hubs: one batch per partition at a time, retries with the same id, checkpoints after success and after final
//!   failure, none once the host is stopping, several instances with one owner per partition.
//! - Timers: one run at a time, the missed run, the status between runs. HTTP: the default and the forwarding mode.
//!
//! On request it causes the faults that a handler must survive, every few batches instead of every few weeks: kills,
//! overlapping deliveries, duplicates, redeliveries with other batch boundaries, moves between instances. See
//! [`Faults`].
//!
//! # What it leaves out
//!
//! - Bindings other than `eventHubTrigger`, `timerTrigger`, `httpTrigger` and the `http` output. A function with
//!   another one is in error.
//! - The Event Hubs protocol: the caller brings an [`EventSource`]. Load balancing between instances is replaced by a
//!   fixed assignment, which changes only by fault.
//! - Settings of `extensions.eventHubs` other than `maxEventBatchSize` and `batchCheckpointFrequency`: no minimum batch
//!   size, no waiting time, no prefetch, no initial offset (a partition without a checkpoint starts at its first
//!   event).
//! - The stack traces of the exceptions in `RetryContext`: each is one line.
//! - Authorization, keys, the admin API other than running a timer, CORS, and requests to HTTP functions beyond
//!   loopback.
//! - Scaling by load, cold starts, deployment, Application Insights. Logs are events of the host, see [`HostEvent`].
//! - Regular expressions and other rare constraints in route templates; time spans as timer schedules.
//! - Systems other than Unix.
//!
//! # Example
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use functions_host::{Drained, EventSource, Host, HostError, HostEvent, HostOptions};
//! use tokio::sync::mpsc;
//!
//! /// Delivers everything in `source` to the app that is staged in `app`.
//! async fn deliver(source: impl EventSource) -> Result<Drained, HostError> {
//!     let options = HostOptions::new("app".into(), "state".into());
//!     let (sender, mut events) = mpsc::unbounded_channel();
//!     let host = Host::start(options, Arc::new(source), sender).await?;
//!     tokio::spawn(async move {
//!         while let Some(event) = events.recv().await {
//!             if let HostEvent::HandlerOutput { line, .. } = event {
//!                 println!("{line}");
//!             }
//!         }
//!     });
//!     let drained = host.drained().await;
//!     host.stop().await;
//!     Ok(drained)
//! }
//! ```
//!
//! # Reading order
//!
//! A module imports only modules above it in this list. In a folder, `mod.rs` imports the other files, never the
//! reverse.

#![warn(missing_docs, unreachable_pub)]

// What the caller brings, and what it gets.
mod source;
mod faults;
mod clock;

// What is staged, what is sent, what is answered.
mod app;
mod answer;
mod envelope;
mod event;

// Whom it is sent to, and how.
mod lifecycle;
mod process;
mod invoke;
mod instances;

// What causes calls.
mod state;
mod delivery;
mod timers;
mod http;

// The whole.
mod host;
mod start;

pub use answer::{Answer, AttemptFailure, InvocationOutcome};
pub use app::AppError;
pub use event::{Delivered, DeliveryKind, DeliveryOutcome, HostEvent, InstanceId, OutputStream, Start};
pub use faults::{Faults, FaultsError};
pub use host::{Drained, Host, HostError, HostOptions};
pub use invoke::RequestFormat;
pub use process::LaunchError;
pub use source::{
    Accompanying, EventSource, PartitionId, Properties, PropertyValue, Read, SequenceNumber, SourceEvent,
};

/// The host with a real handler process.
#[cfg(test)]
mod tests {
    mod bench;
    mod deliveries;
    mod requests;
    mod scaling;
}
