//! A session as a value: what a fact makes of one, and what two of them make together.
//!
//! [`Session::combine`] is commutative and associative: it takes minima, maxima, sums and unions, and a tie is broken
//! by the total order of [`EventOrder`]. So the same events give the same session in any order and any split. It is not
//! idempotent, since sums are not: whoever combines sees to it that no event is on both sides (`merge`).

use super::session_event::{Attribute, EventOrder, SessionEvent, SessionKey};
use crate::event::click::EventType;
use crate::event::money::Money;
use crate::event::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub visit: SessionKey,
    pub start: Timestamp,
    pub end: Timestamp,
    pub total_events: i64,
    pub counts: Counts,
    pub products: Products,
    pub is_bot: bool,
    /// Sorted and distinct; at most as many as the setting allows.
    pub event_keys: Vec<i64>,
    /// Keys were left out: the session no longer recognises every duplicate.
    pub duplicates_unchecked: bool,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    pub add_to_cart: i64,
    pub remove_from_cart: i64,
    pub search: i64,
    pub checkout: i64,
}

/// Distinct values over all events.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Products {
    pub ids: BTreeSet<String>,
    pub names: BTreeSet<String>,
    pub brands: BTreeSet<String>,
    pub categories: BTreeSet<String>,
}

/// What a session needs to go on counting and its other columns do not show.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub page_urls: BTreeSet<String>,
    /// First and last event with a page.
    pub landing: Option<EventOrder>,
    pub exit: Option<EventOrder>,
    /// Purchases without a transaction id, each one counted.
    pub plain_purchases: i64,
    pub plain_value: i64,
    /// Purchases by transaction id: the first one's value is the one that counts.
    pub transactions: BTreeMap<String, Known<i64>>,
    pub first_known: BTreeMap<Attribute, Known<String>>,
}

/// A value, and where the event that said it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known<T> {
    pub place: EventOrder,
    pub value: T,
}

impl Session {
    pub fn of(fact: &SessionEvent) -> Self {
        let place = &fact.place;
        let mut state = State::default();
        if let Some(url) = &place.page_url {
            state.page_urls.insert(url.clone());
            state.landing = Some(place.clone());
            state.exit = Some(place.clone());
        }
        let known = |(attribute, value): &(Attribute, String)| {
            (*attribute, Known { place: place.clone(), value: value.clone() })
        };
        state.first_known = fact.attributes.iter().map(known).collect();
        let mut counts = Counts::default();
        match EventType::from_name(&fact.event_type) {
            EventType::AddToCart => counts.add_to_cart = 1,
            EventType::RemoveFromCart => counts.remove_from_cart = 1,
            EventType::Search => counts.search = 1,
            EventType::Checkout => counts.checkout = 1,
            EventType::Purchase => state.purchase(fact),
            EventType::PageView | EventType::Other(_) => {}
        }
        let distinct = |values: &[String]| values.iter().cloned().collect();
        Session {
            visit: fact.visit.clone(),
            start: fact.at(),
            end: fact.at(),
            total_events: 1,
            counts,
            products: Products {
                ids: distinct(&fact.product_ids),
                names: distinct(&fact.product_names),
                brands: distinct(&fact.product_brands),
                categories: distinct(&fact.product_categories),
            },
            is_bot: fact.is_bot,
            event_keys: vec![place.key],
            duplicates_unchecked: false,
            state,
        }
    }

    /// Makes one session of two of the same visit that have no event in common. Keeps the `max_keys` smallest keys.
    pub fn combine(&mut self, other: Session, max_keys: usize) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.total_events = self.total_events.saturating_add(other.total_events);
        self.counts.combine(other.counts);
        self.products.ids.extend(other.products.ids);
        self.products.names.extend(other.products.names);
        self.products.brands.extend(other.products.brands);
        self.products.categories.extend(other.products.categories);
        self.is_bot |= other.is_bot;
        self.state.combine(other.state);
        self.event_keys.extend(other.event_keys);
        self.event_keys.sort_unstable();
        self.event_keys.dedup();
        self.duplicates_unchecked |= other.duplicates_unchecked || self.event_keys.len() > max_keys;
        self.event_keys.truncate(max_keys);
    }

    pub fn has_event(&self, fact: &SessionEvent) -> bool {
        self.event_keys.binary_search(&fact.place.key).is_ok()
    }

    pub fn purchase_count(&self) -> i64 {
        self.state.plain_purchases.saturating_add(self.state.transactions.len() as i64)
    }

    pub fn total_purchase_value(&self) -> Money {
        let transactions = self.state.transactions.values().map(|known| Money(known.value));
        transactions.fold(Money(self.state.plain_value), Money::saturating_add)
    }

    pub fn landing_page(&self) -> Option<&str> {
        self.state.landing.as_ref()?.page_url.as_deref()
    }

    pub fn exit_page(&self) -> Option<&str> {
        self.state.exit.as_ref()?.page_url.as_deref()
    }

    pub fn first_known(&self, attribute: Attribute) -> Option<&str> {
        self.state.first_known.get(&attribute).map(|known| known.value.as_str())
    }

    /// Whether the watermark has passed the end by the inactivity timeout.
    pub fn is_final(&self, final_before: Timestamp) -> bool {
        self.end < final_before
    }
}

impl Counts {
    // Stored counts may be anything: a sum that goes round would hide that, one that stops does not.
    fn combine(&mut self, other: Counts) {
        self.add_to_cart = self.add_to_cart.saturating_add(other.add_to_cart);
        self.remove_from_cart = self.remove_from_cart.saturating_add(other.remove_from_cart);
        self.search = self.search.saturating_add(other.search);
        self.checkout = self.checkout.saturating_add(other.checkout);
    }
}

impl State {
    fn purchase(&mut self, fact: &SessionEvent) {
        let value = fact.value.map_or(0, |value| value.0);
        match &fact.transaction_id {
            Some(id) => {
                self.transactions.insert(id.clone(), Known { place: fact.place.clone(), value });
            }
            None => {
                self.plain_purchases = 1;
                self.plain_value = value;
            }
        }
    }

    fn combine(&mut self, other: State) {
        self.page_urls.extend(other.page_urls);
        self.landing = self.landing.take().into_iter().chain(other.landing).min();
        self.exit = self.exit.take().into_iter().chain(other.exit).max();
        self.plain_purchases = self.plain_purchases.saturating_add(other.plain_purchases);
        self.plain_value = Money(self.plain_value).saturating_add(Money(other.plain_value)).0;
        keep_first(&mut self.transactions, other.transactions);
        keep_first(&mut self.first_known, other.first_known);
    }
}

/// Of two values for one name, the one whose event comes first.
fn keep_first<K: Ord, T>(ours: &mut BTreeMap<K, Known<T>>, theirs: BTreeMap<K, Known<T>>) {
    for (name, known) in theirs {
        match ours.entry(name) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(known);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) if known.place < entry.get().place => {
                entry.insert(known);
            }
            std::collections::btree_map::Entry::Occupied(_) => {}
        }
    }
}
