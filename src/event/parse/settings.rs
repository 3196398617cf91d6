//! What decides how an event is read. Values only: where they come from is for others to know.

use super::limits::Limits;
use super::map::EventMap;
use crate::event::time::Span;

/// Everything besides its bytes and the time of its arrival that decides what an event means. Two processes with equal
/// settings read an event in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseSettings {
    pub limits: Limits,
    /// How much later than its arrival at the event hub an event may claim to be: clocks differ.
    pub future_tolerance: Span,
    /// How much earlier it may claim to be; `None` for an archive, where any age is right.
    pub max_event_age: Option<Span>,
    /// The domain that relative page addresses get; `None` leaves them without one.
    pub site_domain: Option<String>,
    pub anonymous_events: AnonymousEvents,
    pub product_views_without_product: ProductViewsWithoutProduct,
    /// Where the fields are in the sender's events, and what its event types mean.
    pub map: EventMap,
}

impl Default for ParseSettings {
    fn default() -> Self {
        ParseSettings {
            limits: Limits::default(),
            future_tolerance: Span::from_minutes(5),
            max_event_age: Some(Span::from_days(30)),
            site_domain: None,
            anonymous_events: AnonymousEvents::Accept,
            product_views_without_product: ProductViewsWithoutProduct::Reject,
            map: EventMap::default(),
        }
    }
}

/// What becomes of an event without `user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnonymousEvents {
    /// Its anonymous id stands in, or its session id.
    Accept,
    Reject,
}

impl AnonymousEvents {
    pub const ALL: [AnonymousEvents; 2] = [AnonymousEvents::Accept, AnonymousEvents::Reject];

    /// As the setting has it.
    pub fn as_str(self) -> &'static str {
        match self {
            AnonymousEvents::Accept => "accept",
            AnonymousEvents::Reject => "reject",
        }
    }
}

/// What becomes of the view of a product detail page that names no product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductViewsWithoutProduct {
    Reject,
    /// It is a page view like any other: right for a shop that sends no product data.
    Keep,
}

impl ProductViewsWithoutProduct {
    pub const ALL: [ProductViewsWithoutProduct; 2] =
        [ProductViewsWithoutProduct::Reject, ProductViewsWithoutProduct::Keep];

    /// As the setting has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ProductViewsWithoutProduct::Reject => "reject",
            ProductViewsWithoutProduct::Keep => "keep",
        }
    }
}
