//! Builds events as senders write them, for all tests.

use clickstream::event::time::Timestamp;
use serde_json::{Map, Value, json};

/// The JSON object of one event.
#[derive(Debug, Clone)]
pub struct Event(Map<String, Value>);

impl Event {
    /// A page view of user `u1` in session `s1`, without a URL.
    pub fn page_view(at: Timestamp) -> Self {
        let members = [
            ("user_id", json!("u1")),
            ("session_id", json!("s1")),
            ("event_type", json!("page_view")),
            ("timestamp", json!(at.to_string())),
        ];
        Event(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Sets a member, under the name that it has on the wire.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The bytes that a sender puts on the wire.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a JSON object can be written")
    }
}
