//! A well-formed event, in the terms of a shop.
//!
//! Promises names and values in the form that readers of the tables want. Does not know the bytes they came from.

use super::ids::{EventKey, SessionId, UserId};
use super::money::Money;
use super::time::Timestamp;
use super::unknown::UnknownFields;

/// What happened. Unknown names are kept as data: a producer may know more than we do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventType {
    PageView,
    AddToCart,
    RemoveFromCart,
    Purchase,
    /// Money was paid back.
    Refund,
    Search,
    Checkout,
    /// Trimmed, otherwise as sent; never the name of a known type.
    Other(String),
}

impl EventType {
    const KNOWN: &[EventType] = &[
        EventType::PageView,
        EventType::AddToCart,
        EventType::RemoveFromCart,
        EventType::Purchase,
        EventType::Refund,
        EventType::Search,
        EventType::Checkout,
    ];

    /// The type of that name. Surrounding blanks do not matter, nor does the case of a known name.
    pub fn from_name(name: &str) -> EventType {
        let name = name.trim();
        Self::known(name).unwrap_or_else(|| EventType::Other(name.to_owned()))
    }

    /// The type of that name, in any case, if it is a known one. Never [`EventType::Other`], and allocates nothing.
    pub fn known(name: &str) -> Option<EventType> {
        Self::KNOWN.iter().find(|known| known.as_str().eq_ignore_ascii_case(name)).cloned()
    }

    pub fn as_str(&self) -> &str {
        match self {
            EventType::PageView => "page_view",
            EventType::AddToCart => "add_to_cart",
            EventType::RemoveFromCart => "remove_from_cart",
            EventType::Purchase => "purchase",
            EventType::Refund => "refund",
            EventType::Search => "search",
            EventType::Checkout => "checkout",
            EventType::Other(name) => name,
        }
    }
}

/// One product of an event. Whatever the event does not say about it is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Product {
    pub id: Option<String>,
    pub name: Option<String>,
    pub brand: Option<String>,
    pub category: Option<String>,
    /// Of one piece.
    pub price: Option<Money>,
    /// Pieces.
    pub quantity: Option<i32>,
}

/// Values of lists that do not have one element for each product. Which product they belong to is unknown, so they stay
/// with the event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventLevel {
    pub names: Vec<String>,
    pub brands: Vec<String>,
    pub categories: Vec<String>,
}

/// Which campaign brought a visitor, in the five words of Google Analytics.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Campaign {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub name: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
}

impl Campaign {
    fn texts(&self) -> [&Option<String>; 5] {
        [&self.source, &self.medium, &self.name, &self.term, &self.content]
    }
}

/// A parsed event: everything that silver and gold need, nothing about where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Click {
    pub event_id: Option<String>,
    pub event_key: EventKey,
    pub user_id: UserId,
    /// Whether the visitor is not signed in, so that another id stands in for the user's.
    pub is_anonymous: bool,
    pub session_id: SessionId,
    pub event_time: Timestamp,
    pub event_type: EventType,
    /// A relative address as sent; an absolute one without credentials and without its scheme's usual port, its host in
    /// lower case and not in punycode.
    pub page_url: Option<String>,
    /// Host of an absolute `page_url`, or the configured site domain for a relative one. Never empty.
    pub page_domain: Option<String>,
    pub page_title: Option<String>,
    pub search_term: Option<String>,
    /// In the order sent, repeats included.
    pub products: Vec<Product>,
    pub event_level: EventLevel,
    /// What the event is worth: as the sender says, or the sum of price times quantity. Of a refund never negative.
    pub event_value: Option<Money>,
    /// ISO 4217 code of the currency of all amounts.
    pub currency: Option<&'static str>,
    pub transaction_id: Option<String>,
    /// The category, if a bare string named a single one; each product has it too.
    pub category: Option<String>,
    pub browser: Option<String>,
    pub os: Option<String>,
    pub device_type: Option<String>,
    pub is_bot: bool,
    pub referral_source: Option<String>,
    pub referral_domain: Option<String>,
    pub campaign: Campaign,
    pub geo_country: Option<String>,
    pub geo_city: Option<String>,
    pub ip_address: Option<String>,
    pub is_new_user: Option<bool>,
    pub cart_size: Option<i32>,
    /// Members with names that this version does not know.
    pub unknown_fields: UnknownFields,
    /// How many fields were too long and were cut.
    pub fields_cut: u32,
    /// How many fields were unreadable, whole or in part, and were left out.
    pub fields_unreadable: u32,
}

impl Click {
    /// Bytes of text in all silver rows of the event.
    pub fn text_bytes_in_rows(&self) -> usize {
        let of_products = self.products.iter().map(Product::text_bytes).sum::<usize>();
        self.products.len().max(1) * self.text_bytes_on_each_row() + of_products
    }

    /// Bytes of text that each silver row of the event repeats.
    pub(super) fn text_bytes_on_each_row(&self) -> usize {
        let texts = [
            &self.event_id,
            &self.page_url,
            &self.page_domain,
            &self.page_title,
            &self.search_term,
            &self.transaction_id,
            &self.browser,
            &self.os,
            &self.device_type,
            &self.referral_source,
            &self.referral_domain,
            &self.geo_country,
            &self.geo_city,
            &self.ip_address,
        ];
        let required = [self.user_id.as_str(), self.session_id.as_str(), self.event_type.as_str()];
        let required = required.into_iter().map(str::len).sum::<usize>();
        let optional = texts.into_iter().chain(self.campaign.texts()).flatten().map(String::len).sum::<usize>();
        let lists = [&self.event_level.names, &self.event_level.brands, &self.event_level.categories];
        let lists = lists.into_iter().flatten().map(String::len).sum::<usize>();
        required + optional + lists
    }
}

impl Product {
    pub(super) fn text_bytes(&self) -> usize {
        let texts = [&self.id, &self.name, &self.brand, &self.category];
        texts.into_iter().flatten().map(String::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_are_recognised_in_any_case_others_kept_as_sent() {
        for known in EventType::KNOWN {
            assert_eq!(EventType::known(known.as_str()).as_ref(), Some(known));
            assert_eq!(EventType::from_name(&format!(" {} ", known.as_str().to_uppercase())), *known);
        }
        assert_eq!(EventType::known("wishlist_add"), None);
        assert_eq!(EventType::from_name(" Wishlist_Add "), EventType::Other("Wishlist_Add".into()));
        assert_eq!(EventType::from_name("page view").as_str(), "page view");
    }
}
