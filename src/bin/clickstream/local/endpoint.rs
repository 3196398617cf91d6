//! Where the events of a run come from: lines of text, or programs that send to the endpoint of `event-hubs`.
//!
//! The two crates do not know each other. This file makes the journal of `event-hubs` an [`EventSource`] of `functions-host`,
//! member by member.

use crate::command::Failure;
use crate::source::{Lines, NAMESPACE, Place, StateFolder};
use event_hubs::{Endpoint, EventHub, HubName, Journal, LoopbackAddress, NewEvent, PartitionCount, StoredEvent};
use functions_host::{
    Accompanying, EventSource, PartitionId, Properties, PropertyValue, Read, SequenceNumber, SourceEvent,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Clone)]
pub enum Source {
    /// A file, standard input or the synthetic shop.
    Lines(Arc<Lines>),
    /// What programs send to the endpoint.
    Journal(Arc<Journal>),
}

impl Source {
    /// The journal of an event hub: the events that programs have sent to it so far, in earlier runs too.
    pub fn journal(hub: &HubName, partitions: usize, state: &StateFolder) -> Result<Self, Failure> {
        let created_at = state.first_opened(hub.as_str())?;
        let path = state.file(&format!("{hub}.journal"));
        let hub = EventHub { name: hub.clone(), partitions: PartitionCount::try_from(partitions)?, created_at };
        Ok(Source::Journal(Arc::new(Journal::open(&path, hub)?)))
    }

    pub fn event_source(&self) -> Arc<dyn EventSource> {
        match self {
            Source::Lines(lines) => lines.clone(),
            Source::Journal(journal) => Arc::new(JournalSource(journal.clone())),
        }
    }

    /// Where a person finds an event of a text.
    pub fn place(&self, partition: usize, sequence: i64) -> Option<Place> {
        match self {
            Source::Lines(lines) => lines.place(partition, sequence),
            Source::Journal(_) => None,
        }
    }

    /// The number of events so far.
    pub fn events(&self) -> usize {
        match self {
            Source::Lines(lines) => lines.events(),
            Source::Journal(journal) => journal.events(),
        }
    }
}

/// A journal as the host reads it.
struct JournalSource(Arc<Journal>);

impl EventSource for JournalSource {
    fn namespace(&self) -> &str {
        NAMESPACE
    }

    fn event_hub(&self) -> &str {
        self.0.hub().name.as_str()
    }

    fn partition_count(&self) -> usize {
        self.0.hub().partitions.get()
    }

    fn read(
        &self,
        partition: PartitionId,
        after: Option<SequenceNumber>,
        max: usize,
    ) -> BoxFuture<'_, io::Result<Read>> {
        let read = async move {
            let partition = u16::try_from(partition.0).map_err(io::Error::other)?;
            let after = after.map(|after| event_hubs::SequenceNumber(after.0));
            Ok(match self.0.read(event_hubs::PartitionId::new(partition), after, max).await? {
                event_hubs::Read::Events(events) => Read::Events(events.into_iter().map(source_event).collect()),
                event_hubs::Read::Ended => Read::Ended,
            })
        };
        read.boxed()
    }
}

fn source_event(stored: StoredEvent) -> SourceEvent {
    let StoredEvent { sequence_number, offset, enqueued_at, event } = stored;
    let NewEvent { partition_key, properties, system_properties, body } = event;
    SourceEvent {
        sequence_number: SequenceNumber(sequence_number.0),
        offset: offset.to_string(),
        enqueued_at,
        partition_key,
        accompanying: Accompanying {
            properties: host_properties(properties),
            system_properties: host_properties(system_properties),
        },
        body,
    }
}

fn host_properties(properties: event_hubs::Properties) -> Properties {
    properties.into_iter().map(|(name, value)| (name, host_value(value))).collect()
}

fn host_value(value: event_hubs::PropertyValue) -> PropertyValue {
    use event_hubs::PropertyValue as Value;
    match value {
        Value::Null => PropertyValue::Null,
        Value::Bool(value) => PropertyValue::Bool(value),
        Value::Integer(value) => PropertyValue::Integer(value),
        Value::Large(value) => PropertyValue::Large(value),
        Value::Float(value) => PropertyValue::Float(value),
        Value::Text(value) => PropertyValue::Text(value),
        Value::Instant(value) => PropertyValue::Instant(value),
        Value::Binary(value) => PropertyValue::Binary(value),
    }
}

/// Keeps the endpoint open until Ctrl-C. The guard of a run without an endpoint is empty.
pub struct EndpointGuard {
    open: Option<(Endpoint, Arc<Journal>)>,
    /// Registered before anybody can send, so that Ctrl-C is never too early.
    interrupt: Signal,
}

impl EndpointGuard {
    pub async fn open(address: Option<LoopbackAddress>, source: &Source) -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt())?;
        let open = match (source, address) {
            (Source::Journal(journal), Some(address)) => {
                Some((Endpoint::open(address, journal.clone()).await?, journal.clone()))
            }
            _ => None,
        };
        Ok(EndpointGuard { open, interrupt })
    }

    pub fn announce(&self) {
        if let Some((endpoint, _)) = &self.open {
            eprintln!("send events with `{}`", endpoint.connection_string());
        }
    }

    /// Waits for Ctrl-C and closes the endpoint. The events that were acknowledged by then are all there will be.
    pub async fn closed(&mut self) {
        let Some((endpoint, journal)) = self.open.take() else { return };
        self.interrupt.recv().await;
        drop(endpoint);
        journal.close();
        eprintln!(
            "the endpoint is closed and has {} events; they are being processed, and another Ctrl-C leaves them for the next run",
            journal.events()
        );
    }
}
