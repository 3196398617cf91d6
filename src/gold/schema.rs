//! The columns of `gold/sessions`: one row for each session.
//!
//! Says what each column means and how its value follows from a session. Knows no file and no log.

use super::session::Session;
use super::session_event::Attribute;
use crate::columns::{Column, ColumnError, TableSpec, declare};
use crate::event::time::Timestamp;
use std::collections::BTreeSet;

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
    session: &'a Session,
    stamp: Stamp,
    state: String,
}

impl<'a> Row<'a> {
    pub fn of(session: &'a Session, stamp: Stamp) -> Result<Self, ColumnError> {
        let state = serde_json::to_string(&session.state).map_err(|error| ColumnError {
            attempt: "write the state of a session",
            table: TABLE,
            detail: error.to_string(),
        })?;
        Ok(Row { session, stamp, state })
    }
}

declare! {
    ['a] Row<'a>;

    /// Id of the visitor.
    USER_ID = "user_id", string(|row| Some(row.session.key.user_id.as_str())).required();
    /// Id that the producer gave. A pause longer than the inactivity timeout divides its events into several sessions.
    SESSION_ID = "session_id", string(|row| Some(row.session.key.session_id.as_str())).required();
    /// Event time of the first event.
    SESSION_START_TIME = "session_start_time", timestamp(|row| Some(row.session.start)).required().with_statistics();
    /// Event time of the last event.
    SESSION_END_TIME = "session_end_time", timestamp(|row| Some(row.session.end)).required().with_statistics();
    /// From the first event to the last, in seconds.
    SESSION_DURATION_SECONDS = "session_duration_seconds",
        double(|row| Some(row.session.duration().as_seconds_f64())).required();
    /// Number of events, not of products; a duplicate counts once.
    TOTAL_EVENTS = "total_events", long(|row| Some(row.session.total_events)).required();
    /// Number of distinct page addresses.
    UNIQUE_PAGE_VIEWS = "unique_page_views", long(|row| Some(row.session.state.page_urls.len() as i64)).required();
    /// Number of `add_to_cart` events.
    ADD_TO_CART_COUNT = "add_to_cart_count", long(|row| Some(row.session.counts.add_to_cart)).required();
    /// Number of `remove_from_cart` events.
    REMOVE_FROM_CART_COUNT = "remove_from_cart_count", long(|row| Some(row.session.counts.remove_from_cart)).required();
    /// Number of `search` events.
    SEARCH_COUNT = "search_count", long(|row| Some(row.session.counts.search)).required();
    /// Number of `checkout` events.
    CHECKOUT_COUNT = "checkout_count", long(|row| Some(row.session.counts.checkout)).required();
    /// Number of purchases; those with the same transaction id count once.
    PURCHASE_COUNT = "purchase_count", long(|row| Some(row.session.purchase_count())).required();
    /// Sum of the values of the purchases, in the unit of the currency; of those with the same transaction id, the
    /// first.
    TOTAL_PURCHASE_VALUE = "total_purchase_value", money(|row| Some(row.session.total_purchase_value())).required();
    /// Distinct product ids over all events, sorted.
    PRODUCT_IDS_VIEWED = "product_ids_viewed", strings(|row| distinct(&row.session.products.ids)).required();
    /// Distinct product names over all events, sorted.
    PRODUCT_NAMES_VIEWED = "product_names_viewed", strings(|row| distinct(&row.session.products.names)).required();
    /// Distinct product brands over all events, sorted.
    PRODUCT_BRANDS_VIEWED = "product_brands_viewed", strings(|row| distinct(&row.session.products.brands)).required();
    /// Distinct product categories over all events, sorted.
    PRODUCT_CATEGORIES_VIEWED = "product_categories_viewed",
        strings(|row| distinct(&row.session.products.categories)).required();
    /// Address of the first page.
    LANDING_PAGE = "landing_page", string(|row| row.session.landing_page());
    /// Address of the last page.
    EXIT_PAGE = "exit_page", string(|row| row.session.exit_page());
    /// Name of the browser, of the first event that has one.
    BROWSER = "browser", string(|row| row.session.first_known(Attribute::Browser));
    /// Name of the operating system, of the first event that has one.
    OS = "os", string(|row| row.session.first_known(Attribute::Os));
    /// Kind of device, of the first event that has one.
    DEVICE_TYPE = "device_type", string(|row| row.session.first_known(Attribute::DeviceType));
    /// Country, of the first event that has one.
    GEO_COUNTRY = "geo_country", string(|row| row.session.first_known(Attribute::GeoCountry));
    /// City, of the first event that has one.
    GEO_CITY = "geo_city", string(|row| row.session.first_known(Attribute::GeoCity));
    /// Where the visitor came from, of the first event that says it.
    REFERRAL_SOURCE = "referral_source", string(|row| row.session.first_known(Attribute::ReferralSource));
    /// Whether something was put into the cart and nothing bought.
    CART_ABANDONED = "cart_abandoned", boolean(|row| Some(is_abandoned(row.session))).required();
    /// Whether the session is a single event.
    IS_BOUNCE = "is_bounce", boolean(|row| Some(row.session.total_events == 1)).required();
    /// Whether an event of the session came from a program rather than a person.
    IS_BOT = "is_bot", boolean(|row| Some(row.session.is_bot)).required();
    /// Whether the watermark has passed the end of the session by more than the inactivity timeout, as of the last time
    /// that the row was written. A late event can still change a final session.
    IS_FINAL = "is_final", boolean(|row| Some(row.session.is_final(row.stamp.final_before))).required();
    /// When the row was written.
    LAST_UPDATED = "last_updated", timestamp(|row| Some(row.stamp.last_updated)).required();
    /// Whether the session has more events than it keeps event keys: a duplicate of one of the others would count
    /// again.
    DUPLICATES_UNCHECKED = "duplicates_unchecked", boolean(|row| Some(row.session.duplicates_unchecked)).required();
    /// State, not for reports: the event keys of the events counted so far, sorted.
    EVENT_KEYS = "event_keys", longs(|row| event_keys(row.session)).required();
    /// State, not for reports: what is needed to count further events and is not in the other columns, as JSON.
    STATE = "state", string(|row| Some(row.state.as_str())).required();
    /// UTC date of the first event; the partition column.
    SESSION_DATE = "session_date", partition_date();
}

pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    declared()
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns()).rewritten()
}

fn event_keys(session: &Session) -> Vec<i64> {
    session.event_keys.iter().map(|key| key.0).collect()
}

fn distinct(values: &BTreeSet<String>) -> Option<Vec<Option<&str>>> {
    Some(values.iter().map(|value| Some(value.as_str())).collect())
}

fn is_abandoned(session: &Session) -> bool {
    session.counts.add_to_cart > 0 && session.purchase_count() == 0
}
