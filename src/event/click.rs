//! A well-formed event, in the terms of a shop.
//!
//! Promises names and values as a reader of the tables wants them. Does not know the bytes it came from.

use super::ids::{EventKey, SessionId, UserId};
use super::money::Money;
use super::time::Timestamp;

/// What happened. Names outside the list are kept as data: a producer may know more than we do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventType {
    PageView,
    AddToCart,
    RemoveFromCart,
    Purchase,
    Search,
    Checkout,
    /// Trimmed, otherwise as sent; never the name of one of the above.
    Other(String),
}

impl EventType {
    /// The types that have a meaning here; any other name is data.
    const KNOWN: [EventType; 6] = [
        EventType::PageView,
        EventType::AddToCart,
        EventType::RemoveFromCart,
        EventType::Purchase,
        EventType::Search,
        EventType::Checkout,
    ];

    /// The type of that name; blanks around it and, for the known ones, upper and lower case do not matter.
    pub fn from_name(name: &str) -> EventType {
        let name = name.trim();
        let known = Self::KNOWN.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| EventType::Other(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        match self {
            EventType::PageView => "page_view",
            EventType::AddToCart => "add_to_cart",
            EventType::RemoveFromCart => "remove_from_cart",
            EventType::Purchase => "purchase",
            EventType::Search => "search",
            EventType::Checkout => "checkout",
            EventType::Other(name) => name,
        }
    }
}

/// One product of an event. Anything the event does not say of it is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Product {
    pub id: Option<String>,
    pub name: Option<String>,
    pub brand: Option<String>,
    pub category: Option<String>,
    pub price: Option<Money>,
}

/// Values that arrived as a list whose length is not that of the products: which value belongs to which
/// product cannot be known, so they stay with the event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventLevel {
    pub names: Vec<String>,
    pub brands: Vec<String>,
    pub categories: Vec<String>,
}

/// A parsed event: everything silver and gold need, nothing of where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Click {
    pub event_id: Option<String>,
    pub event_key: EventKey,
    pub user_id: UserId,
    pub session_id: SessionId,
    pub event_time: Timestamp,
    pub event_type: EventType,
    /// As sent when relative; an absolute URL without port and credentials, host in lower case and readable (not punycode).
    pub page_url: Option<String>,
    /// Host of an absolute `page_url`; of a relative one the configured site domain, else `None`. Never empty.
    pub page_domain: Option<String>,
    /// In the order sent, repeats included. Empty when the event has none.
    pub products: Vec<Product>,
    pub event_level: EventLevel,
    /// What the event is worth: a bare `product_price`, or the sum of the array.
    pub event_value: Option<Money>,
    pub transaction_id: Option<String>,
    /// The category when it came as one bare string (it also stands in each product).
    pub category: Option<String>,
    pub browser: Option<String>,
    pub os: Option<String>,
    pub device_type: Option<String>,
    pub is_bot: bool,
    pub referral_source: Option<String>,
    pub referral_domain: Option<String>,
    pub geo_country: Option<String>,
    pub geo_city: Option<String>,
    pub ip_address: Option<String>,
    pub is_new_user: Option<bool>,
    pub cart_size: Option<i32>,
    /// Members of the object that this version does not know.
    pub unknown_fields: u32,
}

impl Click {
    /// Bytes of text in all the rows of silver that the event becomes, where what belongs to the event stands on each.
    pub fn text_bytes_in_rows(&self) -> usize {
        let texts = [
            &self.event_id,
            &self.page_url,
            &self.page_domain,
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
        let required = [self.user_id.as_str(), self.session_id.as_str()].map(str::len).iter().sum::<usize>();
        let optional = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let lists = [&self.event_level.names, &self.event_level.brands, &self.event_level.categories];
        let lists = lists.into_iter().flatten().map(String::len).sum::<usize>();
        let on_each_row = required + self.event_type.as_str().len() + optional + lists;
        let of_products = self.products.iter().map(Product::text_bytes).sum::<usize>();
        self.products.len().max(1) * on_each_row + of_products
    }
}

impl Product {
    fn text_bytes(&self) -> usize {
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
            assert_eq!(EventType::from_name(known.as_str()), known);
            assert_eq!(EventType::from_name(&format!(" {} ", known.as_str().to_uppercase())), known);
        }
        assert_eq!(EventType::from_name(" Wishlist_Add "), EventType::Other("Wishlist_Add".into()));
        assert_eq!(EventType::from_name("page view").as_str(), "page view");
    }
}
