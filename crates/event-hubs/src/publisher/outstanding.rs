//! The events that have no outcome yet, and what became of the others.
//!
//! Promises that an event counts once, however often it was sent. The clients of one publisher share it: an outcome that
//! arrives late, from a client that was given up, is an outcome all the same.

use azure_core::Uuid;
use azure_messaging_eventhubs::models::{EventData, MessageId};
use azure_messaging_eventhubs::{SendBatchFailedContext, SendBatchSucceededContext};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Event Hubs accepts no longer partition key.
pub const MAX_KEY_BYTES: usize = 128;

/// An event on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingEvent {
    /// What keeps events together, in at most [`MAX_KEY_BYTES`]. An event without goes to any partition.
    pub partition_key: Option<String>,
    pub body: Vec<u8>,
}

/// The number of an event, in the order in which the events were handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId(u64);

/// How many events and bytes the hub has accepted or refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub events: u64,
    pub bytes: u64,
    pub batches: u64,
    pub refused: u64,
}

/// The totals of a publisher, up to date whenever they are read.
#[derive(Debug, Clone)]
pub struct Tally(Outstanding);

impl Tally {
    pub fn totals(&self) -> Totals {
        self.0.state().totals
    }
}

#[derive(Debug, Clone, Default)]
pub struct Outstanding(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Makes the message ids of this publisher different from those of others.
    publisher: Uuid,
    events: BTreeMap<EventId, Sent>,
    next: u64,
    /// Since when the first of `events` has been the first.
    first_since: Instant,
    totals: Totals,
    /// Why the hub refused the first batch that it refused.
    refusal: Option<String>,
}

impl Default for State {
    fn default() -> Self {
        State {
            publisher: Uuid::new_v4(),
            events: BTreeMap::new(),
            next: 0,
            first_since: Instant::now(),
            totals: Totals::default(),
            refusal: None,
        }
    }
}

#[derive(Debug)]
struct Sent {
    event: OutgoingEvent,
    /// How often it was handed over.
    times: u32,
}

impl State {
    /// Removes the events of a batch and returns those that had no outcome before.
    fn remove(&mut self, batch: &[EventData]) -> Vec<OutgoingEvent> {
        let first = self.events.keys().next().copied();
        let ids = batch.iter().filter_map(event_id);
        let removed: Vec<_> = ids.filter_map(|id| self.events.remove(&id)).map(|sent| sent.event).collect();
        if self.events.keys().next().copied() != first {
            self.first_since = Instant::now();
        }
        removed
    }
}

impl Outstanding {
    pub fn tally(&self) -> Tally {
        Tally(self.clone())
    }

    /// Adds an event that is about to be handed over for the first time.
    pub fn add(&self, event: OutgoingEvent) -> EventId {
        let mut state = self.state();
        let id = EventId(state.next);
        state.next += 1;
        if state.events.is_empty() {
            state.first_since = Instant::now();
        }
        state.events.insert(id, Sent { event, times: 1 });
        id
    }

    /// The event as the client sends it. Its message id says which one it is.
    pub fn encode(&self, id: EventId, event: OutgoingEvent) -> EventData {
        let (publisher, _) = self.state().publisher.as_u64_pair();
        EventData::builder().with_body(event.body).with_message_id(Uuid::from_u64_pair(publisher, id.0)).build()
    }

    pub fn accepted(&self, batch: &SendBatchSucceededContext) {
        let mut state = self.state();
        let accepted = state.remove(&batch.events);
        state.totals.events += accepted.len() as u64;
        state.totals.bytes += accepted.iter().map(|event| event.body.len() as u64).sum::<u64>();
        state.totals.batches += 1;
    }

    pub fn refused(&self, batch: &SendBatchFailedContext) {
        let mut state = self.state();
        let refused = state.remove(&batch.events).len() as u64;
        state.totals.refused += refused;
        if refused > 0 {
            let reason = || format!("partition {}: {}", batch.partition_id, batch.error);
            state.refusal.get_or_insert_with(reason);
        }
    }

    pub fn refusal(&self) -> Option<String> {
        self.state().refusal.clone()
    }

    /// Waits until the oldest event has been the oldest for `within`.
    ///
    /// A partition sends one batch after the other. The oldest event of all is the first of its partition, so it is still
    /// there only if that partition has had no answer in all that time, however many events wait in others.
    pub async fn stalled(&self, within: Duration) {
        loop {
            let deadline = {
                let state = self.state();
                let since = if state.events.is_empty() { Instant::now() } else { state.first_since };
                since + within
            };
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }

    /// Events without an outcome, in their order, which are about to be handed over again. `None` when one of them has been
    /// handed over `max_sends` times.
    pub fn next_try(&self, max_sends: u32) -> Option<Vec<(EventId, OutgoingEvent)>> {
        let mut state = self.state();
        let is_exhausted = state.events.values().any(|sent| sent.times >= max_sends);
        let again = |(id, sent): (&EventId, &mut Sent)| {
            sent.times += 1;
            (*id, sent.event.clone())
        };
        (!is_exhausted).then(|| state.events.iter_mut().map(again).collect())
    }

    /// Another connection has been made: the time to wait for an outcome begins now.
    pub fn restart_clock(&self) {
        self.state().first_since = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event_id(event: &EventData) -> Option<EventId> {
    match event.message_id() {
        Some(MessageId::Uuid(id)) => Some(EventId(id.as_u64_pair().1)),
        _ => None,
    }
}
