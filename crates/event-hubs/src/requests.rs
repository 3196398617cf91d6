//! Requests and their answers: `$cbs`, where clients put tokens, and `$management`, where they ask about the hub.
//!
//! A client attaches two links to such a node. It sends its requests on one and gets the answers on the other.

use crate::auth::Claims;
use crate::error::AmqpError;
use crate::journal::{Journal, PartitionState};
use chrono::{DateTime, Utc};
use fe2o3_amqp_types::messaging::{AmqpValue, ApplicationProperties, Body, Message, MessageId, Properties};
use fe2o3_amqp_types::primitives::{Array, OrderedMap, SimpleValue, Timestamp, Value};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Answers that wait for the credit of one link. The endpoint drops further ones, because the client does not read them.
const MAX_WAITING_ANSWERS: usize = 16;

const HUB: &str = "com.microsoft:eventhub";
const PARTITION: &str = "com.microsoft:partition";

pub type Answer = Message<AmqpValue<Value>>;

/// A node that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Cbs,
    Management,
}

impl Service {
    /// Answers `request` of the peer that has `claims`.
    pub fn answer(self, request: &Request, journal: &Journal, claims: &Claims, now: DateTime<Utc>) -> Answer {
        match self {
            Service::Cbs => put_token(request, claims, now),
            Service::Management => match read_properties(request, journal, claims, now) {
                Ok(entries) => {
                    let map: OrderedMap<Value, Value> =
                        entries.into_iter().map(|(name, value)| (Value::String(name.to_owned()), value)).collect();
                    request.answer(Status::new(200, "OK"), Value::Map(map))
                }
                Err(status) => request.answer(status, Value::Null),
            },
        }
    }
}

fn put_token(request: &Request, claims: &Claims, now: DateTime<Utc>) -> Answer {
    let status = match (request.property("operation"), request.text()) {
        (Some("put-token"), Some(token)) => match claims.put(token, now) {
            Ok(()) => Status::new(202, "Accepted"),
            Err(error) => Status::new(401, error.to_string()),
        },
        _ => Status::new(400, "This endpoint knows only the operation put-token, with a token as its body."),
    };
    request.answer(status, Value::Null)
}

type Entries = Vec<(&'static str, Value)>;

fn read_properties(
    request: &Request,
    journal: &Journal,
    claims: &Claims,
    now: DateTime<Utc>,
) -> Result<Entries, Status> {
    let name = request.property("name").unwrap_or_default();
    if request.property("operation") != Some("READ") {
        return Err(Status::new(400, "This endpoint knows only the operation READ."));
    }
    if !claims.allow(name, now) {
        return Err(Status::new(401, AmqpError::Unauthorized(name.to_owned()).to_string()));
    }
    if !journal.hub().name.is(name) {
        return Err(Status::new(404, AmqpError::NoSuchEntity(name.to_owned()).to_string()));
    }
    match request.property("type") {
        Some(HUB) => Ok(hub_entries(journal)),
        Some(PARTITION) => {
            let id = request.property("partition").unwrap_or_default();
            let partitions = journal.hub().partitions;
            let state = partitions.find(id).and_then(|partition| journal.partition(partition));
            let state = state.ok_or_else(|| {
                let error = AmqpError::NoSuchPartition { id: id.to_owned(), last: partitions.last() };
                Status::new(404, error.to_string())
            })?;
            Ok(partition_entries(journal, id, state))
        }
        _ => Err(Status::new(400, format!("This endpoint knows only the types {HUB} and {PARTITION}."))),
    }
}

fn hub_entries(journal: &Journal) -> Entries {
    let partitions = journal.hub().partitions;
    let ids: Vec<Value> = partitions.ids().map(|id| Value::String(id.to_string())).collect();
    vec![
        ("name", Value::String(journal.hub().name.to_string())),
        ("type", Value::String(HUB.to_owned())),
        ("created_at", timestamp(journal.hub().created_at)),
        ("partition_count", Value::Int(ids.len() as i32)),
        ("partition_ids", Value::Array(Array::from(ids))),
        ("georeplication_factor", Value::Int(1)),
    ]
}

fn partition_entries(journal: &Journal, id: &str, state: PartitionState) -> Entries {
    // The service gives an empty partition the offset -1.
    let offset = state.last_offset.map_or_else(|| "-1".to_owned(), |offset| offset.to_string());
    vec![
        ("name", Value::String(journal.hub().name.to_string())),
        ("type", Value::String(PARTITION.to_owned())),
        ("partition", Value::String(id.to_owned())),
        ("begin_sequence_number", Value::Long(0)),
        ("last_enqueued_sequence_number", Value::Long(state.events as i64 - 1)),
        ("last_enqueued_sequence_number_epoch", Value::Int(-1)),
        ("last_enqueued_offset", Value::String(offset)),
        ("last_enqueued_time_utc", timestamp(state.last_enqueued_at)),
        ("is_partition_empty", Value::Bool(state.events == 0)),
    ]
}

fn timestamp(at: DateTime<Utc>) -> Value {
    Value::Timestamp(Timestamp::from_milliseconds(at.timestamp_millis()))
}

/// What a client asks.
pub struct Request {
    message: Message<Body<Value>>,
}

impl Request {
    pub fn new(message: Message<Body<Value>>) -> Self {
        Request { message }
    }

    fn property(&self, name: &str) -> Option<&str> {
        match self.message.application_properties.as_ref()?.get(name)? {
            SimpleValue::String(text) => Some(text),
            SimpleValue::Symbol(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The body, if it is text.
    fn text(&self) -> Option<&str> {
        match &self.message.body {
            Body::Value(AmqpValue(Value::String(text))) => Some(text),
            _ => None,
        }
    }

    pub fn reply_to(&self) -> Option<&str> {
        self.message.properties.as_ref()?.reply_to.as_deref()
    }

    fn id(&self) -> Option<MessageId> {
        self.message.properties.as_ref()?.message_id.clone()
    }

    fn answer(&self, status: Status, body: Value) -> Answer {
        // The clients of the two nodes spell these names differently. Each ignores the names of the other.
        let code = SimpleValue::Int(status.code);
        let description = SimpleValue::String(status.description);
        let properties = ApplicationProperties::builder()
            .insert("status-code", code.clone())
            .insert("statusCode", code)
            .insert("status-description", description.clone())
            .insert("statusDescription", description)
            .build();
        Message::builder()
            .properties(Properties { correlation_id: self.id(), ..Properties::default() })
            .application_properties(properties)
            .value(body)
            .build()
    }
}

/// The outcome of a request, as a status code of HTTP.
struct Status {
    code: i32,
    description: String,
}

impl Status {
    fn new(code: i32, description: impl Into<String>) -> Self {
        Status { code, description: description.into() }
    }
}

/// A link on which a client waits for answers.
struct Listener {
    /// The name of the link and the address of its target: a client asks for its answers by either.
    names: [Option<String>; 2],
    answers: mpsc::Sender<Answer>,
}

/// The links of one session on which its client waits for the answers of one node.
#[derive(Default)]
pub struct Listeners(Mutex<Vec<Listener>>);

impl Listeners {
    /// Adds a link. Its answers arrive at the receiver that is returned.
    pub fn add(&self, link: String, target: Option<String>) -> mpsc::Receiver<Answer> {
        let (answers, receiver) = mpsc::channel(MAX_WAITING_ANSWERS);
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.answers.is_closed());
        listeners.push(Listener { names: [Some(link), target], answers });
        receiver
    }

    /// Sends `answer` to the link that `reply_to` names, or to the one that was added last.
    pub fn send(&self, reply_to: Option<&str>, answer: Answer) {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_named = |listener: &&Listener| listener.names.iter().any(|name| name.as_deref() == reply_to);
        let named = reply_to.and_then(|_| listeners.iter().rev().find(is_named));
        if let Some(listener) = named.or(listeners.last()) {
            let _ = listener.answers.try_send(answer);
        }
    }
}
