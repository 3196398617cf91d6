//! The columns of `bronze/events`: one row for each received event.
//!
//! What was read in the body is null where the event was rejected.

use crate::columns::{Column, TableSpec, declare};
use crate::event::Parsed;
use crate::event::click::{Click, Product};
use crate::lineage::{self, Ingested, Origin};

pub const TABLE: &str = "bronze/events";
pub const LAYER: &str = "bronze";

/// What a row is made from.
pub struct Row<'a> {
    pub origin: Origin<'a>,
    pub parsed: &'a Parsed,
}

impl Ingested for Row<'_> {
    fn origin(&self) -> Origin<'_> {
        self.origin
    }
}

impl Row<'_> {
    fn click(&self) -> Option<&Click> {
        self.parsed.as_ref().ok()
    }
}

declare! {
    ['a] Row<'a>;

    /// The event as it came, byte for byte.
    BODY = "body", binary(|row| Some(row.origin.event.body.as_ref())).required();
    /// Reason and sentence, where the event was rejected.
    PARSE_ERROR = "parse_error", sentence(|row| row.parsed.as_ref().err().map(ToString::to_string));
    /// Number of members of the body that this version does not know.
    UNKNOWN_FIELDS = "unknown_fields", integer(|row| Some(row.click()?.unknown_fields.count() as i32));
    /// Number of fields that were too long and were cut.
    FIELDS_CUT = "fields_cut", integer(|row| Some(row.click()?.fields_cut as i32));
    /// Number of fields that were unreadable, whole or in part, and were left out.
    FIELDS_UNREADABLE = "fields_unreadable", integer(|row| Some(row.click()?.fields_unreadable as i32));
    /// Id that the producer gave the event.
    EVENT_ID = "event_id", string(|row| row.click()?.event_id.as_deref());
    /// Id of the visitor, or the id that stands in for it.
    USER_ID = "user_id", string(|row| Some(row.click()?.user_id.as_str()));
    /// Id of the visit, as the producer sees it.
    SESSION_ID = "session_id", string(|row| Some(row.click()?.session_id.as_str()));
    /// When the event happened, as the producer says.
    EVENT_TIME = "event_time", timestamp(|row| Some(row.click()?.event_time)).with_statistics();
    /// What happened: `page_view`, `add_to_cart`, `remove_from_cart`, `checkout`, `purchase`, `refund`,
    /// `search`, or as sent.
    EVENT_TYPE = "event_type", string(|row| Some(row.click()?.event_type.as_str()));
    /// Address of the page.
    PAGE_URL = "page_url", string(|row| row.click()?.page_url.as_deref());
    /// Ids of the products, in the order sent.
    PRODUCT_ID = "product_id", strings(|row| by_product(row.click()?, |product| product.id.as_deref(), |_| &[]));
    /// Names of the products, in the order sent.
    PRODUCT_NAME = "product_name",
        strings(|row| by_product(row.click()?, |product| product.name.as_deref(), |click| &click.event_level.names));
    /// Brands of the products, in the order sent.
    PRODUCT_BRAND = "product_brand",
        strings(|row| by_product(row.click()?, |product| product.brand.as_deref(), |click| &click.event_level.brands));
    /// What the event is worth in all, whichever shape the price came in; in the unit of the currency.
    PRODUCT_PRICE = "product_price", money(|row| row.click()?.event_value);
    /// The category, where it came as one text.
    CATEGORY = "category", string(|row| row.click()?.category.as_deref());
    /// Id of the purchase: `transaction_id` or `order_id`.
    TRANSACTION_ID = "transaction_id", string(|row| row.click()?.transaction_id.as_deref());
    /// Name of the browser, standardised.
    BROWSER = "browser", string(|row| row.click()?.browser.as_deref());
    /// Name of the operating system.
    OS = "os", string(|row| row.click()?.os.as_deref());
    /// Kind of device.
    DEVICE_TYPE = "device_type", string(|row| row.click()?.device_type.as_deref());
    /// Where the visitor came from: an address or a name.
    REFERRAL_SOURCE = "referral_source", string(|row| row.click()?.referral_source.as_deref());
    /// Country of the visitor.
    GEO_COUNTRY = "geo_country", string(|row| row.click()?.geo_country.as_deref());
    /// City of the visitor.
    GEO_CITY = "geo_city", string(|row| row.click()?.geo_city.as_deref());
    /// IP address of the visitor, as sent.
    IP_ADDRESS = "ip_address", string(|row| row.click()?.ip_address.as_deref());
    /// Whether the producer sees the visitor for the first time.
    IS_NEW_USER = "is_new_user", boolean(|row| row.click()?.is_new_user);
    /// Number of things in the cart.
    CART_SIZE = "cart_size", integer(|row| row.click()?.cart_size);
}

pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    lineage::around(declared())
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns())
}

/// What the products of an event say, or what could not be told apart by product.
fn by_product(
    click: &Click,
    of: fn(&Product) -> Option<&str>,
    of_event: fn(&Click) -> &[String],
) -> Option<Vec<Option<&str>>> {
    if click.products.iter().any(|product| of(product).is_some()) {
        return Some(click.products.iter().map(of).collect());
    }
    let left = of_event(click);
    (!left.is_empty()).then(|| left.iter().map(|value| Some(value.as_str())).collect())
}
