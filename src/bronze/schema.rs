//! The columns of `bronze/events`.

use crate::lake::arrow::datatypes::{DataType, Schema};
use crate::lake::schema::{TableSpec, list, money, optional, required, timestamp};
use crate::lineage;
use std::sync::Arc;

pub const TABLE: &str = "bronze/events";
pub const LAYER: &str = "bronze";

/// The event as it came, byte for byte.
pub const BODY: &str = "body";
/// Reason and sentence, where the event was rejected.
pub const PARSE_ERROR: &str = "parse_error";
/// Members of the body that this version does not know.
pub const UNKNOWN_FIELDS: &str = "unknown_fields";
pub const EVENT_ID: &str = "event_id";
pub const USER_ID: &str = "user_id";
pub const SESSION_ID: &str = "session_id";
pub const EVENT_TIME: &str = "event_time";
pub const EVENT_TYPE: &str = "event_type";
pub const PAGE_URL: &str = "page_url";
pub const PRODUCT_ID: &str = "product_id";
pub const PRODUCT_NAME: &str = "product_name";
pub const PRODUCT_BRAND: &str = "product_brand";
/// What the event is worth in all, whichever shape the price came in.
pub const PRODUCT_PRICE: &str = "product_price";
pub const CATEGORY: &str = "category";
pub const TRANSACTION_ID: &str = "transaction_id";
pub const BROWSER: &str = "browser";
pub const OS: &str = "os";
pub const DEVICE_TYPE: &str = "device_type";
pub const REFERRAL_SOURCE: &str = "referral_source";
pub const GEO_COUNTRY: &str = "geo_country";
pub const GEO_CITY: &str = "geo_city";
pub const IP_ADDRESS: &str = "ip_address";
pub const IS_NEW_USER: &str = "is_new_user";
pub const CART_SIZE: &str = "cart_size";

pub fn table() -> TableSpec {
    let mut fields = lineage::fields();
    fields.extend([
        required(BODY, DataType::Binary),
        optional(PARSE_ERROR, DataType::Utf8),
        optional(UNKNOWN_FIELDS, DataType::Int32),
        optional(EVENT_ID, DataType::Utf8),
        optional(USER_ID, DataType::Utf8),
        optional(SESSION_ID, DataType::Utf8),
        optional(EVENT_TIME, timestamp()),
        optional(EVENT_TYPE, DataType::Utf8),
        optional(PAGE_URL, DataType::Utf8),
        optional(PRODUCT_ID, list(DataType::Utf8)),
        optional(PRODUCT_NAME, list(DataType::Utf8)),
        optional(PRODUCT_BRAND, list(DataType::Utf8)),
        optional(PRODUCT_PRICE, money()),
        optional(CATEGORY, DataType::Utf8),
        optional(TRANSACTION_ID, DataType::Utf8),
        optional(BROWSER, DataType::Utf8),
        optional(OS, DataType::Utf8),
        optional(DEVICE_TYPE, DataType::Utf8),
        optional(REFERRAL_SOURCE, DataType::Utf8),
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
        statistics_columns: &[lineage::SEQUENCE_NUMBER, lineage::ENQUEUED_AT, EVENT_TIME],
    }
}
