//! Sessions as rows of gold, and rows of gold as sessions.

use super::schema::{self, IS_FINAL, Row, Stamp};
use super::session::{Counts, Products, Session};
use super::session_event::SessionKey;
use crate::columns::read::{text, texts};
use crate::columns::{ColumnError, Rows};
use crate::event::ids::EventKey;
use crate::event::time::Timestamp;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use std::sync::Arc;

pub fn to_rows(sessions: &[Session], stamp: Stamp) -> Result<RecordBatch, ColumnError> {
    let rows = sessions.iter().map(|session| Row::of(session, stamp)).collect::<Result<Vec<_>, _>>()?;
    schema::table().record_batch(&schema::columns(), &rows)
}

/// `rows` as they would be written at `stamp`. They hold sessions that have not changed, so only `is_final` can differ.
pub(super) fn with_finality(rows: &RecordBatch, stamp: Stamp) -> Result<RecordBatch, ColumnError> {
    let ends: &TimestampMicrosecondArray = Rows::of(schema::TABLE, rows).column(schema::SESSION_END_TIME)?;
    let finals: BooleanArray = ends.values().iter().map(|&end| Some(Timestamp(end) < stamp.final_before)).collect();
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, values)| match field.name() == IS_FINAL {
        true => Arc::new(finals.clone()) as ArrayRef,
        false => values.clone(),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).map_err(|source| error(source.to_string()))
}

/// The sessions in `rows` whose key `wanted` accepts, each with the index of its row.
pub fn from_rows(
    rows: &RecordBatch,
    wanted: impl Fn(&SessionKey) -> bool,
) -> Result<Vec<(usize, Session)>, ColumnError> {
    let rows = Rows::of(schema::TABLE, rows);
    let user_ids: &StringArray = rows.column(schema::USER_ID)?;
    let session_ids: &StringArray = rows.column(schema::SESSION_ID)?;
    let stored = Stored::of(&rows)?;
    let mut found = Vec::new();
    for row in 0..user_ids.len() {
        let key = SessionKey::new(user_ids.value(row), session_ids.value(row));
        let key = key.ok_or_else(|| error("an id is empty".to_owned()))?;
        if wanted(&key) {
            found.push((row, stored.session(key, row)?));
        }
    }
    Ok(found)
}

struct Stored<'a> {
    start: &'a TimestampMicrosecondArray,
    end: &'a TimestampMicrosecondArray,
    total_events: &'a Int64Array,
    counts: [&'a Int64Array; 4],
    products: [&'a ListArray; 4],
    is_bot: &'a BooleanArray,
    duplicates_unchecked: &'a BooleanArray,
    event_keys: &'a ListArray,
    state: &'a StringArray,
}

impl<'a> Stored<'a> {
    fn of(rows: &Rows<'a>) -> Result<Self, ColumnError> {
        Ok(Stored {
            start: rows.column(schema::SESSION_START_TIME)?,
            end: rows.column(schema::SESSION_END_TIME)?,
            total_events: rows.column(schema::TOTAL_EVENTS)?,
            counts: [
                rows.column(schema::ADD_TO_CART_COUNT)?,
                rows.column(schema::REMOVE_FROM_CART_COUNT)?,
                rows.column(schema::SEARCH_COUNT)?,
                rows.column(schema::CHECKOUT_COUNT)?,
            ],
            products: [
                rows.column(schema::PRODUCT_IDS_VIEWED)?,
                rows.column(schema::PRODUCT_NAMES_VIEWED)?,
                rows.column(schema::PRODUCT_BRANDS_VIEWED)?,
                rows.column(schema::PRODUCT_CATEGORIES_VIEWED)?,
            ],
            is_bot: rows.column(schema::IS_BOT)?,
            duplicates_unchecked: rows.column(schema::DUPLICATES_UNCHECKED)?,
            event_keys: rows.column(schema::EVENT_KEYS)?,
            state: rows.column(schema::STATE)?,
        })
    }

    fn session(&self, key: SessionKey, row: usize) -> Result<Session, ColumnError> {
        let [add_to_cart, remove_from_cart, search, checkout] = self.counts.map(|counts| counts.value(row));
        let [ids, names, brands, categories] = self.products.map(|lists| texts(lists, row).into_iter().collect());
        let state = text(self.state, row).unwrap_or_default();
        let event_keys = self.event_keys.value(row);
        let state = serde_json::from_str(&state).map_err(|source| error(format!("column `state`: {source}")))?;
        Ok(Session {
            key,
            start: Timestamp(self.start.value(row)),
            end: Timestamp(self.end.value(row)),
            total_events: self.total_events.value(row),
            counts: Counts { add_to_cart, remove_from_cart, search, checkout },
            products: Products { ids, names, brands, categories },
            is_bot: self.is_bot.value(row),
            event_keys: event_keys.as_primitive::<Int64Type>().values().iter().copied().map(EventKey).collect(),
            duplicates_unchecked: self.duplicates_unchecked.value(row),
            state,
        })
    }
}

fn error(detail: String) -> ColumnError {
    ColumnError { attempt: "read or write sessions", table: schema::TABLE, detail }
}
