//! A synthetic shop: the events of its visitors as a stream, without end or of a given length.
//!
//! Promises: equal values of [`Shop`] give the same bytes, on every machine and at any time. The events of the visitors are well
//! formed and in the order of their time. What goes wrong on the way to the event hub (events that are malformed, late or
//! duplicated) is added in stated fractions. Does not know event hubs, partitions or tables.
//!
//! Reading order: [`catalog`] (what there is to buy, and who visits), [`rng`] (random numbers from a seed), [`visitors`] (what
//! they do), [`record`] (the bytes of an event, and how they can be malformed), and here the stream.

mod catalog;
mod rng;
mod visitors;
mod record;
#[cfg(test)]
mod tests;

use clickstream::event::time::{MICROS_PER_SECOND, Timestamp};
use record::{FAULTS, Ids, Products, Record};
use rng::{Rng, splitmix64};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use visitors::{Action, HOUR_MICROS, Step, Visitors};

/// 2026-01-05T00:00:00Z, a Monday. Fixed, so that a seed alone decides the bytes.
pub const DEFAULT_START: Timestamp = Timestamp(1_767_571_200 * MICROS_PER_SECOND);

/// The usual number of users.
pub const DEFAULT_USERS: u32 = 1_000;

/// The probability that a duplicate follows its original within minutes, and not within hours.
const SOON: f64 = 0.8;

/// Everything that decides the bytes of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Shop {
    /// The number of all events; `None` for a stream without end.
    pub events: Option<u64>,
    pub seed: u64,
    /// At least 1.
    pub users: u32,
    /// Fraction of events that are malformed.
    pub malformed: f64,
    /// Fraction of events that are sent 1 to 12 hours after they happened, in the time of the shop.
    pub late: f64,
    /// Fraction of events whose bytes are sent a second time, seconds to hours later.
    pub duplicates: f64,
    /// Whether events carry `event_id`, and purchases `transaction_id`.
    pub ids: bool,
    pub start: Timestamp,
}

/// One event to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedEvent {
    /// The session id. Events of one session belong in one partition.
    pub key: String,
    /// One line, without its end. Usually a JSON object.
    pub body: Vec<u8>,
}

impl Shop {
    /// A shop of the usual size. All of its events are well formed, in time and sent once.
    pub fn plain(events: u64, seed: u64) -> Self {
        Shop {
            events: Some(events),
            seed,
            users: DEFAULT_USERS,
            malformed: 0.0,
            late: 0.0,
            duplicates: 0.0,
            ids: false,
            start: DEFAULT_START,
        }
    }

    pub fn stream(&self) -> impl Iterator<Item = GeneratedEvent> + use<> {
        Stream {
            shop: self.clone(),
            visitors: Visitors::new(self.seed, self.users),
            transport: Rng::new(splitmix64(self.seed)),
            left: self.events.unwrap_or(u64::MAX),
            now: 0,
            held: BTreeMap::new(),
            holds: 0,
        }
    }

    /// Writes the stream, one event per line.
    pub fn write_ndjson(&self, out: impl Write) -> io::Result<()> {
        write_lines(self.stream(), out)
    }

    /// A text that names everything that decides the bytes of the stream.
    pub fn description(&self) -> String {
        let Shop { seed, users, malformed, late, duplicates, ids, start, .. } = self;
        let events = self.events.map_or("endless".to_owned(), |events| events.to_string());
        format!(
            "shop seed={seed} events={events} users={users} malformed={malformed} late={late} duplicates={duplicates} \
             ids={ids} start={start}"
        )
    }
}

/// One body per line. A body contains no newline.
pub fn write_lines(events: impl Iterator<Item = GeneratedEvent>, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    for event in events {
        out.write_all(&event.body)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// A step of a visitor becomes an event, and the transport decides what happens to it.
struct Stream {
    shop: Shop,
    visitors: Visitors,
    /// Decides what goes wrong. The visitors have random numbers of their own, so they do the same whatever the fractions are.
    transport: Rng,
    /// The number of events that are still to be made. The stream ends when it is 0 and nothing is held.
    left: u64,
    now: u64,
    /// Late events and duplicates, by the time at which they are sent, then in the order in which they were made.
    held: BTreeMap<(u64, u64), GeneratedEvent>,
    holds: u64,
}

impl Iterator for Stream {
    type Item = GeneratedEvent;

    fn next(&mut self) -> Option<GeneratedEvent> {
        loop {
            let release = self.held.first_key_value().map(|((release, _), _)| *release);
            if self.left == 0 || release.is_some_and(|release| release <= self.now) {
                return self.held.pop_first().map(|(_, event)| event);
            }
            let step = self.visitors.next_step();
            self.left -= 1;
            self.now = step.at;
            let event = GeneratedEvent { key: step.client.session_id.clone(), body: self.body(&step) };
            if let Some(event) = self.send(event) {
                return Some(event);
            }
        }
    }
}

impl Stream {
    /// The event, if it is sent now. A duplicate is never sent before its original.
    fn send(&mut self, event: GeneratedEvent) -> Option<GeneratedEvent> {
        let is_late = self.transport.chance(self.shop.late);
        let sent_at = self.now + if is_late { HOUR_MICROS + self.transport.below(11 * HOUR_MICROS) } else { 0 };
        let duplicate = (self.transport.chance(self.shop.duplicates) && self.left > 0).then(|| event.clone());
        let now = match is_late {
            true => {
                self.hold(sent_at, event);
                None
            }
            false => Some(event),
        };
        if let Some(duplicate) = duplicate {
            self.left -= 1;
            let after = match self.transport.chance(SOON) {
                true => self.transport.wait(HOUR_MICROS / 60),
                false => self.transport.below(6 * HOUR_MICROS),
            };
            self.hold(sent_at + after, duplicate);
        }
        now
    }

    fn hold(&mut self, release: u64, event: GeneratedEvent) {
        self.held.insert((release, self.holds), event);
        self.holds += 1;
    }

    fn body(&mut self, step: &Step) -> Vec<u8> {
        let at = self.shop.start.plus_micros(step.at as i64);
        let record = Record {
            client: &step.client,
            visit: &step.visit,
            ids: if self.shop.ids { self.ids(step) } else { Ids::default() },
            user_id: Some(&step.client.user_id),
            at: Some(at),
            products: Products::AsSold,
            nesting: 0,
        };
        if !self.transport.chance(self.shop.malformed) {
            return record.bytes();
        }
        let fault = *self.transport.pick(&FAULTS);
        record.malformed(fault, at, &mut self.transport)
    }

    /// Made from the number of the step, so that ids change nothing else in the stream.
    fn ids(&self, step: &Step) -> Ids {
        let id = splitmix64(splitmix64(self.shop.seed) ^ step.number);
        let transaction_id =
            (step.visit.action == Action::Purchase).then(|| format!("txn_{:012x}", splitmix64(id) >> 16));
        Ids { event_id: Some(format!("evt_{id:016x}")), transaction_id }
    }
}
