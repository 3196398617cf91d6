//! What an event says once it is in silver, and which of several contents of one event counts.

use super::Amount;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An event as silver has it: what stands on each of its rows, and the rows themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    pub user: String,
    pub session: String,
    pub key: i64,
    pub at_micros: i64,
    pub page_url: Option<String>,
    pub event_type: String,
    pub value: Option<Amount>,
    pub currency: Option<String>,
    pub transaction: Option<String>,
    pub is_anonymous: bool,
    pub event_names: Vec<String>,
    pub event_brands: Vec<String>,
    pub event_categories: Vec<String>,
    pub browser: Option<String>,
    pub os: Option<String>,
    pub device_type: Option<String>,
    pub is_bot: bool,
    pub referral_source: Option<String>,
    /// Source, medium, campaign, term, content.
    pub utm: [Option<String>; 5],
    pub geo_country: Option<String>,
    pub geo_city: Option<String>,
    /// By `product_index`. An event without products has one row.
    pub rows: Vec<Row>,
}

/// The columns of silver that differ between the rows of an event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    pub id: Option<String>,
    pub name: Option<String>,
    pub brand: Option<String>,
    pub category: Option<String>,
    pub price: Option<Amount>,
    pub quantity: Option<i64>,
}

impl Content {
    /// Events are ordered by event time, page and key.
    pub fn order(&self) -> impl Ord + '_ {
        (self.at_micros, nulls_last(self.page_url.as_deref()), self.key)
    }

    /// The total order of the contents of one event.
    pub fn compare(&self, other: &Self) -> Ordering {
        let texts = |of: fn(&Content) -> &Option<String>| text(of(self), of(other));
        let lists = |of: fn(&Content) -> &Vec<String>| elements(of(self), of(other), |a, b| a.cmp(b));
        let utm = |at: usize| text(&self.utm[at], &other.utm[at]);
        let in_order = [
            texts(|it| &it.page_url),
            self.event_type.cmp(&other.event_type),
            nulls_last(self.value).cmp(&nulls_last(other.value)),
            texts(|it| &it.currency),
            texts(|it| &it.transaction),
            self.is_anonymous.cmp(&other.is_anonymous),
            lists(|it| &it.event_names),
            lists(|it| &it.event_brands),
            lists(|it| &it.event_categories),
            texts(|it| &it.browser),
            texts(|it| &it.os),
            texts(|it| &it.device_type),
            self.is_bot.cmp(&other.is_bot),
            texts(|it| &it.referral_source),
            utm(0),
            utm(1),
            utm(2),
            utm(3),
            utm(4),
            texts(|it| &it.geo_country),
            texts(|it| &it.geo_city),
            elements(&self.rows, &other.rows, Row::compare),
        ];
        in_order.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Whether a row of the event has this product id.
    pub fn names_product(&self, id: &str) -> bool {
        self.rows.iter().any(|row| row.id.as_deref() == Some(id))
    }

    /// Whether the event names this product and no other one.
    pub fn names_only(&self, id: &str) -> bool {
        self.rows.iter().filter(|row| **row != Row::default()).all(|row| row.id.as_deref() == Some(id))
    }
}

impl Row {
    fn compare(&self, other: &Self) -> Ordering {
        let in_order = [
            text(&self.id, &other.id),
            text(&self.name, &other.name),
            text(&self.brand, &other.brand),
            text(&self.category, &other.category),
            nulls_last(self.price).cmp(&nulls_last(other.price)),
            nulls_last(self.quantity).cmp(&nulls_last(other.quantity)),
        ];
        in_order.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// The content of each event that counts: the smallest of those with the same user, session, key and time.
pub fn counted(contents: &[Content]) -> Vec<&Content> {
    let mut smallest: BTreeMap<(&str, &str, i64, i64), &Content> = BTreeMap::new();
    for content in contents {
        let event = (content.user.as_str(), content.session.as_str(), content.key, content.at_micros);
        let counts = smallest.entry(event).or_insert(content);
        if content.compare(counts).is_lt() {
            *counts = content;
        }
    }
    smallest.into_values().collect()
}

fn nulls_last<T>(value: Option<T>) -> (bool, Option<T>) {
    (value.is_none(), value)
}

fn text(one: &Option<String>, other: &Option<String>) -> Ordering {
    let bytes = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
    nulls_last(bytes(one)).cmp(&nulls_last(bytes(other)))
}

/// Element by element. One that only one of the two has is smaller than none, so the richer copy is the smaller one.
fn elements<T>(one: &[T], other: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    let pairs = one.iter().zip(other).map(|(one, other)| compare(one, other));
    pairs.fold(Ordering::Equal, Ordering::then).then(other.len().cmp(&one.len()))
}

#[test]
fn the_richer_copy_is_the_smaller_one() {
    let plain = Content { event_type: "purchase".to_owned(), rows: vec![Row::default()], ..Content::default() };
    let row = |id: &str, price| Row { id: Some(id.to_owned()), price, ..Row::default() };
    let from_the_smallest = [
        Content { page_url: Some("/a".to_owned()), ..plain.clone() },
        Content { page_url: Some("/b".to_owned()), ..plain.clone() },
        Content { event_type: "page_view".to_owned(), ..plain.clone() },
        Content { value: Some(-1), ..plain.clone() },
        Content { value: Some(5), currency: Some("EUR".to_owned()), ..plain.clone() },
        Content { value: Some(5), transaction: Some("t".to_owned()), ..plain.clone() },
        Content { value: Some(5), ..plain.clone() },
        Content { event_names: vec!["a".to_owned(), "b".to_owned()], ..plain.clone() },
        Content { event_names: vec!["a".to_owned()], ..plain.clone() },
        Content { os: Some("Linux".to_owned()), ..plain.clone() },
        Content { geo_city: Some("Bonn".to_owned()), ..plain.clone() },
        Content { rows: vec![row("A", Some(1)), row("B", None)], ..plain.clone() },
        Content { rows: vec![row("A", Some(1))], ..plain.clone() },
        Content { rows: vec![row("A", None)], ..plain.clone() },
        plain,
    ];
    assert!(from_the_smallest.is_sorted_by(|one, other| one.compare(other).is_lt()));
}
