//! A stand-in for the Azure Functions host, for custom handlers.
//!
//! It reads a staged app root as the real host does, starts the handler it describes, on one instance or on several,
//! and calls it over HTTP: with batches of events from an [`EventSource`], with timer runs, with HTTP requests. It
//! promises the behaviour a handler can observe (requests byte for byte, retries, checkpoints, timeouts, kills,
//! restarts) and, on request, the faults a handler has to survive. It knows nothing of what the functions are for.
//!
//! In reading order: [`app`] is what is staged, [`envelope`] what is sent, [`process`] whom it is sent to,
//! [`invoke`] one call with its retries, [`instances`] who makes it, [`delivery`], [`timers`] and [`http`] what causes
//! calls.

mod app;
mod clock;
mod delivery;
mod envelope;
pub mod event;
pub mod faults;
mod http;
mod instances;
pub mod invoke;
mod lease;
mod lifecycle;
pub mod options;
mod process;
pub mod property;
pub mod running;
mod scaling;
pub mod source;
mod starting;
mod state_file;
mod timers;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use app::AppError;
use process::LaunchError;

/// Why a host could not be started, or not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("cannot find the app root `{root}`", root = root.display())]
    Root { root: PathBuf, source: io::Error },
    #[error("cannot use the state of an earlier run")]
    State(#[source] io::Error),
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen { port: u16, source: io::Error },
    #[error("cannot prepare to call the handler: {0}")]
    Client(#[from] reqwest::Error),
    #[error("there is no timer function `{0}`")]
    NoSuchTimer(String),
}
