//! Sessions from events, and events into sessions: the pure core of gold.
//!
//! Knows neither tables nor files nor the watermark. The caller ensures that `stored` holds every session that one of
//! the events can touch.

use super::Windowing;
use super::read_events::ReadEvent;
use super::session::{Copies, Session};
use super::session_event::{KeyHash, SessionEvent, SessionKey};
use super::state::{self, StateError};
use crate::event::time::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// A session as gold stores it. Its events stay bytes until one of the new events touches it.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    pub key: SessionKey<'a>,
    pub start: Timestamp,
    pub end: Timestamp,
    pub state: &'a [u8],
}

/// What new events change in the stored sessions that they can touch.
#[derive(Debug, Default)]
pub struct Merged<'a> {
    /// Sessions that are new or changed, ordered by session key and then by time.
    pub changed: Vec<(SessionKey<'a>, Session<'a>)>,
    /// Indices of the stored sessions that `changed` replaces.
    pub replaced: BTreeSet<usize>,
    /// Events that are in a stored session, or among the new ones several times.
    pub copies: Copies,
    /// Copies that came from another namespace than the one that counts, both among the new events.
    pub cross_region_duplicates: u64,
    /// How many stored sessions disappeared because they were bridged: two that became one count as one.
    pub bridged: usize,
}

/// The state of the stored session with this index cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    pub stored: usize,
    pub source: StateError,
}

/// Merges `events` into `stored`. For each event, `stored` has at least the sessions of its key that start or end
/// within the inactivity timeout of it, or span it.
pub fn merge<'a>(
    stored: &[Stored<'a>],
    events: Vec<ReadEvent<'a>>,
    windowing: &Windowing,
) -> Result<Merged<'a>, Unreadable> {
    let mut merged = Merged::default();
    let mut stored_by_key: HashMap<SessionKey<'a>, Vec<usize>> = HashMap::new();
    for (index, session) in stored.iter().enumerate() {
        stored_by_key.entry(session.key).or_default().push(index);
    }
    // An event is large, so places are sorted. The hash decides nearly always, without a look at the texts.
    let mut order: Vec<(KeyHash, usize)> = events.iter().map(|event| event.key.hash()).zip(0..).collect();
    order.sort_unstable_by(|&(hash, one), &(other_hash, other)| {
        let (one, other) = (&events[one], &events[other]);
        let by_key = hash.cmp(&other_hash).then_with(|| one.key.cmp(&other.key));
        by_key.then_with(|| one.event.at.cmp(&other.event.at))
    });
    let mut events: Vec<Option<ReadEvent<'a>>> = events.into_iter().map(Some).collect();
    let mut sorted = order.into_iter().filter_map(|(_, place)| events[place].take()).peekable();
    while let Some(first) = sorted.next() {
        let key = first.key;
        let mut of_key = vec![first];
        while let Some(next) = sorted.next_if(|event| event.key == key) {
            of_key.push(next);
        }
        let of_key_stored = stored_by_key.remove(&key).unwrap_or_default();
        for group in groups(stored, of_key_stored, of_key, windowing) {
            merged.add(key, group, stored, windowing)?;
        }
    }
    // Keys that resemble each other follow each other: their files are smaller.
    merged.changed.sort_by_key(|(key, _)| *key);
    Ok(merged)
}

/// Stored sessions and new events of one key that are one session.
#[derive(Default)]
struct Group<'a> {
    stored: Vec<usize>,
    events: Vec<ReadEvent<'a>>,
    /// The latest time so far.
    end: Option<Timestamp>,
}

impl Group<'_> {
    fn reaches(&self, start: Timestamp, windowing: &Windowing) -> bool {
        self.end.is_none_or(|end| windowing.are_neighbours(end, start))
    }
}

/// Cuts the stored sessions and the new events of one key at the pauses. `events` are sorted by time.
fn groups<'a>(
    all_stored: &[Stored<'a>],
    mut stored: Vec<usize>,
    events: Vec<ReadEvent<'a>>,
    windowing: &Windowing,
) -> Vec<Group<'a>> {
    stored.sort_by_key(|&index| (all_stored[index].start, all_stored[index].end));
    let mut stored = stored.into_iter().peekable();
    let mut events = events.into_iter().peekable();
    let (mut groups, mut current) = (Vec::new(), Group::default());
    loop {
        let start = stored.peek().map(|&index| all_stored[index].start);
        let at = events.peek().map(|event| event.event.at);
        let Some(next) = start.into_iter().chain(at).min() else { break };
        if !current.reaches(next, windowing) {
            groups.push(std::mem::take(&mut current));
        }
        let end = if start == Some(next) {
            let index = stored.next();
            current.stored.extend(index);
            index.map(|index| all_stored[index].end)
        } else {
            current.events.extend(events.next());
            at
        };
        current.end = current.end.max(end);
    }
    groups.push(current);
    groups
}

impl<'a> Merged<'a> {
    /// Adds a group that nothing else can join any more. Without new events it is as stored, and stays.
    fn add(
        &mut self,
        key: SessionKey<'a>,
        group: Group<'a>,
        stored: &[Stored<'a>],
        windowing: &Windowing,
    ) -> Result<(), Unreadable> {
        if group.events.is_empty() {
            return Ok(());
        }
        let read = group.events.len() as u64;
        let mut copies = Copies::default();
        let events = self.distinct(group.events, &mut copies);
        let mut parts = group
            .stored
            .iter()
            .map(|&index| state::read(stored[index].state).map_err(|source| Unreadable { stored: index, source }));
        let session = match parts.next() {
            None => Session::of(events, windowing.max_events),
            Some(first) => {
                let mut session = first?;
                for part in parts {
                    session.unite(part?, windowing.max_events);
                }
                // Not bounded before it is united: two rests would count an event that is in both of them twice.
                copies += session.unite(Session { events, rest: None }, windowing.max_events);
                session
            }
        };
        self.copies += copies;
        let has_news = read > copies.duplicates + copies.conflicts || copies.corrections > 0;
        if has_news || group.stored.len() > 1 {
            self.bridged += group.stored.len().saturating_sub(1);
            self.replaced.extend(group.stored);
            self.changed.push((key, session));
        }
        Ok(())
    }

    /// The new events of one session once each, sorted by identity: of several copies the one with the smallest content, and
    /// of these the one at the smallest position.
    fn distinct(&mut self, mut events: Vec<ReadEvent<'a>>, copies: &mut Copies) -> Vec<SessionEvent<'a>> {
        events.sort_unstable_by(|one, other| {
            let by_identity = one.event.identity().cmp(&other.event.identity());
            let by_content = by_identity.then_with(|| one.event.content.cmp(&other.event.content));
            by_content.then_with(|| one.position.cmp(&other.position))
        });
        events.dedup_by(|copy, kept| {
            let is_copy = copy.event.identity() == kept.event.identity();
            if is_copy {
                let is_same = copy.event.content == kept.event.content;
                copies.duplicates += u64::from(is_same);
                copies.conflicts += u64::from(!is_same);
                self.cross_region_duplicates += u64::from(copy.position.namespace != kept.position.namespace);
            }
            is_copy
        });
        events.into_iter().map(|event| event.event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ids::EventKey;
    use crate::event::money::Money;
    use crate::event::time::Span;
    use crate::gold::read_events::Position;
    use crate::gold::session_event::Content;

    const WINDOWING: Windowing = Windowing { timeout: Span::from_minutes(30), max_events: 100 };

    fn at(clock: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-01-05T{clock}:00Z")).expect("an instant")
    }

    fn event(name: u8, clock: &str) -> ReadEvent<'static> {
        ReadEvent {
            key: SessionKey::new("u", "s").expect("neither is blank"),
            position: Position::default(),
            enqueued_at: at(clock),
            event: SessionEvent {
                key: EventKey(name.into()),
                at: at(clock),
                content: Content { event_type: "page_view", ..Content::default() },
            },
        }
    }

    fn worth(event: ReadEvent<'static>, units: i64) -> ReadEvent<'static> {
        let content = Content { value: Some(Money(units)), ..event.event.content };
        ReadEvent { event: SessionEvent { content, ..event.event }, ..event }
    }

    fn from(namespace: &'static str, event: ReadEvent<'static>) -> ReadEvent<'static> {
        ReadEvent { position: Position { namespace, ..event.position }, ..event }
    }

    /// Sessions as gold stores them, with their states.
    struct Table(Vec<(Timestamp, Timestamp, Vec<u8>)>);

    impl Table {
        /// What is stored after a run that changed these sessions of an empty table.
        fn of(changed: &[(SessionKey, Session)]) -> Self {
            let row = |(_, session): &(SessionKey, Session)| {
                let (start, end) = session.window();
                (start, end, state::write(session))
            };
            Table(changed.iter().map(row).collect())
        }

        fn merge(&self, events: Vec<ReadEvent<'static>>) -> Merged<'_> {
            let key = SessionKey::new("u", "s").expect("neither is blank");
            let stored = self.0.iter().map(|(start, end, state)| Stored { key, start: *start, end: *end, state });
            merge(&stored.collect::<Vec<_>>(), events, &WINDOWING).expect("states that were just written")
        }
    }

    fn shown(merged: &Merged) -> Vec<(Timestamp, Timestamp, usize)> {
        let row = |(_, session): &(SessionKey, Session)| {
            let (start, end) = session.window();
            (start, end, session.events.len())
        };
        merged.changed.iter().map(row).collect()
    }

    /// The worked example in the essay of `gold`.
    #[test]
    fn the_example_of_the_essay() {
        let [a, b, c, d, e] = [(b'a', "10:00"), (b'b', "10:20"), (b'c', "11:05"), (b'd', "11:10"), (b'e', "10:45")]
            .map(|(name, clock)| event(name, clock));
        let none = Table(vec![]);
        let first = none.merge(vec![a, b.clone(), c, worth(b.clone(), 5), d]);
        assert_eq!(shown(&first), [(at("10:00"), at("10:20"), 2), (at("11:05"), at("11:10"), 2)]);
        assert_eq!((first.copies.duplicates, first.copies.conflicts, first.bridged), (0, 1, 0));

        let table = Table::of(&first.changed);
        let second = table.merge(vec![e.clone(), b]);
        assert_eq!(shown(&second), [(at("10:00"), at("11:10"), 5)]);
        assert_eq!((second.replaced.len(), second.bridged, second.copies.conflicts), (2, 1, 1));

        let table = Table::of(&second.changed);
        let third = table.merge(vec![e]);
        assert!(third.changed.is_empty() && third.replaced.is_empty());
        assert_eq!(third.copies.duplicates, 1);
    }

    #[test]
    fn of_two_contents_the_smaller_counts_whichever_came_first() {
        let [poor, rich] = [event(1, "10:00"), worth(event(1, "10:00"), 7)];
        for (first, second) in [(poor.clone(), rich.clone()), (rich, poor)] {
            let none = Table(vec![]);
            let stored = none.merge(vec![first]);
            let table = Table::of(&stored.changed);
            let merged = table.merge(vec![second]);
            let session = merged.changed.first().map_or(&stored.changed[0].1, |(_, session)| session);
            assert_eq!(session.events[0].content.value, Some(Money(7)));
            assert_eq!(merged.copies.conflicts, 1);
        }
    }

    #[test]
    fn a_copy_from_another_namespace_is_counted_as_such() {
        let none = Table(vec![]);
        let merged =
            none.merge(vec![from("b", event(1, "10:00")), from("a", event(1, "10:00")), from("a", event(1, "10:00"))]);
        assert_eq!((merged.copies.duplicates, merged.cross_region_duplicates), (2, 1));
        assert_eq!(shown(&merged), [(at("10:00"), at("10:00"), 1)]);
    }
}
