//! Sessions as rows of gold, and rows of gold as sessions.

use super::schema;
use super::session::{Counts, Products, Session};
use super::session_event::{Attribute, SessionKey, column, text, texts};
use crate::event::ids::EventKey;
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, Int64Builder, ListArray, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use crate::lake::arrow::datatypes::{DataType, Field, Int64Type};
use crate::lake::columns;
use crate::lake::schema::{LIST_ELEMENT, record_batch};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a row shows beyond its session. Both depend on when the row is written.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub last_updated: Timestamp,
    /// Sessions that end before this are final.
    pub final_before: Timestamp,
}

pub fn to_rows(sessions: &[Session], stamp: Stamp) -> Result<RecordBatch, LakeError> {
    let mut all = key_columns(sessions);
    all.extend(count_columns(sessions));
    all.extend(product_columns(sessions));
    all.extend(first_and_last_columns(sessions));
    all.extend(flag_columns(sessions, stamp));
    all.extend(state_columns(sessions)?);
    record_batch(&schema::table(), all)
}

fn key_columns(sessions: &[Session]) -> Vec<ArrayRef> {
    let seconds = |session: &Session| (session.end - session.start).as_seconds_f64();
    vec![
        Arc::new(StringArray::from_iter_values(sessions.iter().map(|session| session.key.user_id.as_str()))),
        Arc::new(StringArray::from_iter_values(sessions.iter().map(|session| session.key.session_id.as_str()))),
        instants(sessions, |session| session.start),
        instants(sessions, |session| session.end),
        Arc::new(Float64Array::from_iter_values(sessions.iter().map(seconds))),
    ]
}

fn count_columns(sessions: &[Session]) -> Vec<ArrayRef> {
    let count = |of: fn(&Session) -> i64| Arc::new(Int64Array::from_iter_values(sessions.iter().map(of))) as ArrayRef;
    vec![
        count(|session| session.total_events),
        count(|session| session.state.page_urls.len() as i64),
        count(|session| session.counts.add_to_cart),
        count(|session| session.counts.remove_from_cart),
        count(|session| session.counts.search),
        count(|session| session.counts.checkout),
        count(Session::purchase_count),
        columns::amounts(sessions.iter().map(|session| Some(session.total_purchase_value().0))),
    ]
}

fn product_columns(sessions: &[Session]) -> Vec<ArrayRef> {
    let lists = |of: fn(&Products) -> &BTreeSet<String>| {
        columns::text_lists(sessions.iter().map(|session| Some(of(&session.products).iter().map(Some))))
    };
    vec![
        lists(|products| &products.ids),
        lists(|products| &products.names),
        lists(|products| &products.brands),
        lists(|products| &products.categories),
    ]
}

fn first_and_last_columns(sessions: &[Session]) -> Vec<ArrayRef> {
    let text = |of: &dyn Fn(&Session) -> Option<String>| columns::texts(sessions.iter().map(of));
    let mut all = vec![
        text(&|session| session.landing_page().map(str::to_owned)),
        text(&|session| session.exit_page().map(str::to_owned)),
    ];
    all.extend(
        Attribute::ALL.iter().map(|&attribute| text(&|session| session.first_known(attribute).map(str::to_owned))),
    );
    all
}

fn flag_columns(sessions: &[Session], stamp: Stamp) -> Vec<ArrayRef> {
    let flag = |of: &dyn Fn(&Session) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(sessions.iter().map(|session| Some(of(session)))))
    };
    vec![
        flag(&|session| session.counts.add_to_cart > 0 && session.purchase_count() == 0),
        flag(&|session| session.total_events == 1),
        flag(&|session| session.is_bot),
        flag(&|session| session.is_final(stamp.final_before)),
        instants(sessions, |_| stamp.last_updated),
        flag(&|session| session.duplicates_unchecked),
    ]
}

fn state_columns(sessions: &[Session]) -> Result<Vec<ArrayRef>, LakeError> {
    let mut keys = ListBuilder::new(Int64Builder::new()).with_field(Field::new(LIST_ELEMENT, DataType::Int64, true));
    let mut states = StringBuilder::new();
    for session in sessions {
        session.event_keys.iter().for_each(|key| keys.values().append_value(key.0));
        keys.append(true);
        states.append_value(serde_json::to_string(&session.state).map_err(|error| internal(error.to_string()))?);
    }
    Ok(vec![Arc::new(keys.finish()), Arc::new(states.finish())])
}

fn instants(sessions: &[Session], of: impl Fn(&Session) -> Timestamp) -> ArrayRef {
    columns::instants(sessions.iter().map(|session| Some(of(session).0)))
}

/// `rows` as they would be written at `stamp`: of a session that has not changed, only `is_final` can be different.
pub fn with_finality(rows: &RecordBatch, stamp: Stamp) -> Result<RecordBatch, LakeError> {
    let ends: &TimestampMicrosecondArray = column(rows, schema::SESSION_END_TIME)?;
    let finals: BooleanArray = ends.values().iter().map(|&end| Some(Timestamp(end) < stamp.final_before)).collect();
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, values)| {
        if field.name() == super::schema::IS_FINAL { Arc::new(finals.clone()) as ArrayRef } else { values.clone() }
    });
    record_batch(&schema::table(), columns.collect())
}

/// The sessions in `rows` whose key `wanted` accepts, each with the index of its row.
pub fn from_rows(rows: &RecordBatch, wanted: impl Fn(&SessionKey) -> bool) -> Result<Vec<(usize, Session)>, LakeError> {
    let user_ids: &StringArray = column(rows, schema::USER_ID)?;
    let session_ids: &StringArray = column(rows, schema::SESSION_ID)?;
    let stored = Stored::of(rows)?;
    let mut found = Vec::new();
    for row in 0..rows.num_rows() {
        let key = SessionKey::of(user_ids.value(row), session_ids.value(row))?;
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
    fn of(rows: &'a RecordBatch) -> Result<Self, LakeError> {
        Ok(Stored {
            start: column(rows, schema::SESSION_START_TIME)?,
            end: column(rows, schema::SESSION_END_TIME)?,
            total_events: column(rows, schema::TOTAL_EVENTS)?,
            counts: [
                column(rows, schema::ADD_TO_CART_COUNT)?,
                column(rows, schema::REMOVE_FROM_CART_COUNT)?,
                column(rows, schema::SEARCH_COUNT)?,
                column(rows, schema::CHECKOUT_COUNT)?,
            ],
            products: [
                column(rows, schema::PRODUCT_IDS_VIEWED)?,
                column(rows, schema::PRODUCT_NAMES_VIEWED)?,
                column(rows, schema::PRODUCT_BRANDS_VIEWED)?,
                column(rows, schema::PRODUCT_CATEGORIES_VIEWED)?,
            ],
            is_bot: column(rows, schema::IS_BOT)?,
            duplicates_unchecked: column(rows, schema::DUPLICATES_UNCHECKED)?,
            event_keys: column(rows, schema::EVENT_KEYS)?,
            state: column(rows, schema::STATE)?,
        })
    }

    fn session(&self, key: SessionKey, row: usize) -> Result<Session, LakeError> {
        let [add_to_cart, remove_from_cart, search, checkout] = self.counts.map(|counts| counts.value(row));
        let [ids, names, brands, categories] = self.products.map(|lists| texts(lists, row).into_iter().collect());
        let state = text(self.state, row).unwrap_or_default();
        let event_keys = self.event_keys.value(row);
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
            state: serde_json::from_str(&state).map_err(|error| internal(format!("column `state`: {error}")))?,
        })
    }
}

fn internal(detail: String) -> LakeError {
    LakeError::Internal { attempt: "read or write the state of a session", table: schema::TABLE.into(), detail }
}
