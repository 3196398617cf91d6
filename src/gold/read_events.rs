//! Rows of silver become session events.
//!
//! Silver has a row for each product of an event. The rows of one event are those of one position, wherever they stand: another
//! engine may have sorted them by product or spread them over several files. Rows that follow each other as they were written
//! are the usual case and cost no lookup.

use super::session_event::{Attribute, Attributes, Content, Product, SessionEvent, SessionKey};
use crate::columns::{ColumnError, Rows};
use crate::event::ids::EventKey;
use crate::event::money::Money;
use crate::event::time::Timestamp;
use crate::lineage;
use crate::mutants::{self, Mutant};
use crate::silver::schema as silver;
use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use std::collections::{BTreeMap, HashMap};

/// The columns of silver that sessions are made from.
pub const COLUMNS: &[&str] = &[
    lineage::NAMESPACE,
    lineage::EVENT_HUB,
    lineage::CONSUMER_GROUP,
    lineage::PARTITION_ID,
    lineage::SOURCE_EPOCH,
    lineage::SEQUENCE_NUMBER,
    lineage::ENQUEUED_AT,
    silver::EVENT_KEY,
    silver::USER_ID,
    silver::IS_ANONYMOUS,
    silver::SESSION_ID,
    silver::EVENT_TIME,
    silver::EVENT_TYPE,
    silver::PAGE_URL,
    silver::PRODUCT_INDEX,
    silver::PRODUCT_COUNT,
    silver::PRODUCT_ID,
    silver::PRODUCT_NAME,
    silver::PRODUCT_BRAND,
    silver::PRODUCT_CATEGORY,
    silver::PRODUCT_PRICE,
    silver::QUANTITY,
    silver::EVENT_VALUE,
    silver::CURRENCY,
    silver::EVENT_NAMES,
    silver::EVENT_BRANDS,
    silver::EVENT_CATEGORIES,
    silver::TRANSACTION_ID,
    silver::BROWSER,
    silver::OS,
    silver::DEVICE_TYPE,
    silver::IS_BOT,
    silver::REFERRAL_SOURCE,
    silver::UTM_SOURCE,
    silver::UTM_MEDIUM,
    silver::UTM_CAMPAIGN,
    silver::UTM_TERM,
    silver::UTM_CONTENT,
    silver::GEO_COUNTRY,
    silver::GEO_CITY,
];

/// Where an event came from. Of two with the same content, that of the smaller position stands for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position<'a> {
    pub namespace: &'a str,
    pub event_hub: &'a str,
    pub partition_id: &'a str,
    pub sequence_number: i64,
    pub consumer_group: &'a str,
    pub source_epoch: i32,
}

/// An event as silver has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadEvent<'a> {
    pub key: SessionKey<'a>,
    pub position: Position<'a>,
    pub enqueued_at: Timestamp,
    pub event: SessionEvent<'a>,
}

/// A row whose event is not complete yet.
#[derive(Clone, Copy)]
struct Scattered {
    batch: usize,
    row: usize,
}

/// Collects the rows of several batches.
#[derive(Default)]
pub struct EventReader<'a> {
    batches: Vec<Columns<'a>>,
    complete: Vec<ReadEvent<'a>>,
    /// By product index. An event whose rows name different sessions is several events.
    scattered: HashMap<(SessionKey<'a>, Position<'a>), BTreeMap<i32, Scattered>>,
}

impl<'a> EventReader<'a> {
    /// Adds the rows of `batch`.
    pub fn read(&mut self, batch: &'a RecordBatch) -> Result<(), ColumnError> {
        self.batches.push(Columns::of(batch)?);
        let at = self.batches.len() - 1;
        let mut row = 0;
        while row < batch.num_rows() {
            let columns = &self.batches[at];
            let rows = columns.rows_in_place(row, batch.num_rows());
            let key = columns.key(row)?;
            match rows {
                Some(rows) => {
                    let mut products = Vec::with_capacity(columns.product_count.value(row).max(0) as usize);
                    products.extend((row..row + rows).filter_map(|row| columns.product(row)));
                    let event = columns.event(key, row, products.into());
                    self.complete.push(event);
                }
                None => self.scatter(key, Scattered { batch: at, row }),
            }
            row += rows.unwrap_or(1);
        }
        Ok(())
    }

    fn scatter(&mut self, key: SessionKey<'a>, place: Scattered) {
        let columns = &self.batches[place.batch];
        let (index, count) = (columns.product_index.value(place.row), columns.product_count.value(place.row));
        let event = (key, columns.position(place.row));
        let rows = self.scattered.entry(event).or_default();
        rows.insert(index, place);
        if rows.len() >= count.max(1) as usize {
            let rows = self.scattered.remove(&event).unwrap_or_default();
            self.complete.extend(self.assembled(key, &rows));
        }
    }

    fn assembled(&self, key: SessionKey<'a>, rows: &BTreeMap<i32, Scattered>) -> Option<ReadEvent<'a>> {
        let products = rows.values().filter_map(|place| self.batches[place.batch].product(place.row)).collect();
        let first = rows.values().next()?;
        Some(self.batches[first.batch].event(key, first.row, products))
    }

    /// The session keys of events of which not all rows were read.
    pub fn incomplete(&self) -> impl Iterator<Item = SessionKey<'a>> {
        self.scattered.keys().map(|(key, _)| *key)
    }

    /// The complete events.
    pub fn into_complete(self) -> Vec<ReadEvent<'a>> {
        self.complete
    }

    /// All events. One of which rows are missing has the rows that are there: nothing else is left of it.
    pub fn into_all(mut self) -> Vec<ReadEvent<'a>> {
        let scattered = std::mem::take(&mut self.scattered);
        let rest: Vec<_> = scattered.iter().filter_map(|((key, _), rows)| self.assembled(*key, rows)).collect();
        self.complete.extend(rest);
        self.complete
    }
}

struct Columns<'a> {
    namespace: &'a StringArray,
    event_hub: &'a StringArray,
    consumer_group: &'a StringArray,
    partition_id: &'a StringArray,
    source_epoch: &'a Int32Array,
    sequence_number: &'a Int64Array,
    enqueued_at: &'a TimestampMicrosecondArray,
    event_key: &'a Int64Array,
    user_id: &'a StringArray,
    is_anonymous: &'a BooleanArray,
    session_id: &'a StringArray,
    event_time: &'a TimestampMicrosecondArray,
    event_type: &'a StringArray,
    page_url: &'a StringArray,
    product_index: &'a Int32Array,
    product_count: &'a Int32Array,
    product_id: &'a StringArray,
    product_name: &'a StringArray,
    product_brand: &'a StringArray,
    product_category: &'a StringArray,
    product_price: &'a Decimal128Array,
    quantity: &'a Int32Array,
    event_value: &'a Decimal128Array,
    currency: &'a StringArray,
    event_names: &'a ListArray,
    event_brands: &'a ListArray,
    event_categories: &'a ListArray,
    transaction_id: &'a StringArray,
    is_bot: &'a BooleanArray,
    attributes: [&'a StringArray; Attribute::COUNT],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ColumnError> {
        let rows = Rows::of(silver::TABLE, batch);
        let attributes: Vec<_> =
            Attribute::ALL.into_iter().map(|attribute| rows.column(attribute.column())).collect::<Result<_, _>>()?;
        Ok(Columns {
            namespace: rows.column(lineage::NAMESPACE)?,
            event_hub: rows.column(lineage::EVENT_HUB)?,
            consumer_group: rows.column(lineage::CONSUMER_GROUP)?,
            partition_id: rows.column(lineage::PARTITION_ID)?,
            source_epoch: rows.column(lineage::SOURCE_EPOCH)?,
            sequence_number: rows.column(lineage::SEQUENCE_NUMBER)?,
            enqueued_at: rows.column(lineage::ENQUEUED_AT)?,
            event_key: rows.column(silver::EVENT_KEY)?,
            user_id: rows.column(silver::USER_ID)?,
            is_anonymous: rows.column(silver::IS_ANONYMOUS)?,
            session_id: rows.column(silver::SESSION_ID)?,
            event_time: rows.column(silver::EVENT_TIME)?,
            event_type: rows.column(silver::EVENT_TYPE)?,
            page_url: rows.column(silver::PAGE_URL)?,
            product_index: rows.column(silver::PRODUCT_INDEX)?,
            product_count: rows.column(silver::PRODUCT_COUNT)?,
            product_id: rows.column(silver::PRODUCT_ID)?,
            product_name: rows.column(silver::PRODUCT_NAME)?,
            product_brand: rows.column(silver::PRODUCT_BRAND)?,
            product_category: rows.column(silver::PRODUCT_CATEGORY)?,
            product_price: rows.column(silver::PRODUCT_PRICE)?,
            quantity: rows.column(silver::QUANTITY)?,
            event_value: rows.column(silver::EVENT_VALUE)?,
            currency: rows.column(silver::CURRENCY)?,
            event_names: rows.column(silver::EVENT_NAMES)?,
            event_brands: rows.column(silver::EVENT_BRANDS)?,
            event_categories: rows.column(silver::EVENT_CATEGORIES)?,
            transaction_id: rows.column(silver::TRANSACTION_ID)?,
            is_bot: rows.column(silver::IS_BOT)?,
            attributes: std::array::from_fn(|attribute| attributes[attribute]),
        })
    }

    /// How many rows the event at `row` has, if they follow each other as they were written.
    fn rows_in_place(&self, row: usize, end: usize) -> Option<usize> {
        let count = self.product_count.value(row).max(1) as usize;
        let follows = |next: usize| {
            mutants::is(Mutant::RowsByAdjacency)
                || (self.product_index.value(next) as usize == next - row
                    && self.sequence_number.value(next) == self.sequence_number.value(row)
                    && self.position(next) == self.position(row)
                    && self.user_id.value(next) == self.user_id.value(row)
                    && self.session_id.value(next) == self.session_id.value(row))
        };
        let is_first = self.product_index.value(row) == 0 || mutants::is(Mutant::RowsByAdjacency);
        let in_place = is_first && row + count <= end && (row + 1..row + count).all(follows);
        in_place.then_some(count)
    }

    fn position(&self, row: usize) -> Position<'a> {
        Position {
            namespace: self.namespace.value(row),
            event_hub: self.event_hub.value(row),
            partition_id: self.partition_id.value(row),
            sequence_number: self.sequence_number.value(row),
            consumer_group: self.consumer_group.value(row),
            source_epoch: self.source_epoch.value(row),
        }
    }

    fn key(&self, row: usize) -> Result<SessionKey<'a>, ColumnError> {
        SessionKey::new(self.user_id.value(row), self.session_id.value(row)).ok_or_else(|| ColumnError {
            attempt: "read rows",
            table: silver::TABLE,
            detail: format!("an id is empty in row {row}"),
        })
    }

    fn event(&self, key: SessionKey<'a>, row: usize, products: Box<[Product<'a>]>) -> ReadEvent<'a> {
        let content = Content {
            page_url: text(self.page_url, row),
            event_type: self.event_type.value(row),
            value: money(self.event_value, row),
            currency: text(self.currency, row),
            transaction_id: text(self.transaction_id, row),
            is_anonymous: self.is_anonymous.value(row),
            event_names: texts(self.event_names, row),
            event_brands: texts(self.event_brands, row),
            event_categories: texts(self.event_categories, row),
            attributes: Attributes(self.attributes.map(|values| text(values, row))),
            is_bot: self.is_bot.value(row),
            products,
        };
        ReadEvent {
            key,
            position: self.position(row),
            enqueued_at: Timestamp(self.enqueued_at.value(row)),
            event: SessionEvent {
                key: EventKey(self.event_key.value(row)),
                at: Timestamp(self.event_time.value(row)),
                content,
            },
        }
    }

    /// `None` where the row says nothing of a product.
    fn product(&self, row: usize) -> Option<Product<'a>> {
        let product = Product {
            id: text(self.product_id, row),
            name: text(self.product_name, row),
            brand: text(self.product_brand, row),
            category: text(self.product_category, row),
            price: money(self.product_price, row),
            quantity: self.quantity.is_valid(row).then(|| self.quantity.value(row)),
        };
        (product != Product::default()).then_some(product)
    }
}

fn text(values: &StringArray, row: usize) -> Option<&str> {
    values.is_valid(row).then(|| values.value(row))
}

fn money(values: &Decimal128Array, row: usize) -> Option<Money> {
    values.is_valid(row).then(|| Money(values.value(row) as i64))
}

/// The elements that are not null; of no list, none.
fn texts(lists: &ListArray, row: usize) -> Box<[&str]> {
    if lists.is_null(row) {
        return Box::default();
    }
    let offsets = lists.value_offsets();
    let elements = lists.values().as_string::<i32>();
    (offsets[row] as usize..offsets[row + 1] as usize).filter_map(|element| text(elements, element)).collect()
}
