//! A session as a value: the set of its events.
//!
//! Merging is the union of two sets; of two contents of one event the smaller counts. So merging is commutative, associative and
//! idempotent, and the same events give the same session in any order, any split and any number of repetitions. Everything that
//! gold says of a session follows from the set ([`summary`](super::summary)).
//!
//! The set is bounded. Kept whole is the longest prefix, by event key, that is within the bounds; a [`Rest`] stands for the
//! others. Which events are kept depends on which events there are, and not on which came first: a key is as good as a random
//! number, and no session decides by itself what its events hash to.

use super::rest::Rest;
use super::session_event::SessionEvent;
use crate::event::ids::EventKey;
use crate::event::time::Timestamp;
use crate::mutants::{self, Mutant};
use std::cmp::Ordering;

/// The texts and numbers of the events that a session keeps whole have at most this many bytes, each event counted at its own
/// size.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// The events of one session window of one session key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Session<'a> {
    /// Sorted by identity, distinct. All events, unless there is a rest.
    pub events: Vec<SessionEvent<'a>>,
    /// What is known of the events beyond the bounds.
    pub rest: Option<Box<Rest<'a>>>,
}

/// Copies of events, each of which counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copies {
    /// Same event, same content; or the content of the first one is not kept.
    pub duplicates: u64,
    /// Same event, other content.
    pub conflicts: u64,
    /// How many of the conflicts changed the content that counts.
    pub corrections: u64,
}

impl std::ops::AddAssign for Copies {
    fn add_assign(&mut self, other: Copies) {
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.corrections += other.corrections;
    }
}

impl<'a> Session<'a> {
    /// The session of `events`, sorted by identity and distinct.
    pub fn of(events: Vec<SessionEvent<'a>>, max_events: usize) -> Self {
        let mut session = Session { events, rest: None };
        session.bound(max_events);
        session
    }

    /// The times of the first and the last event.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        let times = self.events.iter().map(|event| (event.at, event.at));
        let rest = self.rest.iter().map(|rest| (rest.start, rest.end));
        let wider =
            |one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)| (one.0.min(other.0), one.1.max(other.1));
        times.chain(rest).reduce(wider).unwrap_or((Timestamp(0), Timestamp(0)))
    }

    /// Adds the events of `other`.
    pub fn unite(&mut self, other: Session<'a>, max_events: usize) -> Copies {
        let mut copies = Copies::default();
        if mutants::is(Mutant::TruncationByArrival) && self.events.len() >= max_events {
            let cut = EventKey(i64::MAX);
            self.rest.get_or_insert_with(|| Box::new(Rest::empty(cut))).add(other.events, cut);
            return copies;
        }
        let ours = std::mem::take(&mut self.events);
        self.events = united(ours, other.events, &mut copies);
        self.rest = match (self.rest.take(), other.rest) {
            (Some(mut ours), Some(theirs)) => {
                copies.duplicates += ours.unite(*theirs);
                Some(ours)
            }
            (ours, theirs) => ours.or(theirs),
        };
        if let Some(cut) = self.rest.as_ref().map(|rest| rest.cut) {
            copies.duplicates += self.leave_out_from(cut);
        }
        self.bound(max_events);
        copies
    }

    /// Keeps the longest prefix of events that is within the bounds.
    fn bound(&mut self, max_events: usize) {
        let mut bytes = 0;
        let mut fits = |(number, event): (usize, &SessionEvent)| {
            bytes += event.bytes();
            number < max_events && bytes <= MAX_KEPT_BYTES
        };
        if let Some(beyond) = self.events.iter().enumerate().position(|kept| !fits(kept)) {
            self.leave_out_from(self.events[beyond].key);
        }
    }

    /// Moves the events from `cut` on into the rest. The number of those that were in it already.
    fn leave_out_from(&mut self, cut: EventKey) -> u64 {
        let kept = self.events.partition_point(|event| event.key < cut);
        let left_out = self.events.split_off(kept);
        if left_out.is_empty() && self.rest.is_some() {
            return 0;
        }
        self.rest.get_or_insert_with(|| Box::new(Rest::empty(cut))).add(left_out, cut)
    }
}

/// The union of two sorted lists of distinct events.
fn united<'a>(
    ours: Vec<SessionEvent<'a>>,
    theirs: Vec<SessionEvent<'a>>,
    copies: &mut Copies,
) -> Vec<SessionEvent<'a>> {
    if ours.is_empty() || theirs.is_empty() {
        return if ours.is_empty() { theirs } else { ours };
    }
    let mut all = Vec::with_capacity(ours.len() + theirs.len());
    let (mut ours, mut theirs) = (ours.into_iter().peekable(), theirs.into_iter().peekable());
    while let (Some(one), Some(other)) = (ours.peek(), theirs.peek()) {
        match one.identity().cmp(&other.identity()) {
            Ordering::Less => all.extend(ours.next()),
            Ordering::Greater => all.extend(theirs.next()),
            Ordering::Equal => {
                if let (Some(mut kept), Some(mut copy)) = (ours.next(), theirs.next()) {
                    keep_smaller(&mut kept, &mut copy, copies);
                    all.push(kept);
                }
            }
        }
    }
    all.extend(ours);
    all.extend(theirs);
    all
}

fn keep_smaller<'a>(kept: &mut SessionEvent<'a>, copy: &mut SessionEvent<'a>, copies: &mut Copies) {
    match copy.content.cmp(&kept.content) {
        Ordering::Equal => copies.duplicates += 1,
        order => {
            copies.conflicts += 1;
            if order == Ordering::Less && !mutants::is(Mutant::FirstComeWins) {
                copies.corrections += 1;
                std::mem::swap(kept, copy);
            }
        }
    }
}
