//! Sessions from events, and events into sessions: the pure core of gold.
//!
//! Knows neither tables nor files nor the watermark. The caller ensures that `stored` holds every session that one of
//! the events can touch.

use super::Windowing;
use super::session::Session;
use super::session_event::{SessionEvent, SessionKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What new events change in the stored sessions that they can touch.
#[derive(Debug, Default)]
pub struct Merged {
    /// Sessions that are new or changed, ordered by session key and then by time.
    pub changed: Vec<Session>,
    /// Indices of the stored sessions that `changed` replaces.
    pub replaced: BTreeSet<usize>,
    /// Events that were counted before, or are among the new ones twice.
    pub duplicates: usize,
    /// How many stored sessions disappeared because they were bridged: two that became one count as one.
    pub bridged: usize,
}

/// The sessions that `events` form when nothing is stored yet.
pub fn fold(events: Vec<SessionEvent>, windowing: &Windowing) -> Vec<Session> {
    merge(Vec::new(), events, windowing).changed
}

/// Merges `events` into `stored`. For each event, `stored` has at least the sessions of its key that start or end
/// within the inactivity timeout of it, or span it.
pub fn merge(stored: Vec<Session>, events: Vec<SessionEvent>, windowing: &Windowing) -> Merged {
    let mut merged = Merged::default();
    let mut events_by_key: BTreeMap<SessionKey, Vec<SessionEvent>> = BTreeMap::new();
    for event in events {
        events_by_key.entry(event.key.clone()).or_default().push(event);
    }
    let mut stored_by_key: HashMap<SessionKey, Vec<(usize, Session)>> = HashMap::new();
    for (index, session) in stored.into_iter().enumerate() {
        stored_by_key.entry(session.key.clone()).or_default().push((index, session));
    }
    for (key, events) in events_by_key {
        let stored = stored_by_key.remove(&key).unwrap_or_default();
        merge_key(stored, events, windowing, &mut merged);
    }
    merged
}

/// Stored sessions and new events of one key that turned out to be one session.
struct Group {
    session: Session,
    /// Indices of the stored sessions in it.
    stored: Vec<usize>,
    has_new_events: bool,
}

/// Merges the events of one key: sorts stored sessions and new events by time, and combines neighbours.
fn merge_key(stored: Vec<(usize, Session)>, events: Vec<SessionEvent>, windowing: &Windowing, merged: &mut Merged) {
    let all = events.len();
    let events = without_duplicates(events, &stored);
    merged.duplicates += all - events.len();
    let old = stored.into_iter().map(|(index, session)| Group { session, stored: vec![index], has_new_events: false });
    let new = events.iter().map(|event| Group { session: Session::of(event), stored: vec![], has_new_events: true });
    let mut groups: Vec<Group> = old.chain(new).collect();
    groups.sort_by_key(|group| (group.session.start, group.session.end));
    let mut current: Option<Group> = None;
    for next in groups {
        current = Some(match current.take() {
            Some(mut group) if windowing.are_neighbours(group.session.end, next.session.start) => {
                group.session.combine(next.session, windowing.max_event_keys);
                group.stored.extend(next.stored);
                group.has_new_events |= next.has_new_events;
                group
            }
            Some(complete) => {
                merged.add(complete);
                next
            }
            None => next,
        });
    }
    current.into_iter().for_each(|complete| merged.add(complete));
}

impl Merged {
    /// Adds `group`, which no other group can join any more. Without new events it is as stored, and stays.
    fn add(&mut self, group: Group) {
        if group.has_new_events {
            self.bridged += group.stored.len().saturating_sub(1);
            self.replaced.extend(group.stored);
            self.changed.push(group.session);
        }
    }
}

/// The events that count, in their total order: each event key once, without those that a stored session has counted.
/// Two events with the same key have the same event time, so only a session that spans that time can have counted it.
fn without_duplicates(mut events: Vec<SessionEvent>, stored: &[(usize, Session)]) -> Vec<SessionEvent> {
    events.sort_by(|a, b| a.order.cmp(&b.order));
    let mut seen = BTreeSet::new();
    events.retain(|event| {
        let is_counted = stored
            .iter()
            .any(|(_, session)| (session.start..=session.end).contains(&event.at()) && session.has_event(event));
        !is_counted && seen.insert(event.event_key())
    });
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::EventKey;
    use crate::event::time::{Span, Timestamp};
    use crate::gold::session_event::EventOrder;

    const WINDOWING: Windowing = Windowing { timeout: Span::from_minutes(30), max_event_keys: 100 };

    fn at(clock: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-01-05T{clock}:00Z")).expect("an instant")
    }

    fn event(name: u8, clock: &str) -> SessionEvent {
        SessionEvent {
            key: SessionKey::new("u", "s").expect("neither is empty"),
            order: EventOrder { at: at(clock), page_url: None, event_key: EventKey(name.into()) },
            event_type: "page_view".into(),
            value: None,
            transaction_id: None,
            product_ids: vec![],
            product_names: vec![],
            product_brands: vec![],
            product_categories: vec![],
            attributes: vec![],
            is_bot: false,
        }
    }

    fn shown(sessions: &[Session]) -> Vec<(Timestamp, Timestamp, i64)> {
        sessions.iter().map(|session| (session.start, session.end, session.total_events)).collect()
    }

    /// The worked example in the essay of `gold`.
    #[test]
    fn the_example_of_the_essay() {
        let [a, b, c, d, e] = [(b'a', "10:00"), (b'b', "10:20"), (b'c', "11:05"), (b'd', "11:10"), (b'e', "10:45")]
            .map(|(name, clock)| event(name, clock));
        let first = merge(vec![], vec![a, b.clone(), c, b, d], &WINDOWING);
        assert_eq!(shown(&first.changed), [(at("10:00"), at("10:20"), 2), (at("11:05"), at("11:10"), 2)]);
        assert_eq!((first.duplicates, first.bridged), (1, 0));

        let second = merge(first.changed, vec![e.clone()], &WINDOWING);
        assert_eq!(shown(&second.changed), [(at("10:00"), at("11:10"), 5)]);
        assert_eq!((second.replaced, second.bridged), (BTreeSet::from([0, 1]), 1));

        let third = merge(second.changed, vec![e], &WINDOWING);
        assert!(third.changed.is_empty() && third.replaced.is_empty());
        assert_eq!(third.duplicates, 1);
    }
}
