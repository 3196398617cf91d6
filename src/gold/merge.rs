//! Sessions from facts, and facts into sessions: the pure heart of gold.

use super::Windowing;
use super::session::Session;
use super::session_event::{SessionEvent, SessionKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What new facts make of the stored sessions they could touch.
#[derive(Debug, Default)]
pub struct Merged {
    /// Sessions that are new or not as stored, in the order of their visits.
    pub changed: Vec<Session>,
    /// Indices of the stored sessions that `changed` replaces.
    pub replaced: BTreeSet<usize>,
    /// Facts that were counted already, or twice among the new ones.
    pub duplicates: usize,
    /// Stored sessions that became one with another stored one.
    pub bridged: usize,
}

/// The sessions that `facts` are, from nothing.
pub fn fold(facts: Vec<SessionEvent>, windowing: &Windowing) -> Vec<Session> {
    merge(Vec::new(), facts, windowing).changed
}

/// Merges `facts` into `stored`, which holds at least every session within the timeout of a fact of its visit.
pub fn merge(stored: Vec<Session>, facts: Vec<SessionEvent>, windowing: &Windowing) -> Merged {
    let mut merged = Merged::default();
    let mut by_visit: BTreeMap<SessionKey, Vec<SessionEvent>> = BTreeMap::new();
    for fact in facts {
        by_visit.entry(fact.visit.clone()).or_default().push(fact);
    }
    let mut stored_by_visit: HashMap<SessionKey, Vec<(usize, Session)>> = HashMap::new();
    for (index, session) in stored.into_iter().enumerate() {
        stored_by_visit.entry(session.visit.clone()).or_default().push((index, session));
    }
    for (visit, facts) in by_visit {
        let stored = stored_by_visit.remove(&visit).unwrap_or_default();
        merge_visit(stored, facts, windowing, &mut merged);
    }
    merged
}

/// A group of a visit: stored sessions and new ones that turned out to be one session.
struct Group {
    session: Session,
    stored: Vec<usize>,
    has_news: bool,
}

fn merge_visit(stored: Vec<(usize, Session)>, facts: Vec<SessionEvent>, windowing: &Windowing, merged: &mut Merged) {
    let all = facts.len();
    let news = without_duplicates(facts, &stored);
    merged.duplicates += all - news.len();
    let old = stored.into_iter().map(|(index, session)| Group { session, stored: vec![index], has_news: false });
    let new = news.iter().map(|fact| Group { session: Session::of(fact), stored: Vec::new(), has_news: true });
    let mut groups: Vec<Group> = old.chain(new).collect();
    groups.sort_by_key(|group| (group.session.start, group.session.end));
    let mut open: Option<Group> = None;
    for next in groups {
        open = Some(match open.take() {
            Some(mut current) if windowing.are_neighbours(current.session.end, next.session.start) => {
                current.session.combine(next.session, windowing.max_event_keys);
                current.stored.extend(next.stored);
                current.has_news |= next.has_news;
                current
            }
            Some(done) => {
                merged.take(done);
                next
            }
            None => next,
        });
    }
    open.into_iter().for_each(|done| merged.take(done));
}

impl Merged {
    fn take(&mut self, group: Group) {
        if group.has_news {
            self.bridged += group.stored.len().saturating_sub(1);
            self.replaced.extend(group.stored);
            self.changed.push(group.session);
        }
    }
}

/// The facts that count: in their total order, each key once, and none that a stored session has counted. Two events
/// with the same key have the same event time, so only a session that spans that time can have counted it.
fn without_duplicates(mut facts: Vec<SessionEvent>, stored: &[(usize, Session)]) -> Vec<SessionEvent> {
    facts.sort_by(|a, b| a.place.cmp(&b.place));
    let mut seen = BTreeSet::new();
    facts.retain(|fact| {
        let counted = stored
            .iter()
            .any(|(_, session)| (session.start..=session.end).contains(&fact.at()) && session.has_event(fact));
        !counted && seen.insert(fact.key())
    });
    facts
}
