//! Produces events of a few visits. They overlap, bridge sessions, arrive late, arrive twice, arrive with other contents under
//! the same id, or are malformed.

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
    if !earlier.is_empty() && one_in(chance, 5) {
        let sent = &earlier[chance.up_to(earlier.len() as u64 - 1) as usize].produced;
        return match &sent.event {
            // A producer sends an event again when it knows more of it, or has corrected it.
            Some(event) if one_in(chance, 2) => Produced::of(event.variant(&mut |max| chance.up_to(max))),
            // A producer that received no answer sends the same event again, and the hub gives it a new sequence number.
            _ => sent.clone(),
        };
    }
    let identity = format!("e{}-{}", earlier.len(), chance.up_to(u64::MAX - 1));
    let at_micros = now.0 - late_by(chance);
    Produced::of(Event::drawn(&mut |max| chance.up_to(max), Some(identity), at_micros))
}

impl Produced {
    fn of(event: Event) -> Self {
        Produced { body: event.body(), event: Some(event) }
    }
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
