//! The columns of `silver/events`: one row for each event and product. An event without products is one row.
//!
//! What belongs to the event stands on each of its rows; to count events, take the rows with `product_index` 0.

use crate::lake::arrow::datatypes::{DataType, Schema};
use crate::lake::schema::{TableSpec, list, money, optional, required, timestamp};
use crate::lineage;
use std::sync::Arc;

pub const TABLE: &str = "silver/events";
pub const LAYER: &str = "silver";

pub const EVENT_ID: &str = "event_id";
/// 64 bits by which a reader recognises an event that a producer sent twice.
pub const EVENT_KEY: &str = "event_key";
pub const USER_ID: &str = "user_id";
pub const SESSION_ID: &str = "session_id";
pub const EVENT_TIME: &str = "event_time";
pub const EVENT_TYPE: &str = "event_type";
pub const PAGE_URL: &str = "page_url";
/// Host of an absolute URL, or the configured site domain; never empty.
pub const PAGE_DOMAIN: &str = "page_domain";
/// From 0; 0 also for an event without products.
pub const PRODUCT_INDEX: &str = "product_index";
/// 0 for an event without products.
pub const PRODUCT_COUNT: &str = "product_count";
pub const PRODUCT_ID: &str = "product_id";
pub const PRODUCT_NAME: &str = "product_name";
pub const PRODUCT_BRAND: &str = "product_brand";
pub const PRODUCT_CATEGORY: &str = "product_category";
/// Of this product; null where only the price of all together is known.
pub const PRODUCT_PRICE: &str = "product_price";
/// What the whole event is worth, on each of its rows: never sum it over rows.
pub const EVENT_VALUE: &str = "event_value";
/// Lists that could not be matched with the products, since their length is another.
pub const EVENT_NAMES: &str = "event_names";
pub const EVENT_BRANDS: &str = "event_brands";
pub const EVENT_CATEGORIES: &str = "event_categories";
pub const TRANSACTION_ID: &str = "transaction_id";
pub const BROWSER: &str = "browser";
pub const OS: &str = "os";
pub const DEVICE_TYPE: &str = "device_type";
pub const IS_BOT: &str = "is_bot";
pub const REFERRAL_SOURCE: &str = "referral_source";
pub const REFERRAL_DOMAIN: &str = "referral_domain";
pub const GEO_COUNTRY: &str = "geo_country";
pub const GEO_CITY: &str = "geo_city";
pub const IP_ADDRESS: &str = "ip_address";
pub const IS_NEW_USER: &str = "is_new_user";
pub const CART_SIZE: &str = "cart_size";

pub fn table() -> TableSpec {
    let mut fields = lineage::fields();
    fields.extend([
        optional(EVENT_ID, DataType::Utf8),
        required(EVENT_KEY, DataType::Int64),
        required(USER_ID, DataType::Utf8),
        required(SESSION_ID, DataType::Utf8),
        required(EVENT_TIME, timestamp()),
        required(EVENT_TYPE, DataType::Utf8),
        optional(PAGE_URL, DataType::Utf8),
        optional(PAGE_DOMAIN, DataType::Utf8),
        required(PRODUCT_INDEX, DataType::Int32),
        required(PRODUCT_COUNT, DataType::Int32),
        optional(PRODUCT_ID, DataType::Utf8),
        optional(PRODUCT_NAME, DataType::Utf8),
        optional(PRODUCT_BRAND, DataType::Utf8),
        optional(PRODUCT_CATEGORY, DataType::Utf8),
        optional(PRODUCT_PRICE, money()),
        optional(EVENT_VALUE, money()),
        optional(EVENT_NAMES, list(DataType::Utf8)),
        optional(EVENT_BRANDS, list(DataType::Utf8)),
        optional(EVENT_CATEGORIES, list(DataType::Utf8)),
        optional(TRANSACTION_ID, DataType::Utf8),
        optional(BROWSER, DataType::Utf8),
        optional(OS, DataType::Utf8),
        optional(DEVICE_TYPE, DataType::Utf8),
        required(IS_BOT, DataType::Boolean),
        optional(REFERRAL_SOURCE, DataType::Utf8),
        optional(REFERRAL_DOMAIN, DataType::Utf8),
        optional(GEO_COUNTRY, DataType::Utf8),
        optional(GEO_CITY, DataType::Utf8),
        optional(IP_ADDRESS, DataType::Utf8),
        optional(IS_NEW_USER, DataType::Boolean),
        optional(CART_SIZE, DataType::Int32),
    ]);
    fields.push(required(lineage::INGEST_DATE, DataType::Date32));
    TableSpec {
        name: TABLE,
        columns: Arc::new(Schema::new(fields)),
        partition_column: Some(lineage::INGEST_DATE),
        statistics_columns: &[lineage::SEQUENCE_NUMBER, EVENT_TIME],
    }
}
