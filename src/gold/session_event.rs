//! A session event: what one event contributes to its session, read from silver's rows.
//!
//! Silver has a row for each product of an event; here an event is one value again, whatever number of products it has.

use crate::columns::read::{money, text, texts};
use crate::columns::{ColumnError, Rows};
use crate::event::ids::{EventKey, SessionId, UserId};
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::silver::schema as silver;
use arrow::array::{
    BooleanArray, Decimal128Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

/// The columns of silver that sessions are made from.
pub const COLUMNS: &[&str] = &[
    silver::EVENT_KEY,
    silver::USER_ID,
    silver::SESSION_ID,
    silver::EVENT_TIME,
    silver::EVENT_TYPE,
    silver::PAGE_URL,
    silver::PRODUCT_INDEX,
    silver::PRODUCT_ID,
    silver::PRODUCT_NAME,
    silver::PRODUCT_BRAND,
    silver::PRODUCT_CATEGORY,
    silver::EVENT_VALUE,
    silver::EVENT_NAMES,
    silver::EVENT_BRANDS,
    silver::EVENT_CATEGORIES,
    silver::TRANSACTION_ID,
    silver::BROWSER,
    silver::OS,
    silver::DEVICE_TYPE,
    silver::IS_BOT,
    silver::REFERRAL_SOURCE,
    silver::GEO_COUNTRY,
    silver::GEO_CITY,
];

/// Which events may share a session: those with the same user id and the same session id of the producer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl SessionKey {
    /// `None` where one of them is empty.
    pub fn new(user_id: &str, session_id: &str) -> Option<Self> {
        Some(SessionKey { user_id: UserId::new(user_id)?, session_id: SessionId::new(session_id)? })
    }
}

/// Where an event stands among the events of its session: by event time, then page, then event key. The order is total,
/// so "first" and "last" mean the same in whatever order the events arrive. Stored as JSON in gold's `state`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct EventOrder {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    #[serde(rename = "key")]
    pub event_key: EventKey,
}

/// Attributes of which a session shows the first known value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    Browser,
    Os,
    DeviceType,
    GeoCountry,
    GeoCity,
    ReferralSource,
}

impl Attribute {
    pub const ALL: [Attribute; 6] = [
        Attribute::Browser,
        Attribute::Os,
        Attribute::DeviceType,
        Attribute::GeoCountry,
        Attribute::GeoCity,
        Attribute::ReferralSource,
    ];

    fn column(self) -> &'static str {
        match self {
            Attribute::Browser => silver::BROWSER,
            Attribute::Os => silver::OS,
            Attribute::DeviceType => silver::DEVICE_TYPE,
            Attribute::GeoCountry => silver::GEO_COUNTRY,
            Attribute::GeoCity => silver::GEO_CITY,
            Attribute::ReferralSource => silver::REFERRAL_SOURCE,
        }
    }
}

/// One event as its session counts it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionEvent {
    pub key: SessionKey,
    pub order: EventOrder,
    pub event_type: String,
    pub value: Option<Money>,
    pub transaction_id: Option<String>,
    pub product_ids: Vec<String>,
    pub product_names: Vec<String>,
    pub product_brands: Vec<String>,
    pub product_categories: Vec<String>,
    pub attributes: Vec<(Attribute, String)>,
    pub is_bot: bool,
}

impl SessionEvent {
    pub fn at(&self) -> Timestamp {
        self.order.at
    }

    pub fn event_key(&self) -> EventKey {
        self.order.event_key
    }
}

/// Appends to `events` those in `batch` whose user id and session id `wanted` accepts. The rows of an event follow each
/// other; the first one has product index 0.
pub fn read(
    batch: &RecordBatch,
    wanted: impl Fn(&str, &str) -> bool,
    events: &mut Vec<SessionEvent>,
) -> Result<(), ColumnError> {
    let columns = Columns::of(batch)?;
    let mut current_wanted = false;
    for row in 0..batch.num_rows() {
        if columns.product_index.value(row) == 0 {
            current_wanted = wanted(columns.user_id.value(row), columns.session_id.value(row));
            if current_wanted {
                events.push(columns.event(row)?);
            }
        }
        if let (true, Some(event)) = (current_wanted, events.last_mut()) {
            columns.add_product(row, event);
        }
    }
    Ok(())
}

struct Columns<'a> {
    event_key: &'a Int64Array,
    user_id: &'a StringArray,
    session_id: &'a StringArray,
    event_time: &'a TimestampMicrosecondArray,
    event_type: &'a StringArray,
    page_url: &'a StringArray,
    product_index: &'a Int32Array,
    product_id: &'a StringArray,
    product_name: &'a StringArray,
    product_brand: &'a StringArray,
    product_category: &'a StringArray,
    event_value: &'a Decimal128Array,
    event_names: &'a ListArray,
    event_brands: &'a ListArray,
    event_categories: &'a ListArray,
    transaction_id: &'a StringArray,
    is_bot: &'a BooleanArray,
    attributes: Vec<(Attribute, &'a StringArray)>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ColumnError> {
        let rows = Rows::of(silver::TABLE, batch);
        let attribute = |attribute: Attribute| Ok((attribute, rows.column::<StringArray>(attribute.column())?));
        Ok(Columns {
            event_key: rows.column(silver::EVENT_KEY)?,
            user_id: rows.column(silver::USER_ID)?,
            session_id: rows.column(silver::SESSION_ID)?,
            event_time: rows.column(silver::EVENT_TIME)?,
            event_type: rows.column(silver::EVENT_TYPE)?,
            page_url: rows.column(silver::PAGE_URL)?,
            product_index: rows.column(silver::PRODUCT_INDEX)?,
            product_id: rows.column(silver::PRODUCT_ID)?,
            product_name: rows.column(silver::PRODUCT_NAME)?,
            product_brand: rows.column(silver::PRODUCT_BRAND)?,
            product_category: rows.column(silver::PRODUCT_CATEGORY)?,
            event_value: rows.column(silver::EVENT_VALUE)?,
            event_names: rows.column(silver::EVENT_NAMES)?,
            event_brands: rows.column(silver::EVENT_BRANDS)?,
            event_categories: rows.column(silver::EVENT_CATEGORIES)?,
            transaction_id: rows.column(silver::TRANSACTION_ID)?,
            is_bot: rows.column(silver::IS_BOT)?,
            attributes: Attribute::ALL.into_iter().map(attribute).collect::<Result<_, ColumnError>>()?,
        })
    }

    fn event(&self, row: usize) -> Result<SessionEvent, ColumnError> {
        let attributes = self.attributes.iter().filter_map(|(name, values)| Some((*name, text(values, row)?)));
        let key = SessionKey::new(self.user_id.value(row), self.session_id.value(row)).ok_or_else(|| ColumnError {
            attempt: "read rows",
            table: silver::TABLE,
            detail: format!("an id is empty in row {row}"),
        })?;
        Ok(SessionEvent {
            key,
            order: EventOrder {
                at: Timestamp(self.event_time.value(row)),
                page_url: text(self.page_url, row),
                event_key: EventKey(self.event_key.value(row)),
            },
            event_type: self.event_type.value(row).to_owned(),
            value: money(self.event_value, row),
            transaction_id: text(self.transaction_id, row),
            product_ids: Vec::new(),
            product_names: texts(self.event_names, row),
            product_brands: texts(self.event_brands, row),
            product_categories: texts(self.event_categories, row),
            attributes: attributes.collect(),
            is_bot: self.is_bot.value(row),
        })
    }

    fn add_product(&self, row: usize, event: &mut SessionEvent) {
        event.product_ids.extend(text(self.product_id, row));
        event.product_names.extend(text(self.product_name, row));
        event.product_brands.extend(text(self.product_brand, row));
        event.product_categories.extend(text(self.product_category, row));
    }
}
