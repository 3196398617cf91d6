//! The columns of `gold/sessions`: one row a session.

use crate::lake::arrow::datatypes::{DataType, Schema};
use crate::lake::schema::{TableSpec, list, money, optional, required, timestamp};
use std::sync::Arc;

pub const TABLE: &str = "gold/sessions";

pub const USER_ID: &str = "user_id";
pub const SESSION_ID: &str = "session_id";
pub const SESSION_START_TIME: &str = "session_start_time";
pub const SESSION_END_TIME: &str = "session_end_time";
pub const SESSION_DURATION_SECONDS: &str = "session_duration_seconds";
/// Events, not products; a duplicate counts once.
pub const TOTAL_EVENTS: &str = "total_events";
/// Distinct page URLs.
pub const UNIQUE_PAGE_VIEWS: &str = "unique_page_views";
pub const ADD_TO_CART_COUNT: &str = "add_to_cart_count";
pub const REMOVE_FROM_CART_COUNT: &str = "remove_from_cart_count";
pub const SEARCH_COUNT: &str = "search_count";
pub const CHECKOUT_COUNT: &str = "checkout_count";
/// Purchases; those with the same transaction id are one.
pub const PURCHASE_COUNT: &str = "purchase_count";
pub const TOTAL_PURCHASE_VALUE: &str = "total_purchase_value";
pub const PRODUCT_IDS_VIEWED: &str = "product_ids_viewed";
pub const PRODUCT_NAMES_VIEWED: &str = "product_names_viewed";
pub const PRODUCT_BRANDS_VIEWED: &str = "product_brands_viewed";
pub const PRODUCT_CATEGORIES_VIEWED: &str = "product_categories_viewed";
pub const LANDING_PAGE: &str = "landing_page";
pub const EXIT_PAGE: &str = "exit_page";
pub const BROWSER: &str = "browser";
pub const OS: &str = "os";
pub const DEVICE_TYPE: &str = "device_type";
pub const GEO_COUNTRY: &str = "geo_country";
pub const GEO_CITY: &str = "geo_city";
pub const REFERRAL_SOURCE: &str = "referral_source";
/// Something was put into the cart and nothing bought.
pub const CART_ABANDONED: &str = "cart_abandoned";
/// The session is a single event.
pub const IS_BOUNCE: &str = "is_bounce";
/// An event of the session came from a bot.
pub const IS_BOT: &str = "is_bot";
/// The watermark has passed the session's end by the inactivity timeout. A late event may still correct it.
pub const IS_FINAL: &str = "is_final";
pub const LAST_UPDATED: &str = "last_updated";
/// More events than event keys are kept: a duplicate of one of the others would be counted again.
pub const DUPLICATES_UNCHECKED: &str = "duplicates_unchecked";
/// State: the sorted keys of the events already counted.
pub const EVENT_KEYS: &str = "event_keys";
/// State: what is needed to go on counting and cannot be read off the other columns. JSON, see `session::State`.
pub const STATE: &str = "state";
/// UTC date of the first event; the partition column.
pub const SESSION_DATE: &str = "session_date";

pub fn table() -> TableSpec {
    let count = |name| required(name, DataType::Int64);
    let text = |name| optional(name, DataType::Utf8);
    let flag = |name| required(name, DataType::Boolean);
    let texts = |name| required(name, list(DataType::Utf8));
    let fields = vec![
        required(USER_ID, DataType::Utf8),
        required(SESSION_ID, DataType::Utf8),
        required(SESSION_START_TIME, timestamp()),
        required(SESSION_END_TIME, timestamp()),
        required(SESSION_DURATION_SECONDS, DataType::Float64),
        count(TOTAL_EVENTS),
        count(UNIQUE_PAGE_VIEWS),
        count(ADD_TO_CART_COUNT),
        count(REMOVE_FROM_CART_COUNT),
        count(SEARCH_COUNT),
        count(CHECKOUT_COUNT),
        count(PURCHASE_COUNT),
        required(TOTAL_PURCHASE_VALUE, money()),
        texts(PRODUCT_IDS_VIEWED),
        texts(PRODUCT_NAMES_VIEWED),
        texts(PRODUCT_BRANDS_VIEWED),
        texts(PRODUCT_CATEGORIES_VIEWED),
        text(LANDING_PAGE),
        text(EXIT_PAGE),
        text(BROWSER),
        text(OS),
        text(DEVICE_TYPE),
        text(GEO_COUNTRY),
        text(GEO_CITY),
        text(REFERRAL_SOURCE),
        flag(CART_ABANDONED),
        flag(IS_BOUNCE),
        flag(IS_BOT),
        flag(IS_FINAL),
        required(LAST_UPDATED, timestamp()),
        flag(DUPLICATES_UNCHECKED),
        required(EVENT_KEYS, list(DataType::Int64)),
        required(STATE, DataType::Utf8),
        required(SESSION_DATE, DataType::Date32),
    ];
    TableSpec {
        name: TABLE,
        columns: Arc::new(Schema::new(fields)),
        partition_column: Some(SESSION_DATE),
        statistics_columns: &[SESSION_START_TIME, SESSION_END_TIME],
    }
}
