//! The columns of `gold/sessions`: one row for each session.
//!
//! Says what each column means; how its value follows from the events of the session is in [`summary`](super::summary). Knows
//! no file and no log.

use super::session_event::{Attribute, SessionKey};
use super::summary::Summary;
use crate::columns::{Column, Lists, TableSpec, declare};
use crate::event::time::Timestamp;

pub const TABLE: &str = "gold/sessions";

/// What a row shows beyond its session. Both depend on when the row is written.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub last_updated: Timestamp,
    /// Sessions that end before this are final.
    pub final_before: Timestamp,
}

/// What a row is made from.
pub struct Row<'a> {
    pub key: SessionKey<'a>,
    pub summary: Summary<'a>,
    /// The session itself, as the column holds it.
    pub state: Vec<u8>,
    pub stamp: Stamp,
}

declare! {
    ['a] Row<'a>;

    /// Id of the visitor.
    USER_ID = "user_id", string(|row| Some(row.key.user_id)).required();
    /// Id that the producer gave. A pause longer than the inactivity timeout divides its events into several sessions.
    SESSION_ID = "session_id", string(|row| Some(row.key.session_id)).required();
    /// Event time of the first event.
    SESSION_START_TIME = "session_start_time", timestamp(|row| Some(row.summary.start)).required().with_statistics();
    /// Event time of the last event.
    SESSION_END_TIME = "session_end_time", timestamp(|row| Some(row.summary.end)).required().with_statistics();
    /// From the first event to the last, in seconds.
    SESSION_DURATION_SECONDS = "session_duration_seconds",
        double(|row| Some(row.summary.duration().as_seconds_f64())).required();
    /// Number of events, not of products; a duplicate counts once.
    TOTAL_EVENTS = "total_events", long(|row| Some(row.summary.counts.events)).required();
    /// Number of distinct page addresses.
    UNIQUE_PAGE_VIEWS = "unique_page_views", long(|row| Some(row.summary.unique_page_views)).required();
    /// Number of `page_view` events.
    PAGE_VIEW_COUNT = "page_view_count", long(|row| Some(row.summary.counts.page_view)).required();
    /// Number of `add_to_cart` events.
    ADD_TO_CART_COUNT = "add_to_cart_count", long(|row| Some(row.summary.counts.add_to_cart)).required();
    /// Number of `remove_from_cart` events.
    REMOVE_FROM_CART_COUNT = "remove_from_cart_count", long(|row| Some(row.summary.counts.remove_from_cart)).required();
    /// Number of `search` events.
    SEARCH_COUNT = "search_count", long(|row| Some(row.summary.counts.search)).required();
    /// Number of `checkout` events.
    CHECKOUT_COUNT = "checkout_count", long(|row| Some(row.summary.counts.checkout)).required();
    /// Number of purchases; those with the same transaction id count once.
    PURCHASE_COUNT = "purchase_count", long(|row| Some(row.summary.payments.purchase_count)).required();
    /// Sum of the values of the purchases in `currency`; of those with the same transaction id, the first known value.
    TOTAL_PURCHASE_VALUE = "total_purchase_value", money(|row| Some(row.summary.payments.purchase_value)).required();
    /// Number of `refund` events.
    REFUND_COUNT = "refund_count", long(|row| Some(row.summary.payments.refund_count)).required();
    /// What the refunds in `currency` paid back, never negative. It is not subtracted from `total_purchase_value`.
    REFUND_VALUE = "refund_value", money(|row| Some(row.summary.payments.refund_value)).required();
    /// ISO 4217 code of the currency of all amounts: the first known one of the purchases, else of the refunds. A payment
    /// whose currency is unknown counts as one in this.
    CURRENCY = "currency", string(|row| row.summary.payments.currency);
    /// Whether there are purchases or refunds in another currency. They are counted, and no amount includes them.
    HAS_OTHER_CURRENCIES = "has_other_currencies",
        boolean(|row| Some(row.summary.payments.has_other_currencies)).required();
    /// Distinct product ids over all events, sorted.
    PRODUCT_IDS_VIEWED = "product_ids_viewed", strings(|row| list(&row.summary.viewed.ids)).required();
    /// Distinct product names over all events, sorted.
    PRODUCT_NAMES_VIEWED = "product_names_viewed", strings(|row| list(&row.summary.viewed.names)).required();
    /// Distinct product brands over all events, sorted.
    PRODUCT_BRANDS_VIEWED = "product_brands_viewed", strings(|row| list(&row.summary.viewed.brands)).required();
    /// Distinct product categories over all events, sorted.
    PRODUCT_CATEGORIES_VIEWED = "product_categories_viewed",
        strings(|row| list(&row.summary.viewed.categories)).required();
    /// What happened to each product in each hour, sorted by product id and hour: one element for each product id and UTC
    /// hour in which an event names the product, at most 1,000. `hour` counts from 1970; `views`, `adds` and `removes` are
    /// numbers of events; `purchases` are counted as in `purchase_count`, and `units` are the pieces bought in them. `value`
    /// is what these cost in `currency`, and null where only the price of several products together is known.
    PRODUCTS = "products", structs(products).required();
    /// Address of the first page.
    LANDING_PAGE = "landing_page", string(|row| row.summary.landing_page);
    /// Address of the last page.
    EXIT_PAGE = "exit_page", string(|row| row.summary.exit_page);
    /// Name of the browser, of the first event that has one.
    BROWSER = "browser", string(|row| row.summary.attributes.get(Attribute::Browser));
    /// Name of the operating system, of the first event that has one.
    OS = "os", string(|row| row.summary.attributes.get(Attribute::Os));
    /// Kind of device, of the first event that has one.
    DEVICE_TYPE = "device_type", string(|row| row.summary.attributes.get(Attribute::DeviceType));
    /// Country, of the first event that has one.
    GEO_COUNTRY = "geo_country", string(|row| row.summary.attributes.get(Attribute::GeoCountry));
    /// City, of the first event that has one.
    GEO_CITY = "geo_city", string(|row| row.summary.attributes.get(Attribute::GeoCity));
    /// Where the visitor came from, of the first event that says it.
    REFERRAL_SOURCE = "referral_source", string(|row| row.summary.attributes.get(Attribute::ReferralSource));
    /// Campaign that brought the visitor: where from. All five are of the first event that has any of them.
    UTM_SOURCE = "utm_source", string(|row| row.summary.attributes.get(Attribute::UtmSource));
    /// Campaign: by which kind of link.
    UTM_MEDIUM = "utm_medium", string(|row| row.summary.attributes.get(Attribute::UtmMedium));
    /// Campaign: its name.
    UTM_CAMPAIGN = "utm_campaign", string(|row| row.summary.attributes.get(Attribute::UtmCampaign));
    /// Campaign: the words that were paid for.
    UTM_TERM = "utm_term", string(|row| row.summary.attributes.get(Attribute::UtmTerm));
    /// Campaign: which of several links.
    UTM_CONTENT = "utm_content", string(|row| row.summary.attributes.get(Attribute::UtmContent));
    /// Whether something was put into the cart and nothing bought.
    CART_ABANDONED = "cart_abandoned", boolean(|row| Some(row.summary.is_cart_abandoned())).required();
    /// Whether the session is a single event.
    IS_BOUNCE = "is_bounce", boolean(|row| Some(row.summary.is_bounce())).required();
    /// Whether the session lasted at least 10 seconds, or has two `page_view` events, or a purchase.
    IS_ENGAGED = "is_engaged", boolean(|row| Some(row.summary.is_engaged())).required();
    /// Whether an event of the session came from a program rather than a person.
    IS_BOT = "is_bot", boolean(|row| Some(row.summary.is_bot)).required();
    /// Whether no event of the session carried the id of a user who was signed in.
    IS_ANONYMOUS = "is_anonymous", boolean(|row| Some(row.summary.is_anonymous)).required();
    /// Whether the watermark has passed the end of the session by more than the inactivity timeout, as of the last time
    /// that the row was written. A late event can still change a final session.
    IS_FINAL = "is_final", boolean(|row| Some(row.summary.is_final(row.stamp.final_before))).required();
    /// When the row was written.
    LAST_UPDATED = "last_updated", timestamp(|row| Some(row.stamp.last_updated)).required();
    /// Whether the session is larger than its bounds. Lists, `unique_page_views` and `products` then leave out what is
    /// beyond them.
    IS_TRUNCATED = "is_truncated", boolean(|row| Some(row.summary.is_truncated)).required();
    /// Whether the session has more events than it remembers event keys: a duplicate of one of the others would count
    /// again.
    DUPLICATES_UNCHECKED = "duplicates_unchecked", boolean(|row| Some(row.summary.duplicates_unchecked)).required();
    /// State, not for reports: the events of the session, from which all other columns follow.
    STATE = "state", binary(|row| Some(row.state.as_slice())).required();
    /// UTC date of the first event; the partition column.
    SESSION_DATE = "session_date", partition_date();
}

/// The members of an element of `products`.
pub mod product {
    use super::declare;
    use crate::columns::Column;
    use crate::gold::summary::ProductHour;

    declare! {
        ['a] ProductHour<'a>;

        /// Id of the product.
        PRODUCT_ID = "product_id", string(|product| Some(product.id)).required();
        /// The last known name of the product.
        NAME = "name", string(|product| product.name);
        /// The last known brand, of events with this product only.
        BRAND = "brand", string(|product| product.brand);
        /// The last known category, of events with this product only.
        CATEGORY = "category", string(|product| product.category);
        /// Hours since the epoch.
        HOUR = "hour", long(|product| Some(product.hour)).required();
        /// Number of `page_view` events that name the product.
        VIEWS = "views", long(|product| Some(product.views)).required();
        /// Number of `add_to_cart` events that name the product.
        ADDS = "adds", long(|product| Some(product.adds)).required();
        /// Number of `remove_from_cart` events that name the product.
        REMOVES = "removes", long(|product| Some(product.removes)).required();
        /// Number of purchases of the product.
        PURCHASES = "purchases", long(|product| Some(product.purchases)).required();
        /// Number of pieces bought.
        UNITS = "units", long(|product| Some(product.units)).required();
        /// What these pieces cost, in the currency of the session, as far as it is known.
        VALUE = "value", money(|product| product.value);
    }

    pub fn members<'a>() -> Vec<Column<ProductHour<'a>>> {
        declared()
    }
}

pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    declared()
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns()).rewritten()
}

fn list<'r>(values: &'r [&str]) -> Option<Vec<Option<&'r str>>> {
    Some(values.iter().copied().map(Some).collect())
}

fn products(rows: &[Row]) -> Lists {
    Lists::of(&product::members(), rows.iter().map(|row| row.summary.products.clone()))
}
