//! Requests and their answers: a client attaches two links to a node, asks on one and listens on the other.

use fe2o3_amqp_types::messaging::{AmqpValue, ApplicationProperties, Body, Message, MessageId, Properties};
use fe2o3_amqp_types::primitives::{SimpleValue, Value};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Answers that wait for one listener's credit; more are dropped, as the client does not listen.
const WAITING_ANSWERS: usize = 16;

pub type Answer = Message<AmqpValue<Value>>;

/// A link on which a client listens for answers.
struct Listener {
    /// Its name and the address of its target: clients ask for answers to either.
    names: [Option<String>; 2],
    answers: mpsc::Sender<Answer>,
}

/// The listeners at one node in one session.
#[derive(Default)]
pub struct Listeners(Mutex<Vec<Listener>>);

impl Listeners {
    /// A new listener; its answers come out of what is returned.
    pub fn add(&self, link: String, target: Option<String>) -> mpsc::Receiver<Answer> {
        let (answers, receiver) = mpsc::channel(WAITING_ANSWERS);
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.answers.is_closed());
        listeners.push(Listener { names: [Some(link), target], answers });
        receiver
    }

    /// Gives `answer` to whom `reply_to` names, or to the last one who came.
    pub fn answer(&self, reply_to: Option<&str>, answer: Answer) {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_named = |listener: &&Listener| listener.names.iter().any(|name| name.as_deref() == reply_to);
        let named = reply_to.and_then(|_| listeners.iter().rev().find(is_named));
        if let Some(listener) = named.or(listeners.last()) {
            let _ = listener.answers.try_send(answer);
        }
    }
}

/// What a client asks.
pub struct Request {
    message: Message<Body<Value>>,
}

impl Request {
    pub fn new(message: Message<Body<Value>>) -> Self {
        Request { message }
    }

    pub fn property(&self, name: &str) -> Option<&str> {
        match self.message.application_properties.as_ref()?.get(name)? {
            SimpleValue::String(text) => Some(text),
            SimpleValue::Symbol(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The body, where it is text.
    pub fn text(&self) -> Option<&str> {
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

    /// An answer to this request.
    pub fn answer(&self, status: Status, body: Value) -> Answer {
        // The clients of the two nodes spell the names differently; each ignores the other's.
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

/// How a request went, in the numbers of HTTP.
pub struct Status {
    code: i32,
    description: String,
}

impl Status {
    pub fn new(code: i32, description: impl Into<String>) -> Self {
        Status { code, description: description.into() }
    }
}
