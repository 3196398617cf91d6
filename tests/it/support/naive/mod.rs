//! Gold by brute force, from all events that were ever sent or from the rows of silver: sorts them, cuts them at the pauses,
//! and computes each column in the most direct way. Written from the definitions, and shares no code with `src/gold`.
//!
//! Knows no order of arrival, no file and no state. Of a session that is longer than its bound it computes only what does not
//! depend on which events are kept.

mod columns;
mod content;
mod event;
mod stored;

pub use content::{Content, counted};
pub use event::Event;
pub use stored::{contents_of, of_row};

use serde_json::Value;
use std::collections::BTreeMap;

/// Ten-thousandths of the unit of a currency.
pub type Amount = i64;

/// The default of `MAX_SESSION_EVENTS`.
#[allow(dead_code, reason = "the simulation has a bound of its own")]
pub const MAX_SESSION_EVENTS: usize = 10_000;

const TIMEOUT_MICROS: i64 = 30 * 60 * 1_000_000;

/// One object for each session, as [`of_row`] makes them from the rows of gold, sorted.
pub fn fold(contents: &[Content], max_events: usize) -> Vec<Value> {
    let mut by_key: BTreeMap<(&str, &str), Vec<&Content>> = BTreeMap::new();
    for content in counted(contents) {
        by_key.entry((&content.user, &content.session)).or_default().push(content);
    }
    let mut sessions = Vec::new();
    for mut events in by_key.into_values() {
        events.sort_by(|one, other| one.order().cmp(&other.order()));
        let is_pause = |one: &&Content, other: &&Content| other.at_micros - one.at_micros > TIMEOUT_MICROS;
        let cut = events.chunk_by(|one, other| !is_pause(one, other));
        sessions.extend(cut.map(|events| columns::session(events, max_events)));
    }
    sorted(sessions)
}

pub fn sorted(mut sessions: Vec<Value>) -> Vec<Value> {
    sessions.sort_by_key(Value::to_string);
    sessions
}
