//! The columns of `silver/events`: one row for each event and product. An event without products is one row.
//!
//! What belongs to the event stands on each of its rows; to count events, take the rows with `product_index` 0.

use crate::columns::{Column, TableSpec, declare};
use crate::event::click::{Click, Product};
use crate::lineage::{self, Ingested, Origin};

pub const TABLE: &str = "silver/events";
pub const LAYER: &str = "silver";

/// What a row is made from: an event, and one of its products if it has any.
pub struct Row<'a> {
    pub origin: Origin<'a>,
    pub click: &'a Click,
    /// Place of the product in the event.
    pub index: usize,
    pub product: Option<&'a Product>,
}

impl Ingested for Row<'_> {
    fn origin(&self) -> Origin<'_> {
        self.origin
    }
}

declare! {
    ['a] Row<'a>;

    /// Id that the producer gave the event.
    EVENT_ID = "event_id", string(|row| row.click.event_id.as_deref());
    /// 64 bits by which a reader recognises an event that its producer sent twice.
    EVENT_KEY = "event_key", long(|row| Some(row.click.event_key.0)).required();
    /// Id of the visitor, or the id that stands in for it.
    USER_ID = "user_id", string(|row| Some(row.click.user_id.as_str())).required();
    /// Whether the visitor was not signed in, so that an anonymous id or the session id stands in `user_id`.
    IS_ANONYMOUS = "is_anonymous", boolean(|row| Some(row.click.is_anonymous)).required();
    /// Id of the visit, as the producer sees it.
    SESSION_ID = "session_id", string(|row| Some(row.click.session_id.as_str())).required();
    /// When the event happened, as its producer says.
    EVENT_TIME = "event_time", timestamp(|row| Some(row.click.event_time)).required().with_statistics();
    /// What happened: `page_view`, `add_to_cart`, `remove_from_cart`, `checkout`, `purchase`, `refund`,
    /// `search`, or as sent.
    EVENT_TYPE = "event_type", string(|row| Some(row.click.event_type.as_str())).required();
    /// Address of the page, absolute or relative.
    PAGE_URL = "page_url", string(|row| row.click.page_url.as_deref());
    /// Host of an absolute address, or the configured site domain; never empty.
    PAGE_DOMAIN = "page_domain", string(|row| row.click.page_domain.as_deref());
    /// Title of the page.
    PAGE_TITLE = "page_title", string(|row| row.click.page_title.as_deref());
    /// What the visitor searched for.
    SEARCH_TERM = "search_term", string(|row| row.click.search_term.as_deref());
    /// Place of the product in the event, from 0; 0 also for an event without products.
    PRODUCT_INDEX = "product_index", integer(|row| Some(row.index as i32)).required();
    /// Number of products of the event; 0 for an event without products.
    PRODUCT_COUNT = "product_count", integer(|row| Some(row.click.products.len() as i32)).required();
    /// Id of the product.
    PRODUCT_ID = "product_id", string(|row| row.product?.id.as_deref());
    /// Name of the product.
    PRODUCT_NAME = "product_name", string(|row| row.product?.name.as_deref());
    /// Brand of the product.
    PRODUCT_BRAND = "product_brand", string(|row| row.product?.brand.as_deref());
    /// Category of the product, or of an event without products.
    PRODUCT_CATEGORY = "product_category", string(category);
    /// Price of one piece of this product, in the unit of the currency; null where only the price of all together is
    /// known. Negative for a coupon.
    PRODUCT_PRICE = "product_price", money(|row| row.product?.price);
    /// Pieces of this product; null where the event does not say.
    QUANTITY = "quantity", integer(|row| row.product?.quantity);
    /// What the whole event is worth, on each of its rows, in the unit of the currency: never sum it over rows. Of a
    /// refund what was paid back, never negative.
    EVENT_VALUE = "event_value", money(|row| row.click.event_value);
    /// ISO 4217 code of the currency of all amounts.
    CURRENCY = "currency", string(|row| row.click.currency);
    /// Names of products that could not be matched with the ids, since there are more or fewer of them.
    EVENT_NAMES = "event_names", strings(|row| unmatched(&row.click.event_level.names));
    /// Brands of products that could not be matched with the ids.
    EVENT_BRANDS = "event_brands", strings(|row| unmatched(&row.click.event_level.brands));
    /// Categories of products that could not be matched with the ids.
    EVENT_CATEGORIES = "event_categories", strings(|row| unmatched(&row.click.event_level.categories));
    /// Id of the purchase: `transaction_id` or `order_id`.
    TRANSACTION_ID = "transaction_id", string(|row| row.click.transaction_id.as_deref());
    /// Name of the browser, standardised.
    BROWSER = "browser", string(|row| row.click.browser.as_deref());
    /// Name of the operating system.
    OS = "os", string(|row| row.click.os.as_deref());
    /// Kind of device.
    DEVICE_TYPE = "device_type", string(|row| row.click.device_type.as_deref());
    /// Whether the event came from a program rather than a person.
    IS_BOT = "is_bot", boolean(|row| Some(row.click.is_bot)).required();
    /// Where the visitor came from: an address or a name.
    REFERRAL_SOURCE = "referral_source", string(|row| row.click.referral_source.as_deref());
    /// Host of `referral_source`, where that is an absolute address.
    REFERRAL_DOMAIN = "referral_domain", string(|row| row.click.referral_domain.as_deref());
    /// Campaign that brought the visitor: where from.
    UTM_SOURCE = "utm_source", string(|row| row.click.campaign.source.as_deref());
    /// Campaign: by which kind of link.
    UTM_MEDIUM = "utm_medium", string(|row| row.click.campaign.medium.as_deref());
    /// Campaign: its name.
    UTM_CAMPAIGN = "utm_campaign", string(|row| row.click.campaign.name.as_deref());
    /// Campaign: the words that were paid for.
    UTM_TERM = "utm_term", string(|row| row.click.campaign.term.as_deref());
    /// Campaign: which of several links.
    UTM_CONTENT = "utm_content", string(|row| row.click.campaign.content.as_deref());
    /// Country of the visitor.
    GEO_COUNTRY = "geo_country", string(|row| row.click.geo_country.as_deref());
    /// City of the visitor.
    GEO_CITY = "geo_city", string(|row| row.click.geo_city.as_deref());
    /// IP address of the visitor, as sent.
    IP_ADDRESS = "ip_address", string(|row| row.click.ip_address.as_deref());
    /// Whether the producer sees the visitor for the first time.
    IS_NEW_USER = "is_new_user", boolean(|row| row.click.is_new_user);
    /// Number of things in the cart.
    CART_SIZE = "cart_size", integer(|row| row.click.cart_size);
}

pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    lineage::around(declared())
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns())
}

/// Columns that say something of one product rather than of the event.
pub const OF_PRODUCT: [&str; 6] = [PRODUCT_ID, PRODUCT_NAME, PRODUCT_BRAND, PRODUCT_CATEGORY, PRODUCT_PRICE, QUANTITY];

fn category<'r>(row: &'r Row) -> Option<&'r str> {
    match row.product {
        Some(product) => product.category.as_deref(),
        None => row.click.category.as_deref(),
    }
}

/// Null where the list is empty.
fn unmatched(list: &[String]) -> Option<Vec<Option<&str>>> {
    (!list.is_empty()).then(|| list.iter().map(|value| Some(value.as_str())).collect())
}
