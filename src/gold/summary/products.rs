//! What happened to each product of a session, hour by hour.
//!
//! Roll-ups are made from these entries, so an event counts in the hour of its own time, not in that of its session. A purchase
//! of several products says only what all of them cost together; a share of that would be invented.

use super::money::CountedPayments;
use super::order::TypedEvent;
use crate::event::click::EventType;
use crate::event::money::Money;
use crate::gold::session_event::{Product, SessionEvent};

/// The session keeps the entries with the smallest product ids and hours, so that the cut does not depend on any order.
pub const MAX_PRODUCT_HOURS: usize = 1_000;

/// One product in one hour of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProductHour<'a> {
    pub id: &'a str,
    pub name: Option<&'a str>,
    pub brand: Option<&'a str>,
    pub category: Option<&'a str>,
    /// Hours since the epoch, of the events.
    pub hour: i64,
    /// Events of type `page_view` that name the product.
    pub views: i64,
    /// Events of type `add_to_cart`.
    pub adds: i64,
    /// Events of type `remove_from_cart`.
    pub removes: i64,
    /// Purchases that count.
    pub purchases: i64,
    /// Pieces bought in them.
    pub units: i64,
    /// What they cost, of the purchases in the currency of the session, as far as it is known.
    pub value: Option<Money>,
}

/// One product row of an event, of a product that has an id.
struct Naming<'s, 'a> {
    id: &'a str,
    product: &'s Product<'a>,
    typed: &'s TypedEvent<'s, 'a>,
}

/// What a product is called.
#[derive(Clone, Copy)]
struct Labels<'a> {
    name: Option<&'a str>,
    brand: Option<&'a str>,
    category: Option<&'a str>,
}

/// An entry for each product id and each hour in which an event names it, sorted by both, and whether there are more than
/// [`MAX_PRODUCT_HOURS`]. `events` are in their order.
pub(super) fn by_hour<'s, 'a>(
    events: &'s [TypedEvent<'s, 'a>],
    payments: &CountedPayments<'_, 'a>,
) -> (Vec<ProductHour<'a>>, bool) {
    let rows = |typed: &'s TypedEvent<'s, 'a>| {
        let products = typed.event.content.products.iter();
        products.filter_map(move |product| Some(Naming { id: product.id?, product, typed }))
    };
    let mut namings: Vec<Naming> = events.iter().flat_map(rows).collect();
    // Stable: the namings of a product stay in the order of events, and so of hours.
    namings.sort_by_key(|naming| naming.id);
    let mut entries = namings.chunk_by(|one, next| one.id == next.id).flat_map(|of_product| {
        let labels = Labels::of(of_product);
        let hours = of_product.chunk_by(|one, next| one.hour() == next.hour());
        hours.map(move |of_hour| entry(of_hour, labels, payments))
    });
    let kept = entries.by_ref().take(MAX_PRODUCT_HOURS).collect();
    (kept, entries.next().is_some())
}

/// What the namings of one product in one hour add up to. There is at least one.
fn entry<'a>(namings: &[Naming<'_, 'a>], labels: Labels<'a>, payments: &CountedPayments<'_, 'a>) -> ProductHour<'a> {
    let Labels { name, brand, category } = labels;
    let (id, hour) = (namings[0].id, namings[0].hour());
    let mut entry = ProductHour { id, name, brand, category, hour, ..ProductHour::default() };
    for of_event in namings.chunk_by(|one, next| std::ptr::eq(one.typed, next.typed)) {
        let TypedEvent { event, event_type } = of_event[0].typed;
        match event_type {
            Some(EventType::PageView) => entry.views += 1,
            Some(EventType::AddToCart) => entry.adds += 1,
            Some(EventType::RemoveFromCart) => entry.removes += 1,
            Some(EventType::Purchase) if payments.has_purchase(event) => {
                entry.purchases += 1;
                entry.units += of_event.iter().map(|naming| i64::from(pieces(naming.product))).sum::<i64>();
                if payments.is_same_currency(event.content.currency) {
                    let values = entry.value.into_iter().chain(value(event, of_event));
                    entry.value = values.reduce(Money::saturating_add);
                }
            }
            _ => {}
        }
    }
    entry
}

/// What the pieces of one product cost in one purchase: all that it cost, if it is of no other product.
fn value(event: &SessionEvent, namings: &[Naming]) -> Option<Money> {
    let total = event.content.value.filter(|_| is_of_one_product(event));
    let rows = namings.iter().filter_map(|naming| naming.product.price?.times(pieces(naming.product)));
    total.or_else(|| rows.reduce(Money::saturating_add))
}

fn pieces(product: &Product) -> i32 {
    product.quantity.unwrap_or(1)
}

/// A product may have several rows in an event, one for each size for example.
fn is_of_one_product(event: &SessionEvent) -> bool {
    let products = &event.content.products;
    products.iter().all(|product| product.id == products[0].id)
}

impl Naming<'_, '_> {
    fn hour(&self) -> i64 {
        self.typed.event.at.hours()
    }
}

impl<'a> Labels<'a> {
    /// The last known ones of events with this product only: a purchase of several may say `Mixed`, and its brands may be in
    /// any order. A name is of one product in every event.
    fn of(namings: &[Naming<'_, 'a>]) -> Self {
        let last = |label: fn(&Product<'a>) -> Option<&'a str>| {
            let alone = namings.iter().rev().filter(|naming| is_of_one_product(naming.typed.event));
            alone.map(|naming| naming.product).find_map(label)
        };
        let name_among_others = || namings.iter().rev().find_map(|naming| naming.product.name);
        Labels {
            name: last(|product| product.name).or_else(name_among_others),
            brand: last(|product| product.brand),
            category: last(|product| product.category),
        }
    }
}
