//! A shop's stream: what the crowd does, as it arrives. On the way some events are held up, some are sent twice and
//! some are broken. The crowd and the road throw dice of their own: other fractions spoil the same shop's events.

use super::crowd::{Act, Crowd, HOUR_MICROS};
use super::dice::{Dice, scramble};
use super::record::{Ids, Products, Record};
use super::spoil::{FAULTS, broken};
use super::visit::Step;
use clickstream::event::time::{MICROS_PER_SECOND, Timestamp};
use std::collections::BTreeMap;

/// 2026-01-05T00:00:00Z, a Monday. Fixed, so that a seed alone decides the bytes.
pub const DEFAULT_START: Timestamp = Timestamp(1_767_571_200 * MICROS_PER_SECOND);

/// People that the shop knows, where nobody says otherwise.
pub const DEFAULT_USERS: u32 = 1_000;

/// What a shop's stream is made of. Equal values give equal streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Shop {
    /// How many events in all; `None` for a stream without end.
    pub events: Option<u64>,
    pub seed: u64,
    /// At least 1.
    pub users: u32,
    /// Fraction of events that are broken.
    pub malformed: f64,
    /// Fraction of events that are sent 1 to 12 hours (of the shop's time) after they happened.
    pub late: f64,
    /// Fraction of events whose bytes are sent once more, seconds to hours later.
    pub duplicates: f64,
    /// Whether events carry `event_id`, and purchases `transaction_id`.
    pub ids: bool,
    pub start: Timestamp,
}

/// One event to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedEvent {
    /// The session id: events of one session belong in one partition.
    pub key: String,
    /// One line, without its end. Usually a JSON object.
    pub body: Vec<u8>,
}

impl Shop {
    /// A shop of the usual size in which nothing goes wrong.
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
            crowd: Crowd::new(self.seed, self.users),
            road: Dice::new(scramble(self.seed)),
            left: self.events.unwrap_or(u64::MAX),
            now: 0,
            held: BTreeMap::new(),
            holds: 0,
        }
    }

    /// Names the stream by everything that decides its bytes.
    pub fn description(&self) -> String {
        let Shop { seed, users, malformed, late, duplicates, ids, start, .. } = self;
        let events = self.events.map_or("endless".to_owned(), |events| events.to_string());
        format!(
            "shop seed={seed} events={events} users={users} malformed={malformed} late={late} duplicates={duplicates} \
             ids={ids} start={start}"
        )
    }
}

struct Stream {
    shop: Shop,
    crowd: Crowd,
    road: Dice,
    /// Events not yet made. Those held up are made already, so the stream ends when both are used up.
    left: u64,
    now: u64,
    /// By release time, then in the order they were held up.
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
            let act = self.crowd.next_act();
            self.left -= 1;
            self.now = act.at;
            let event = GeneratedEvent { key: act.client.session_id.clone(), body: self.body(&act) };
            if let Some(event) = self.send(event) {
                return Some(event);
            }
        }
    }
}

impl Stream {
    /// The event if it goes out now. A repeat is never sent before its original.
    fn send(&mut self, event: GeneratedEvent) -> Option<GeneratedEvent> {
        let is_late = self.road.chance(self.shop.late);
        let sent_at = self.now + if is_late { HOUR_MICROS + self.road.below(11 * HOUR_MICROS) } else { 0 };
        let repeat = (self.road.chance(self.shop.duplicates) && self.left > 0).then(|| event.clone());
        let event = if is_late { self.hold(sent_at, event) } else { Some(event) };
        if let Some(repeat) = repeat {
            self.left -= 1;
            let after =
                if self.road.chance(0.8) { self.road.wait(HOUR_MICROS / 60) } else { self.road.below(6 * HOUR_MICROS) };
            self.hold(sent_at + after, repeat);
        }
        event
    }

    fn hold(&mut self, release: u64, event: GeneratedEvent) -> Option<GeneratedEvent> {
        self.held.insert((release, self.holds), event);
        self.holds += 1;
        None
    }

    fn body(&mut self, act: &Act) -> Vec<u8> {
        let at = self.shop.start.plus_micros(act.at as i64);
        let record = Record {
            client: &act.client,
            visit: &act.visit,
            ids: if self.shop.ids { self.ids(act) } else { Ids::default() },
            user_id: Some(&act.client.user_id),
            at: Some(at),
            products: Products::AsSold,
            nesting: 0,
        };
        if !self.road.chance(self.shop.malformed) {
            return record.bytes();
        }
        let fault = *self.road.pick(&FAULTS);
        broken(record, fault, at, &mut self.road)
    }

    /// Made from the act's number, so that asking for ids changes nothing else.
    fn ids(&self, act: &Act) -> Ids {
        let id = scramble(scramble(self.shop.seed) ^ act.number);
        let transaction_id = (act.visit.step == Step::Purchase).then(|| format!("txn_{:012x}", scramble(id) >> 16));
        Ids { event_id: Some(format!("evt_{id:016x}")), transaction_id }
    }
}
