//! Publishing to an event hub by Microsoft's own client, without ever waiting for ever.
//!
//! Promises: events with the same partition key go to one partition and keep their order; the number of events that wait is
//! bounded, so a slow hub slows the program down; an event counts as accepted when the hub has accepted it. When the hub
//! refuses an event for good, [`Publisher::send`] says so.
//!
//! # Bounded in time, sent again
//!
//! The client tries a send again when the hub answers with an error, but it waits without a limit for an answer that never
//! arrives. That happens: the AMQP crate below it (fe2o3-amqp 0.16) registers a transfer after it has sent it, and loses an
//! outcome that arrives in between. So the publisher keeps every event until it has its outcome. When the oldest one has been
//! the oldest for [`Limits::answer_within`], the publisher gives up the connection, makes another one, and sends all events
//! that have no outcome again, in their order, up to [`Limits::max_sends`] times.
//!
//! The hub may have stored an event whose outcome was lost. **A consumer therefore gets duplicates and has to recognise them**,
//! as with every sender that delivers at least once.
//!
//! Reading order: `error` (why it may fail), `outstanding` (what has no outcome yet), `destination` (where to, and as whom),
//! and here the sending.

mod error;
mod outstanding;
mod destination;
#[cfg(test)]
mod tests;

pub use destination::{Destination, Identity};
pub use error::{DestinationError, PublishError};
pub use outstanding::{MAX_KEY_BYTES, OutgoingEvent, Tally, Totals};

use azure_messaging_eventhubs::{BufferedProducerClient, EnqueueEventOptions};
use outstanding::{EventId, Outstanding};
use std::time::Duration;
use tokio::time::timeout;

/// How long a client has to end what it does when it is given up, or has nothing left to do.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// How long the publisher waits, and how often it tries.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For signing in and connecting.
    pub open_within: Duration,
    /// For the outcome of an event. The client itself tries a send that fails for about a minute; this has to be longer.
    pub answer_within: Duration,
    /// How often a connection is tried that gets no answer, and an event is sent that gets no outcome.
    pub max_sends: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { open_within: Duration::from_secs(30), answer_within: Duration::from_secs(90), max_sends: 4 }
    }
}

/// What handing events over to the client has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    /// The oldest event has waited too long for its outcome.
    Stalled,
}

/// Sends events to one event hub.
pub struct Publisher {
    destination: Destination,
    limits: Limits,
    outstanding: Outstanding,
    client: BufferedProducerClient,
    /// The client has not got every event that has no outcome: a future that sends them again was dropped, or failed.
    is_incomplete: bool,
}

impl Publisher {
    /// Signs in and connects.
    ///
    /// # Errors
    /// When the hub cannot be reached, refuses the connection, or does not answer.
    pub async fn open(destination: Destination, limits: Limits) -> Result<Self, PublishError> {
        trust_one_provider();
        let outstanding = Outstanding::default();
        let client = connect(&destination, limits, &outstanding).await?;
        Ok(Publisher { destination, limits, outstanding, client, is_incomplete: false })
    }

    /// What became of the events so far. The handle stays up to date while the publisher sends.
    pub fn tally(&self) -> Tally {
        self.outstanding.tally()
    }

    /// Hands over an event. Waits while too many events wait for their outcome. When the future is dropped before it is ready,
    /// the event may or may not be sent.
    ///
    /// # Errors
    /// When the hub has refused an event, this or an earlier one, or has stopped answering.
    pub async fn send(&mut self, event: OutgoingEvent) -> Result<(), PublishError> {
        self.check_refusal()?;
        let id = self.outstanding.add(event.clone());
        match self.hand_over(id, event).await? {
            Progress::Done => Ok(()),
            Progress::Stalled => self.send_again().await,
        }
    }

    /// Waits until every event has its outcome, and closes the connection.
    ///
    /// # Errors
    /// When the hub has refused an event, or has stopped answering.
    pub async fn close(mut self) -> Result<(), PublishError> {
        while self.is_incomplete || self.flush().await? == Progress::Stalled {
            self.send_again().await?;
        }
        self.check_refusal()?;
        match timeout(CLOSE_WITHIN, self.client.close()).await {
            Ok(Err(error)) => {
                Err(PublishError::Close { hub: self.destination.hub().to_owned(), reason: error.to_string() })
            }
            // Every event has its outcome, so nothing is lost when the hub does not say goodbye.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn check_refusal(&self) -> Result<(), PublishError> {
        let hub = || self.destination.hub().to_owned();
        self.outstanding.refusal().map_or(Ok(()), |reason| Err(PublishError::Refused { hub: hub(), reason }))
    }

    async fn hand_over(&self, id: EventId, event: OutgoingEvent) -> Result<Progress, PublishError> {
        let options =
            EnqueueEventOptions { partition_key: event.partition_key.clone(), ..EnqueueEventOptions::default() };
        let event = self.outstanding.encode(id, event);
        tokio::select! {
            biased;
            enqueued = self.client.enqueue_event(event, Some(options)) => {
                enqueued.map(|()| Progress::Done).map_err(|error| PublishError::Client(error.to_string()))
            }
            () = self.outstanding.stalled(self.limits.answer_within) => Ok(Progress::Stalled),
        }
    }

    async fn flush(&self) -> Result<Progress, PublishError> {
        tokio::select! {
            biased;
            flushed = self.client.flush() => {
                flushed.map(|()| Progress::Done).map_err(|error| PublishError::Client(error.to_string()))
            }
            () = self.outstanding.stalled(self.limits.answer_within) => Ok(Progress::Stalled),
        }
    }

    /// Gives up the connection, makes another one, and hands over every event that has no outcome, in their order.
    async fn send_again(&mut self) -> Result<(), PublishError> {
        self.is_incomplete = true;
        loop {
            // The client ends its sends at once, so that none of them gets between the events that are sent again.
            let _ = timeout(CLOSE_WITHIN, self.client.abort()).await;
            let Some(events) = self.outstanding.next_try(self.limits.max_sends) else {
                return Err(no_answer(&self.destination, self.limits.answer_within, self.limits));
            };
            self.client = connect(&self.destination, self.limits, &self.outstanding).await?;
            self.outstanding.restart_clock();
            if self.hand_over_all(events).await? == Progress::Done {
                self.is_incomplete = false;
                return Ok(());
            }
        }
    }

    async fn hand_over_all(&self, events: Vec<(EventId, OutgoingEvent)>) -> Result<Progress, PublishError> {
        for (id, event) in events {
            if self.hand_over(id, event).await? == Progress::Stalled {
                return Ok(Progress::Stalled);
            }
        }
        Ok(Progress::Done)
    }
}

/// Connects, again when there is no answer in time: an outcome can get lost while connecting too.
async fn connect(
    destination: &Destination,
    limits: Limits,
    outstanding: &Outstanding,
) -> Result<BufferedProducerClient, PublishError> {
    for _ in 0..limits.max_sends {
        if let Ok(opened) = timeout(limits.open_within, destination.open(outstanding)).await {
            return opened;
        }
    }
    Err(no_answer(destination, limits.open_within, limits))
}

fn no_answer(destination: &Destination, within: Duration, limits: Limits) -> PublishError {
    PublishError::NoAnswer { hub: destination.hub().to_owned(), within, tries: limits.max_sends }
}

/// More than one implementation of cryptography may be linked into a program, and TLS refuses to choose among them.
fn trust_one_provider() {
    // This fails when the program has already installed one, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
