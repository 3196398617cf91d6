//! The fields of an event, each declared once: its name on the wire, what shape its value has, and what it means.
//!
//! The README's table of fields is made of this list. Does not read any value.

use std::fmt;

/// What the value of a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text or a number that names something.
    Id,
    Text,
    /// One text, or a list of texts with one element for each product.
    Texts,
    Instant,
    Integer,
    Boolean,
    /// An amount of money.
    Amount,
    /// One amount for the whole event, or a list with the price of one piece of each product.
    Amounts,
    /// Pieces of each product: one number for all of them, or a list.
    Quantities,
    /// A list of objects, one for each product.
    Items,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Id => "id",
            Shape::Text => "text",
            Shape::Texts => "text or list of texts",
            Shape::Instant => "time",
            Shape::Integer => "whole number",
            Shape::Boolean => "true or false",
            Shape::Amount => "amount",
            Shape::Amounts => "amount or list of amounts",
            Shape::Quantities => "whole number or list of them",
            Shape::Items => "list of objects",
        })
    }
}

/// Declares the fields: doc comment, variant, name on the wire, shape, and for a second name of a field which one it
/// stands in for.
macro_rules! fields {
    ($( $(#[doc = $about:literal])+ $field:ident = $name:literal, $shape:ident $(for $main:ident)?; )+) => {
        /// A member of an event that this version knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $( $(#[doc = $about])+ $field, )+
        }

        impl Field {
            /// In the order in which they are declared.
            pub const ALL: &'static [Field] = &[$(Field::$field),+];
            pub(super) const COUNT: usize = Field::ALL.len();

            /// Its name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$field => const { ascii($name) }),+ }
            }

            /// The field of that name, which need not be UTF-8.
            pub(super) fn from_name(name: &[u8]) -> Option<Field> {
                match name {
                    $($name => Some(Field::$field),)+
                    _ => None,
                }
            }

            pub fn shape(self) -> Shape {
                match self { $(Field::$field => Shape::$shape),+ }
            }

            /// What it means, in one or two sentences.
            pub fn about(self) -> &'static str {
                match self { $(Field::$field => concat!($($about),+).trim_ascii()),+ }
            }

            /// The field that it is another name of, or itself.
            pub fn main(self) -> Field {
                match self {
                    $($(Field::$field => Field::$main,)?)+
                    itself => itself,
                }
            }
        }
    };
}

/// The text of a name, which is ASCII; a test finds one that is not.
const fn ascii(name: &[u8]) -> &str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => "",
    }
}

fields! {
    /// Id of the visitor who is signed in.
    UserId = b"user_id", Id;
    /// Id of the visit, as the sender sees it.
    SessionId = b"session_id", Id;
    /// When the event happened.
    Timestamp = b"timestamp", Instant;
    /// What happened: `page_view`, `add_to_cart`, `remove_from_cart`, `checkout`, `purchase`, `refund`, `search`, or a
    /// name of your own.
    EventType = b"event_type", Text;
    /// Address of the page, absolute or relative.
    PageUrl = b"page_url", Text;
    /// Ids of the products.
    ProductId = b"product_id", Texts;
    /// Names of the products.
    ProductName = b"product_name", Texts;
    /// Brands of the products.
    ProductBrand = b"product_brand", Texts;
    /// As a list the price of one piece of each product; as one amount what the whole event is worth.
    ProductPrice = b"product_price", Amounts;
    /// Categories of the products, or one category of all.
    Category = b"category", Texts;
    /// Pieces of each product, 1 to 1,000,000; one number holds for each of the products.
    Quantity = b"quantity", Quantities;
    /// The products in the spelling of GA4: objects with `item_id` or `id` or `product_id` or `sku`, `item_name` or `name`, `item_brand` or
    /// `brand`, `item_category` or `category`, `price`, `quantity`. Read where the fields above name no product.
    Items = b"items", Items;
    /// What the whole event is worth.
    Value = b"value", Amount;
    /// Another name of `value`.
    Revenue = b"revenue", Amount for Value;
    /// Another name of `value`.
    Total = b"total", Amount for Value;
    /// ISO 4217 code of the currency of all amounts of the event.
    Currency = b"currency", Text;
    /// Id of the event, the same each time it is sent.
    EventId = b"event_id", Id;
    /// Id of the purchase.
    TransactionId = b"transaction_id", Id;
    /// Another name of `transaction_id`.
    OrderId = b"order_id", Id for TransactionId;
    /// Id of a visitor who is not signed in; stands in for a missing `user_id`.
    AnonymousId = b"anonymous_id", Id;
    /// Another name of `anonymous_id`.
    ClientId = b"client_id", Id for AnonymousId;
    /// Another name of `anonymous_id`.
    VisitorId = b"visitor_id", Id for AnonymousId;
    /// Name of the browser, or its user agent.
    Browser = b"browser", Text;
    /// Name of the operating system.
    Os = b"os", Text;
    /// Kind of device.
    DeviceType = b"device_type", Text;
    /// User agent of the browser; gives browser, system and kind of device where they are not sent.
    UserAgent = b"user_agent", Text;
    /// Where the visitor came from: an address or a name.
    ReferralSource = b"referral_source", Text;
    /// Country of the visitor.
    GeoCountry = b"geo_country", Text;
    /// City of the visitor.
    GeoCity = b"geo_city", Text;
    /// IP address of the visitor.
    IpAddress = b"ip_address", Text;
    /// Whether the sender sees the visitor for the first time.
    IsNewUser = b"is_new_user", Boolean;
    /// Number of things in the cart.
    CartSize = b"cart_size", Integer;
    /// Title of the page.
    PageTitle = b"page_title", Text;
    /// What the visitor searched for.
    SearchTerm = b"search_term", Text;
    /// Campaign: where the visitor came from. As all `utm_` fields it wins over the query of `page_url`.
    UtmSource = b"utm_source", Text;
    /// Campaign: by which kind of link.
    UtmMedium = b"utm_medium", Text;
    /// Campaign: its name.
    UtmCampaign = b"utm_campaign", Text;
    /// Campaign: the words that were paid for.
    UtmTerm = b"utm_term", Text;
    /// Campaign: which of several links.
    UtmContent = b"utm_content", Text;
}

impl Field {
    /// All names of a field, in the order in which they count, from this one on.
    pub fn names(self) -> impl Iterator<Item = Field> {
        std::iter::successors(Some(self), |name| name.next_name())
    }

    /// The next name of the field, in the order in which its names count.
    pub(super) fn next_name(self) -> Option<Field> {
        match self {
            Field::Value => Some(Field::Revenue),
            Field::Revenue => Some(Field::Total),
            Field::TransactionId => Some(Field::OrderId),
            Field::AnonymousId => Some(Field::ClientId),
            Field::ClientId => Some(Field::VisitorId),
            _ => None,
        }
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FieldSet(u64);

const _: () = assert!(Field::COUNT <= 64, "a set of fields has 64 bits");

impl FieldSet {
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u64;
    }

    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u64) != 0
    }

    pub fn len(self) -> u32 {
        self.0.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name() {
        for &field in Field::ALL {
            assert_eq!(Field::from_name(field.name().as_bytes()), Some(field));
            assert!(field.about().ends_with('.'), "{}", field.name());
        }
        assert_eq!(Field::from_name(b"USER_ID"), None);
        assert_eq!(
            (Field::from_name(b""), Field::from_name(b"x"), Field::from_name(b"\xff\xff\xff")),
            (None, None, None)
        );
    }

    #[test]
    fn a_second_name_is_among_the_names_of_its_field() {
        for &field in Field::ALL {
            assert!(field.main().names().any(|name| name == field), "{}", field.name());
            assert!(field.next_name().is_none_or(|next| next.main() == field.main()), "{}", field.name());
        }
    }
}
