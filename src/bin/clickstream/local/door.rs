//! The endpoint of a run that listens, from its opening to the moment at which nothing more is to be taken.

use super::Arguments;
use super::feed::Feed;
use crate::Failure;
use crate::listen::Endpoint;
use crate::listen::journal::Journal;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Of a run that does not listen, it is never there.
pub struct Door {
    open: Option<(Endpoint, Arc<Journal>)>,
    /// Listened to before anybody is told where to send, so that no Ctrl-C comes too early.
    interrupt: Signal,
}

impl Door {
    pub async fn open(arguments: &Arguments, feed: &Feed, created_at_ms: i64) -> Result<Self, Failure> {
        let open = match (feed, arguments.listen) {
            (Feed::Listening(journal), Some(address)) => {
                Some((Endpoint::open(address, journal.clone(), created_at_ms).await?, journal.clone()))
            }
            _ => None,
        };
        Ok(Door { open, interrupt: signal(SignalKind::interrupt())? })
    }

    pub fn announce(&self) {
        if let Some((endpoint, _)) = &self.open {
            eprintln!("send events with `{}`", endpoint.connection_string());
        }
    }

    /// Waits for Ctrl-C and closes the endpoint: what was acknowledged is all that will come.
    pub async fn closed(&mut self) -> Result<(), Failure> {
        if self.open.is_some() {
            self.interrupt.recv().await;
        }
        if let Some((endpoint, journal)) = self.open.take() {
            drop(endpoint);
            journal.close();
            eprintln!(
                "the endpoint is closed; {} events are there, and Ctrl-C leaves them for the next time",
                journal.events()
            );
        }
        Ok(())
    }
}
