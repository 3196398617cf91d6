//! Where the events of a run come from, and the endpoint of a run that accepts them from programs.
//!
//! Knows how the host wants to read events and how the journal of `event-hubs` has them, and turns one into the other.

use super::Arguments;
use crate::Failure;
use crate::host::property::{Accompanying, Properties, PropertyValue};
use crate::host::source::{EventSource, Read, SourceEvent};
use crate::source::{Lines, NAMESPACE, StateFolder};
use event_hubs::{
    Endpoint, EventHub, HubName, Journal, NewEvent, PartitionCount, PartitionId, SequenceNumber, StoredEvent,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Clone)]
pub enum Source {
    /// A file, standard input or the generator.
    Lines(Arc<Lines>),
    /// The programs that send to the endpoint.
    Endpoint(Arc<JournalSource>),
}

impl Source {
    /// The events that programs have sent so far, and those that they will send.
    pub fn endpoint(hub: &HubName, partitions: usize, state: &StateFolder) -> Result<Self, Failure> {
        let created_at = state.first_opened(hub.as_str())?;
        let path = state.file(&format!("{hub}.journal"));
        let hub = EventHub { name: hub.clone(), partitions: PartitionCount::try_from(partitions)?, created_at };
        Ok(Source::Endpoint(Arc::new(JournalSource(Arc::new(Journal::open(&path, hub)?)))))
    }

    pub fn events_source(&self) -> Arc<dyn EventSource> {
        match self {
            Source::Lines(lines) => lines.clone(),
            Source::Endpoint(journal) => journal.clone(),
        }
    }

    /// The number of events so far.
    pub fn events(&self) -> usize {
        match self {
            Source::Lines(lines) => lines.events(),
            Source::Endpoint(journal) => journal.0.events(),
        }
    }
}

/// A journal as the host reads it.
pub struct JournalSource(Arc<Journal>);

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

    fn read(&self, partition: usize, after: Option<i64>, max: usize) -> BoxFuture<'_, io::Result<Read>> {
        let read = async move {
            let partition = u16::try_from(partition).map(PartitionId::new).map_err(io::Error::other)?;
            Ok(match self.0.read(partition, after.map(SequenceNumber), max).await? {
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
        sequence_number: sequence_number.0,
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
    match value {
        event_hubs::PropertyValue::Null => PropertyValue::Null,
        event_hubs::PropertyValue::Bool(value) => PropertyValue::Bool(value),
        event_hubs::PropertyValue::Integer(value) => PropertyValue::Integer(value),
        event_hubs::PropertyValue::Large(value) => PropertyValue::Large(value),
        event_hubs::PropertyValue::Float(value) => PropertyValue::Float(value),
        event_hubs::PropertyValue::Text(value) => PropertyValue::Text(value),
        event_hubs::PropertyValue::Instant(value) => PropertyValue::Instant(value),
        event_hubs::PropertyValue::Binary(value) => PropertyValue::Binary(value),
    }
}

/// Keeps the endpoint open until Ctrl-C. A run that has no endpoint has an empty guard.
pub struct EndpointGuard {
    open: Option<(Endpoint, Arc<Journal>)>,
    /// Registered before anybody knows where to send, so that no Ctrl-C comes too early.
    interrupt: Signal,
}

impl EndpointGuard {
    pub async fn open(arguments: &Arguments, source: &Source) -> Result<Self, Failure> {
        let open = match (source, arguments.listen) {
            (Source::Endpoint(source), Some(address)) => {
                let journal = source.0.clone();
                Some((Endpoint::open(address, journal.clone()).await?, journal))
            }
            _ => None,
        };
        Ok(EndpointGuard { open, interrupt: signal(SignalKind::interrupt())? })
    }

    pub fn announce(&self) {
        if let Some((endpoint, _)) = &self.open {
            eprintln!("send events with `{}`", endpoint.connection_string());
        }
    }

    /// Waits for Ctrl-C and closes the endpoint: nothing follows the events that were acknowledged by then.
    pub async fn closed(&mut self) {
        if self.open.is_some() {
            self.interrupt.recv().await;
        }
        if let Some((endpoint, journal)) = self.open.take() {
            drop(endpoint);
            journal.close();
            eprintln!(
                "the endpoint is closed; it has {} events, and another Ctrl-C leaves them for the next time",
                journal.events()
            );
        }
    }
}
