//! What gold says of a session: the value of every column that follows from its events.
//!
//! [`Summary::of`] is a pure function of the session, so the same events give the same row in whatever order and in however
//! many parts they came. Text stays borrowed from where the session borrows it. Of the events that a session does not keep
//! whole only what its [`Rest`] says of them is in the summary: distinct things and products are those of the kept events.
//!
//! Reading order: [`order`] (the events in the order of their times, what is first and what is last), [`money`] (which
//! purchases and refunds count, and in which currency), [`products`] (what happened to each product, hour by hour). Knows
//! neither the columns nor how a session is stored.

mod order;
mod money;
mod products;
#[cfg(test)]
mod tests;

pub use money::Payments;
pub use products::ProductHour;

use super::rest::{Counts, Rest};
use super::session::Session;
use super::session_event::{Attributes, Product};
use crate::event::click::EventType;
use crate::event::time::{Span, Timestamp};
use money::CountedPayments;
use order::TypedEvent;

/// A session as its row shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary<'a> {
    /// Event time of the first event.
    pub start: Timestamp,
    /// Event time of the last event.
    pub end: Timestamp,
    pub counts: Counts,
    /// Number of distinct page addresses.
    pub unique_page_views: i64,
    pub payments: Payments<'a>,
    pub viewed: Viewed<'a>,
    /// Sorted by product id and hour; at most `MAX_PRODUCT_HOURS`.
    pub products: Vec<ProductHour<'a>>,
    pub landing_page: Option<&'a str>,
    pub exit_page: Option<&'a str>,
    /// The first known value of each attribute; the words of a campaign are all of one event.
    pub attributes: Attributes<'a>,
    /// Whether any event came from a program.
    pub is_bot: bool,
    /// Whether no event carried a user id.
    pub is_anonymous: bool,
    /// Whether the session is larger than its bounds: it does not keep all events whole, or has more products.
    pub is_truncated: bool,
    pub duplicates_unchecked: bool,
}

/// The distinct values over all events, each list sorted by bytes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Viewed<'a> {
    pub ids: Vec<&'a str>,
    pub names: Vec<&'a str>,
    pub brands: Vec<&'a str>,
    pub categories: Vec<&'a str>,
}

/// Who stays this long is engaged.
const ENGAGED_AFTER: Span = Span::from_seconds(10);

impl<'a> Summary<'a> {
    /// A session has an event. One without any would start and end at the epoch.
    pub fn of(session: &Session<'a>) -> Self {
        let rest = session.rest.as_deref();
        let events = order::in_order(&session.events);
        let payments = CountedPayments::of(&events, rest);
        let (products, are_products_cut) = products::by_hour(&events, &payments);
        let (start, end) = order::span(&events, rest);
        let (landing_page, exit_page) = order::pages(&events, rest);
        Summary {
            start,
            end,
            counts: counts(&events, rest),
            unique_page_views: distinct(events.iter().filter_map(|e| e.event.content.page_url)).len() as i64,
            payments: payments.summed(),
            viewed: Viewed::of(&events),
            products,
            landing_page,
            exit_page,
            attributes: order::attributes(&events, rest),
            is_bot: events.iter().any(|e| e.event.content.is_bot) || rest.is_some_and(|rest| rest.is_bot),
            is_anonymous: events.iter().all(|e| e.event.content.is_anonymous)
                && rest.is_none_or(|rest| rest.is_anonymous),
            is_truncated: rest.is_some() || are_products_cut,
            duplicates_unchecked: rest.is_some_and(|rest| rest.duplicates_unchecked),
        }
    }

    pub fn duration(&self) -> Span {
        self.end - self.start
    }

    /// Whether the visitor stayed, looked at two pages, or bought something.
    pub fn is_engaged(&self) -> bool {
        self.duration() >= ENGAGED_AFTER || self.counts.page_view >= 2 || self.payments.purchase_count >= 1
    }

    /// Whether the session is a single event.
    pub fn is_bounce(&self) -> bool {
        self.counts.events == 1
    }

    /// Whether something was put into the cart and nothing bought.
    pub fn is_cart_abandoned(&self) -> bool {
        self.counts.add_to_cart > 0 && self.payments.purchase_count == 0
    }

    /// Whether the watermark has passed the end by more than the inactivity timeout.
    pub fn is_final(&self, final_before: Timestamp) -> bool {
        self.end < final_before
    }
}

impl<'a> Viewed<'a> {
    fn of(events: &[TypedEvent<'_, 'a>]) -> Self {
        let contents = || events.iter().map(|e| &e.event.content);
        let of_products = |value: fn(&Product<'a>) -> Option<&'a str>| {
            contents().flat_map(|content| content.products.iter()).filter_map(value)
        };
        let names = contents().flat_map(|content| content.event_names.iter().copied());
        let brands = contents().flat_map(|content| content.event_brands.iter().copied());
        let categories = contents().flat_map(|content| content.event_categories.iter().copied());
        Viewed {
            ids: distinct(of_products(|product| product.id)),
            names: distinct(names.chain(of_products(|product| product.name))),
            brands: distinct(brands.chain(of_products(|product| product.brand))),
            categories: distinct(categories.chain(of_products(|product| product.category))),
        }
    }
}

fn counts(events: &[TypedEvent], rest: Option<&Rest>) -> Counts {
    let mut counts = rest.map(|rest| rest.counts).unwrap_or_default();
    for event in events {
        let of_type = match event.event_type {
            Some(EventType::PageView) => Some(&mut counts.page_view),
            Some(EventType::AddToCart) => Some(&mut counts.add_to_cart),
            Some(EventType::RemoveFromCart) => Some(&mut counts.remove_from_cart),
            Some(EventType::Search) => Some(&mut counts.search),
            Some(EventType::Checkout) => Some(&mut counts.checkout),
            Some(EventType::Purchase | EventType::Refund | EventType::Other(_)) | None => None,
        };
        // Stored counts may be anything. A sum that wraps around would hide that; one that saturates shows it.
        for count in of_type.into_iter().chain([&mut counts.events]) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

/// The values without repetitions, sorted by bytes.
fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut values: Vec<&str> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}
