//! A session as a value: what one event makes of it, and what two sessions make together.
//!
//! [`Session::combine`] is commutative and associative: it uses minima, maxima, sums and unions, and [`EventOrder`], a
//! total order, breaks ties. So the same events give the same session in any order and any split. It is not idempotent,
//! because sums are not: the caller ensures that no event is in both sessions (`merge`).

use super::session_event::{Attribute, EventOrder, SessionEvent, SessionKey};
use crate::event::click::EventType;
use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

/// One session window of one session key.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub key: SessionKey,
    pub start: Timestamp,
    pub end: Timestamp,
    pub total_events: i64,
    pub counts: Counts,
    pub products: Products,
    pub is_bot: bool,
    /// Sorted and distinct; at most as many as the setting allows.
    pub event_keys: Vec<EventKey>,
    /// Event keys were left out, so the session no longer recognises every duplicate.
    pub duplicates_unchecked: bool,
    pub state: State,
}

/// How many events there are of the types that have a column of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub add_to_cart: i64,
    pub remove_from_cart: i64,
    pub search: i64,
    pub checkout: i64,
}

/// The distinct products of all events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Products {
    pub ids: BTreeSet<String>,
    pub names: BTreeSet<String>,
    pub brands: BTreeSet<String>,
    pub categories: BTreeSet<String>,
}

/// What a session needs to count further events and no other column holds. Stored as JSON: the names
/// in `rename` are those of the tables, and must stay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub page_urls: BTreeSet<String>,
    /// First and last event with a page.
    pub landing: Option<EventOrder>,
    pub exit: Option<EventOrder>,
    /// Purchases without a transaction id: each one counts.
    #[serde(rename = "plain_purchases")]
    pub purchases_without_id: i64,
    #[serde(rename = "plain_value")]
    pub value_without_id: Money,
    /// Purchases by transaction id: of several with the same id, the first one counts.
    pub transactions: BTreeMap<String, Known<Money>>,
    pub first_known: BTreeMap<Attribute, Known<String>>,
}

/// A value, and where the event that carried it stands in the order of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known<T> {
    #[serde(rename = "place")]
    pub order: EventOrder,
    pub value: T,
}

impl Session {
    /// The session that has only `event`.
    pub fn of(event: &SessionEvent) -> Self {
        let mut state = State::default();
        if let Some(url) = &event.order.page_url {
            state.page_urls.insert(url.clone());
            state.landing = Some(event.order.clone());
            state.exit = Some(event.order.clone());
        }
        let known = |(attribute, value): &(Attribute, String)| {
            (*attribute, Known { order: event.order.clone(), value: value.clone() })
        };
        state.first_known = event.attributes.iter().map(known).collect();
        let mut counts = Counts::default();
        match EventType::from_name(&event.event_type) {
            EventType::AddToCart => counts.add_to_cart = 1,
            EventType::RemoveFromCart => counts.remove_from_cart = 1,
            EventType::Search => counts.search = 1,
            EventType::Checkout => counts.checkout = 1,
            EventType::Purchase => state.add_purchase(event),
            EventType::PageView | EventType::Refund | EventType::Other(_) => {}
        }
        let distinct = |values: &[String]| values.iter().cloned().collect();
        Session {
            key: event.key.clone(),
            start: event.at(),
            end: event.at(),
            total_events: 1,
            counts,
            products: Products {
                ids: distinct(&event.product_ids),
                names: distinct(&event.product_names),
                brands: distinct(&event.product_brands),
                categories: distinct(&event.product_categories),
            },
            is_bot: event.is_bot,
            event_keys: vec![event.event_key()],
            duplicates_unchecked: false,
            state,
        }
    }

    /// Makes one session of two that have the same key and no event in common. Keeps the smallest event keys, at most
    /// `max_event_keys` of them.
    pub fn combine(&mut self, other: Session, max_event_keys: usize) {
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
        self.duplicates_unchecked |= other.duplicates_unchecked || self.event_keys.len() > max_event_keys;
        self.event_keys.truncate(max_event_keys);
    }

    /// Whether the session has counted `event` already, as far as it remembers.
    pub(super) fn has_event(&self, event: &SessionEvent) -> bool {
        self.event_keys.binary_search(&event.event_key()).is_ok()
    }

    pub fn duration(&self) -> Span {
        self.end - self.start
    }

    pub fn purchase_count(&self) -> i64 {
        self.state.purchases_without_id.saturating_add(self.state.transactions.len() as i64)
    }

    pub fn total_purchase_value(&self) -> Money {
        let transactions = self.state.transactions.values().map(|known| known.value);
        transactions.fold(self.state.value_without_id, Money::saturating_add)
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

    /// Whether the watermark has passed the end by more than the inactivity timeout.
    pub fn is_final(&self, final_before: Timestamp) -> bool {
        self.end < final_before
    }
}

impl Counts {
    // Stored counts may be anything. A sum that wraps around would hide that; one that saturates shows it.
    fn combine(&mut self, other: Counts) {
        self.add_to_cart = self.add_to_cart.saturating_add(other.add_to_cart);
        self.remove_from_cart = self.remove_from_cart.saturating_add(other.remove_from_cart);
        self.search = self.search.saturating_add(other.search);
        self.checkout = self.checkout.saturating_add(other.checkout);
    }
}

impl State {
    fn add_purchase(&mut self, event: &SessionEvent) {
        let value = event.value.unwrap_or(Money::ZERO);
        match &event.transaction_id {
            Some(id) => {
                self.transactions.insert(id.clone(), Known { order: event.order.clone(), value });
            }
            None => {
                self.purchases_without_id = 1;
                self.value_without_id = value;
            }
        }
    }

    fn combine(&mut self, other: State) {
        self.page_urls.extend(other.page_urls);
        self.landing = self.landing.take().into_iter().chain(other.landing).min();
        self.exit = self.exit.take().into_iter().chain(other.exit).max();
        self.purchases_without_id = self.purchases_without_id.saturating_add(other.purchases_without_id);
        self.value_without_id = self.value_without_id.saturating_add(other.value_without_id);
        keep_first(&mut self.transactions, other.transactions);
        keep_first(&mut self.first_known, other.first_known);
    }
}

/// Adds `theirs` to `ours`; of two values for one name, the one whose event comes first stays.
fn keep_first<K: Ord, T>(ours: &mut BTreeMap<K, Known<T>>, theirs: BTreeMap<K, Known<T>>) {
    for (name, known) in theirs {
        match ours.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(known);
            }
            Entry::Occupied(mut entry) if known.order < entry.get().order => {
                entry.insert(known);
            }
            Entry::Occupied(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Every table that exists holds these names.
    #[test]
    fn the_stored_form_of_the_state_stays() {
        let order = EventOrder { at: Timestamp(5), page_url: Some("/cart".into()), event_key: EventKey(-7) };
        let without_page = EventOrder { page_url: None, ..order.clone() };
        let state = State {
            page_urls: BTreeSet::from(["/cart".to_owned()]),
            landing: Some(order.clone()),
            exit: None,
            purchases_without_id: 2,
            value_without_id: Money(990_000),
            transactions: BTreeMap::from([("t1".to_owned(), Known { order: without_page, value: Money(15_000) })]),
            first_known: BTreeMap::from([(Attribute::DeviceType, Known { order, value: "mobile".to_owned() })]),
        };
        let stored = json!({
            "page_urls": ["/cart"],
            "landing": {"at": 5, "page_url": "/cart", "key": -7},
            "exit": null,
            "plain_purchases": 2,
            "plain_value": 990_000,
            "transactions": {"t1": {"place": {"at": 5, "key": -7}, "value": 15_000}},
            "first_known": {"device_type": {"place": {"at": 5, "page_url": "/cart", "key": -7}, "value": "mobile"}},
        });
        assert_eq!(serde_json::to_value(&state).expect("a state is JSON"), stored);
        assert_eq!(serde_json::from_value::<State>(stored).expect("a stored state can be read"), state);
        let text = r#"{"page_urls":[],"landing":null,"exit":null,"plain_purchases":0,"plain_value":0,"transactions":{},"first_known":{}}"#;
        assert_eq!(serde_json::to_string(&State::default()).expect("a state is JSON"), text);
    }
}
