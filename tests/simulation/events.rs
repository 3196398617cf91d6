//! Produces events of a few visits. They overlap, bridge sessions, arrive late, arrive twice or are malformed.

use super::chance::{Chance, between, one_in};
use super::naive::Event;
use super::world::Expected;
use clickstream::event::time::Timestamp;

const MINUTE: i64 = 60_000_000;

/// A body and the event it encodes.
#[derive(Debug, Clone)]
pub struct Produced {
    pub body: Vec<u8>,
    /// `None` if the body is malformed.
    pub event: Option<Event>,
}

/// The next event at about `now`. `earlier` holds the events before it.
pub fn produce(chance: &Chance, now: Timestamp, earlier: &[Expected]) -> Produced {
    if one_in(chance, 12) {
        return Produced { body: format!("{{\"user_id\": {}", chance.up_to(1_000_000)).into_bytes(), event: None };
    }
    // A producer that received no answer sends the same event again, and the hub gives it a new sequence number.
    if one_in(chance, 10) && !earlier.is_empty() {
        return earlier[chance.up_to(earlier.len() as u64 - 1) as usize].produced.clone();
    }
    let kinds = ["page_view", "page_view", "page_view", "add_to_cart", "purchase", "search"];
    let event = Event {
        user: format!("u{}", chance.up_to(2)),
        session: format!("s{}", chance.up_to(1)),
        at_micros: now.0 - late_by(chance),
        kind: kinds[chance.up_to(5) as usize].to_owned(),
        url: (!one_in(chance, 6)).then(|| format!("/{}", chance.up_to(5))),
        // All purchases have one value. Which of several values counts is tested where the order is known.
        price: Some(990_000),
        transaction: one_in(chance, 2).then(|| format!("t{}", chance.up_to(2))),
        products: (0..chance.up_to(3)).map(|at| format!("P{at}")).collect(),
        identity: format!("e{}-{}", earlier.len(), chance.up_to(u64::MAX - 1)),
    };
    Produced { body: event.body(), event: Some(event) }
}

/// How late an event is: mostly not at all, often some minutes, sometimes days.
fn late_by(chance: &Chance) -> i64 {
    let minutes = match chance.up_to(9) {
        0..6 => chance.up_to(10),
        6..9 => chance.up_to(240),
        _ => between(chance, 1_440, 7_200),
    };
    minutes as i64 * MINUTE + chance.up_to(59) as i64 * 1_000_000
}
