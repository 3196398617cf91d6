//! What a session keeps of the events beyond its bounds: which they are, and what adds up.
//!
//! The key of each such event is kept, so a duplicate is recognised and its first content counts. Minima, maxima and sums over
//! distinct events do not depend on their order.

use super::session_event::{Attribute, EventOrder, SessionEvent};
use crate::event::click::EventType;
use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::Timestamp;

/// Beyond this many event keys a duplicate is no longer recognised.
const MAX_KEYS: usize = 1_000_000;

/// How many purchases and refunds are kept whole.
const MAX_PAID: usize = 10_000;

/// The events that are not kept whole: those whose key is not below `cut`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest<'a> {
    /// The smallest event key that was left out. No event at or above it is kept.
    pub cut: EventKey,
    /// Sorted, distinct.
    pub keys: Vec<EventKey>,
    /// Event keys were left out here too, so the session no longer recognises every duplicate.
    pub duplicates_unchecked: bool,
    pub counts: Counts,
    pub start: Timestamp,
    pub end: Timestamp,
    /// First and last event with a page.
    pub landing: Option<EventOrder<'a>>,
    pub exit: Option<EventOrder<'a>>,
    /// The first known value of each attribute; those of a campaign are in `campaign`.
    pub attributes: [Option<Known<'a>>; Attribute::COUNT],
    pub campaign: Option<Campaign<'a>>,
    pub is_bot: bool,
    /// Whether none of the events carried a user id.
    pub is_anonymous: bool,
    /// Purchases and refunds, kept whole: those with the smallest keys, sorted by identity.
    pub paid: Vec<SessionEvent<'a>>,
    /// Those beyond, as sums by currency; sorted by currency, unknown first.
    pub sums: Vec<Sums<'a>>,
}

/// How many events there are, of all types and of those that have a column of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub events: i64,
    pub page_view: i64,
    pub add_to_cart: i64,
    pub remove_from_cart: i64,
    pub search: i64,
    pub checkout: i64,
}

/// A value, and where the event that carried it stands in the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    pub order: EventOrder<'a>,
    pub value: &'a str,
}

/// The campaign words of the first event that has any, in the order of [`Attribute::CAMPAIGN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Campaign<'a> {
    pub order: EventOrder<'a>,
    pub words: [Option<&'a str>; Attribute::CAMPAIGN.len()],
}

/// Purchases and refunds in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums<'a> {
    pub currency: Option<&'a str>,
    pub purchases: i64,
    pub purchase_value: Money,
    pub refunds: i64,
    pub refund_value: Money,
}

impl<'a> Rest<'a> {
    pub fn empty(cut: EventKey) -> Self {
        Rest {
            cut,
            keys: Vec::new(),
            duplicates_unchecked: false,
            counts: Counts::default(),
            start: Timestamp(i64::MAX),
            end: Timestamp(i64::MIN),
            landing: None,
            exit: None,
            attributes: [None; Attribute::COUNT],
            campaign: None,
            is_bot: false,
            is_anonymous: true,
            paid: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Adds `events`, sorted by identity, and lowers the cut to `cut`. The number of those that were there already.
    pub(super) fn add(&mut self, events: Vec<SessionEvent<'a>>, cut: EventKey) -> u64 {
        self.cut = self.cut.min(cut);
        let all = events.len();
        let events: Vec<_> = events.into_iter().filter(|event| !self.has(event.key)).collect();
        let known = (all - events.len()) as u64;
        self.add_keys(events.iter().map(|event| event.key));
        events.iter().for_each(|event| self.count(event));
        self.add_paid(events.into_iter().filter(|event| is_paid(event)));
        known
    }

    /// Adds what `other` stands for. The number of events that are in both.
    pub(super) fn unite(&mut self, other: Rest<'a>) -> u64 {
        self.cut = self.cut.min(other.cut);
        let known = other.keys.iter().filter(|&&key| self.has(key)).count() as u64;
        self.add_keys(other.keys.into_iter());
        self.duplicates_unchecked |= other.duplicates_unchecked;
        self.counts.add(other.counts);
        (self.start, self.end) = (self.start.min(other.start), self.end.max(other.end));
        self.landing = self.landing.into_iter().chain(other.landing).min();
        self.exit = self.exit.into_iter().chain(other.exit).max();
        for (ours, theirs) in self.attributes.iter_mut().zip(other.attributes) {
            *ours = first([*ours, theirs], |known| known.order);
        }
        self.campaign = first([self.campaign, other.campaign], |campaign| campaign.order);
        self.is_bot |= other.is_bot;
        self.is_anonymous &= other.is_anonymous;
        other.sums.into_iter().for_each(|sums| self.add_sums(sums));
        self.add_paid(other.paid.into_iter());
        known
    }

    fn has(&self, key: EventKey) -> bool {
        self.keys.binary_search(&key).is_ok()
    }

    /// Keeps the smallest keys.
    fn add_keys(&mut self, keys: impl Iterator<Item = EventKey>) {
        self.keys.extend(keys);
        self.keys.sort();
        self.keys.dedup();
        self.duplicates_unchecked |= self.keys.len() > MAX_KEYS;
        self.keys.truncate(MAX_KEYS);
    }

    fn count(&mut self, event: &SessionEvent<'a>) {
        self.counts.count(event.content.event_type);
        (self.start, self.end) = (self.start.min(event.at), self.end.max(event.at));
        let order = event.order();
        if event.content.page_url.is_some() {
            self.landing = self.landing.into_iter().chain([order]).min();
            self.exit = self.exit.into_iter().chain([order]).max();
        }
        for attribute in Attribute::ALL.into_iter().filter(|attribute| !Attribute::CAMPAIGN.contains(attribute)) {
            let ours = &mut self.attributes[attribute as usize];
            let known = event.content.attributes.get(attribute).map(|value| Known { order, value });
            *ours = first([*ours, known], |known| known.order);
        }
        let words = event.content.attributes.campaign();
        let campaign = words.iter().any(Option::is_some).then_some(Campaign { order, words });
        self.campaign = first([self.campaign, campaign], |campaign| campaign.order);
        self.is_bot |= event.content.is_bot;
        self.is_anonymous &= event.content.is_anonymous;
    }

    /// Keeps those with the smallest keys whole, and sums up the others.
    fn add_paid(&mut self, events: impl Iterator<Item = SessionEvent<'a>>) {
        self.paid.extend(events);
        self.paid.sort_by_key(SessionEvent::identity);
        self.paid.dedup_by_key(|event| event.identity());
        let beyond = self.paid.split_off(self.paid.len().min(MAX_PAID));
        beyond.iter().for_each(|event| self.add_sums(Sums::of(event)));
    }

    fn add_sums(&mut self, more: Sums<'a>) {
        match self.sums.binary_search_by_key(&more.currency, |sums| sums.currency) {
            Ok(at) => self.sums[at].add(more),
            Err(at) => self.sums.insert(at, more),
        }
    }
}

fn first<'a, T>(known: [Option<T>; 2], order: impl Fn(&T) -> EventOrder<'a>) -> Option<T> {
    known.into_iter().flatten().min_by_key(order)
}

fn is_paid(event: &SessionEvent) -> bool {
    matches!(EventType::known(event.content.event_type), Some(EventType::Purchase | EventType::Refund))
}

impl Counts {
    /// Counts one event of this type.
    pub fn count(&mut self, event_type: &str) {
        self.events += 1;
        match EventType::known(event_type) {
            Some(EventType::PageView) => self.page_view += 1,
            Some(EventType::AddToCart) => self.add_to_cart += 1,
            Some(EventType::RemoveFromCart) => self.remove_from_cart += 1,
            Some(EventType::Search) => self.search += 1,
            Some(EventType::Checkout) => self.checkout += 1,
            _ => {}
        }
    }

    /// Stored counts may be anything. A sum that wraps around would hide that; one that saturates shows it.
    pub fn add(&mut self, other: Counts) {
        self.events = self.events.saturating_add(other.events);
        self.page_view = self.page_view.saturating_add(other.page_view);
        self.add_to_cart = self.add_to_cart.saturating_add(other.add_to_cart);
        self.remove_from_cart = self.remove_from_cart.saturating_add(other.remove_from_cart);
        self.search = self.search.saturating_add(other.search);
        self.checkout = self.checkout.saturating_add(other.checkout);
    }
}

impl<'a> Sums<'a> {
    fn of(event: &SessionEvent<'a>) -> Self {
        let value = event.content.value.unwrap_or(Money::ZERO);
        let none = Sums {
            currency: event.content.currency,
            purchases: 0,
            purchase_value: Money::ZERO,
            refunds: 0,
            refund_value: Money::ZERO,
        };
        match EventType::known(event.content.event_type) {
            Some(EventType::Refund) => Sums { refunds: 1, refund_value: value.magnitude(), ..none },
            _ => Sums { purchases: 1, purchase_value: value, ..none },
        }
    }

    fn add(&mut self, other: Sums) {
        self.purchases = self.purchases.saturating_add(other.purchases);
        self.purchase_value = self.purchase_value.saturating_add(other.purchase_value);
        self.refunds = self.refunds.saturating_add(other.refunds);
        self.refund_value = self.refund_value.saturating_add(other.refund_value);
    }
}
