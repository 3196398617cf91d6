//! A session event: what one event contributes to its session, read from silver's rows.
//!
//! Silver has a row for each product of an event; here an event is one value again, whatever number of products it has.

use crate::event::ids::{EventKey, SessionId, UserId};
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use crate::silver::schema as silver;

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
    /// An error where one of them is empty: no version of ours has written such a row.
    pub fn of(user_id: &str, session_id: &str) -> Result<Self, LakeError> {
        let key = UserId::new(user_id).zip(SessionId::new(session_id));
        let (user_id, session_id) = key.ok_or_else(|| LakeError::Internal {
            attempt: "read a row",
            table: String::new(),
            detail: format!("an id is empty: user `{user_id}`, session `{session_id}`"),
        })?;
        Ok(SessionKey { user_id, session_id })
    }
}

/// Where an event stands among the events of its session: by event time, then page, then event key. The order is total, so
/// "first" and "last" mean the same in whatever order the events arrive. Stored as JSON in gold's `state`.
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
) -> Result<(), LakeError> {
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
    fn of(batch: &'a RecordBatch) -> Result<Self, LakeError> {
        let attribute = |attribute: Attribute| Ok((attribute, column::<StringArray>(batch, attribute.column())?));
        Ok(Columns {
            event_key: column(batch, silver::EVENT_KEY)?,
            user_id: column(batch, silver::USER_ID)?,
            session_id: column(batch, silver::SESSION_ID)?,
            event_time: column(batch, silver::EVENT_TIME)?,
            event_type: column(batch, silver::EVENT_TYPE)?,
            page_url: column(batch, silver::PAGE_URL)?,
            product_index: column(batch, silver::PRODUCT_INDEX)?,
            product_id: column(batch, silver::PRODUCT_ID)?,
            product_name: column(batch, silver::PRODUCT_NAME)?,
            product_brand: column(batch, silver::PRODUCT_BRAND)?,
            product_category: column(batch, silver::PRODUCT_CATEGORY)?,
            event_value: column(batch, silver::EVENT_VALUE)?,
            event_names: column(batch, silver::EVENT_NAMES)?,
            event_brands: column(batch, silver::EVENT_BRANDS)?,
            event_categories: column(batch, silver::EVENT_CATEGORIES)?,
            transaction_id: column(batch, silver::TRANSACTION_ID)?,
            is_bot: column(batch, silver::IS_BOT)?,
            attributes: Attribute::ALL.into_iter().map(attribute).collect::<Result<_, LakeError>>()?,
        })
    }

    fn event(&self, row: usize) -> Result<SessionEvent, LakeError> {
        let value = self.event_value.is_valid(row).then(|| Money(self.event_value.value(row) as i64));
        let attributes = self.attributes.iter().filter_map(|(name, values)| Some((*name, text(values, row)?)));
        Ok(SessionEvent {
            key: SessionKey::of(self.user_id.value(row), self.session_id.value(row))?,
            order: EventOrder {
                at: Timestamp(self.event_time.value(row)),
                page_url: text(self.page_url, row),
                event_key: EventKey(self.event_key.value(row)),
            },
            event_type: self.event_type.value(row).to_owned(),
            value,
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

/// A column by name, of the type that the schema gives it.
pub(super) fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T, LakeError> {
    batch.column_by_name(name).and_then(|array| array.as_any().downcast_ref()).ok_or_else(|| LakeError::Internal {
        attempt: "read a column",
        table: String::new(),
        detail: format!("column `{name}` is missing or of another type"),
    })
}

pub(super) fn text(values: &StringArray, row: usize) -> Option<String> {
    values.is_valid(row).then(|| values.value(row).to_owned())
}

pub(super) fn texts(lists: &ListArray, row: usize) -> Vec<String> {
    if lists.is_null(row) {
        return Vec::new();
    }
    let values = lists.value(row);
    values.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}
