//! The events of a session in their order, and what is first and what is last in it.
//!
//! "First" and "last" mean the order of [`EventOrder`], which does not depend on when an event arrived. Values of events that
//! the session does not keep come from its rest, each with the place of its event in the same order.

use crate::event::click::EventType;
use crate::event::time::Timestamp;
use crate::gold::rest::{Campaign, Known, Rest};
use crate::gold::session_event::{Attribute, Attributes, EventOrder, SessionEvent};

/// A kept event, with its type if that is a known one.
pub(super) struct TypedEvent<'s, 'a> {
    pub event: &'s SessionEvent<'a>,
    pub event_type: Option<EventType>,
}

pub(super) fn in_order<'s, 'a>(events: &'s [SessionEvent<'a>]) -> Vec<TypedEvent<'s, 'a>> {
    let typed =
        |event: &'s SessionEvent<'a>| TypedEvent { event, event_type: EventType::known(event.content.event_type) };
    let mut events: Vec<_> = events.iter().map(typed).collect();
    events.sort_unstable_by_key(|typed| typed.event.order());
    events
}

/// Event times of the first and the last event.
pub(super) fn span(events: &[TypedEvent], rest: Option<&Rest>) -> (Timestamp, Timestamp) {
    let start = events.first().map(|first| first.event.at).into_iter().chain(rest.map(|rest| rest.start)).min();
    let end = events.last().map(|last| last.event.at).into_iter().chain(rest.map(|rest| rest.end)).max();
    (start.unwrap_or(Timestamp(0)), end.unwrap_or(Timestamp(0)))
}

/// The first and the last known page.
pub(super) fn pages<'a>(events: &[TypedEvent<'_, 'a>], rest: Option<&Rest<'a>>) -> (Option<&'a str>, Option<&'a str>) {
    let mut with_page = events.iter().map(|typed| typed.event.order()).filter(|order| order.page_url.is_some());
    let (first, last) = (with_page.next(), with_page.next_back());
    let landing = first.into_iter().chain(rest.and_then(|rest| rest.landing)).min();
    let exit = first.into_iter().chain(last).chain(rest.and_then(|rest| rest.exit)).max();
    let page = |order: Option<EventOrder<'a>>| order.and_then(|order| order.page_url);
    (page(landing), page(exit))
}

/// The first known value of each attribute. The words of a campaign belong together, so they are those of the first event
/// that has any of them.
pub(super) fn attributes<'a>(events: &[TypedEvent<'_, 'a>], rest: Option<&Rest<'a>>) -> Attributes<'a> {
    let mut attributes = Attributes::default();
    for attribute in Attribute::ALL {
        let known = |event: &SessionEvent<'a>| {
            event.content.attributes.get(attribute).map(|value| Known { order: event.order(), value })
        };
        let kept = events.iter().find_map(|typed| known(typed.event));
        let left_out = rest.and_then(|rest| rest.attributes[attribute as usize]);
        let first = kept.into_iter().chain(left_out).min_by_key(|known| known.order);
        attributes.0[attribute as usize] = first.map(|known| known.value);
    }
    let words = campaign(events, rest).map_or([None; Attribute::CAMPAIGN.len()], |campaign| campaign.words);
    for (attribute, word) in Attribute::CAMPAIGN.into_iter().zip(words) {
        attributes.0[attribute as usize] = word;
    }
    attributes
}

fn campaign<'a>(events: &[TypedEvent<'_, 'a>], rest: Option<&Rest<'a>>) -> Option<Campaign<'a>> {
    let of_event = |event: &SessionEvent<'a>| {
        let words = Attribute::CAMPAIGN.map(|attribute| event.content.attributes.get(attribute));
        words.iter().any(Option::is_some).then(|| Campaign { order: event.order(), words })
    };
    let kept = events.iter().find_map(|typed| of_event(typed.event));
    kept.into_iter().chain(rest.and_then(|rest| rest.campaign)).min_by_key(|campaign| campaign.order)
}
