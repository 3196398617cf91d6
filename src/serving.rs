//! Serving: gold summarised for people, in one pass over the sessions, which holds the users and the products in memory.
//!
//! Reads the columns that gold declares, and uses none of its code.

use crate::columns::read::money;
use crate::columns::{ColumnError, Rows};
use crate::event::money::Money;
use crate::gold::schema;
use crate::lake::LakeError;
use crate::lake::snapshot::Replay;
use crate::lake::table::Table;
use arrow::array::{Array, AsArray, BooleanArray, Decimal128Array, Int64Array, ListArray, StringArray};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

const COLUMNS: [&str; 8] = [
    schema::USER_ID,
    schema::TOTAL_EVENTS,
    schema::PURCHASE_COUNT,
    schema::TOTAL_PURCHASE_VALUE,
    schema::PRODUCT_NAMES_VIEWED,
    schema::CART_ABANDONED,
    schema::IS_BOT,
    schema::IS_FINAL,
];

/// Sums over all sessions.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overview {
    pub sessions: i64,
    pub events: i64,
    pub users: i64,
    /// Sessions with a purchase.
    pub converted: i64,
    /// Sessions with something in the cart and no purchase.
    pub abandoned: i64,
    pub purchases: i64,
    pub revenue: Money,
    /// Sessions with an event of a bot.
    pub bots: i64,
    /// Sessions that are final.
    pub finals: i64,
    /// By product name: the sessions with the product, and those of them with a purchase.
    pub products: BTreeMap<String, (i64, i64)>,
}

/// A product, and the sessions with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product<'a> {
    pub name: &'a str,
    pub sessions: i64,
    pub converted: i64,
}

impl Overview {
    /// All zero where the table does not exist.
    pub async fn read(gold: &Table) -> Result<Self, LakeError> {
        let mut overview = Overview::default();
        let Some(snapshot) = gold.snapshot_if_there(Replay::TxnsAndFiles).await? else { return Ok(overview) };
        let mut users = HashSet::new();
        for add in snapshot.files.values() {
            for batch in gold.read(add, &COLUMNS).await? {
                overview.add(Rows::of(schema::TABLE, &batch), &mut users)?;
            }
        }
        overview.users = users.len() as i64;
        Ok(overview)
    }

    /// The `max` products with the most sessions, in that order.
    pub fn products(&self, max: usize) -> Vec<Product<'_>> {
        let mut products: Vec<Product> =
            self.products.iter().map(|(name, &(sessions, converted))| Product { name, sessions, converted }).collect();
        products.sort_by_key(|product| (-product.sessions, product.name));
        products.truncate(max);
        products
    }

    fn add(&mut self, rows: Rows<'_>, users: &mut HashSet<u64>) -> Result<(), ColumnError> {
        let user_ids = rows.column::<StringArray>(schema::USER_ID)?;
        let events = rows.column::<Int64Array>(schema::TOTAL_EVENTS)?;
        let purchases = rows.column::<Int64Array>(schema::PURCHASE_COUNT)?;
        let values = rows.column::<Decimal128Array>(schema::TOTAL_PURCHASE_VALUE)?;
        let names = rows.column::<ListArray>(schema::PRODUCT_NAMES_VIEWED)?;
        let flag = |name| Ok::<_, ColumnError>(rows.column::<BooleanArray>(name)?.true_count() as i64);
        self.sessions += user_ids.len() as i64;
        self.abandoned += flag(schema::CART_ABANDONED)?;
        self.bots += flag(schema::IS_BOT)?;
        self.finals += flag(schema::IS_FINAL)?;
        for row in 0..user_ids.len() {
            let converted = i64::from(purchases.value(row) > 0);
            users.insert(xxh3_64(user_ids.value(row).as_bytes()));
            self.events += events.value(row);
            self.purchases += purchases.value(row);
            self.revenue = self.revenue.saturating_add(money(values, row).unwrap_or_default());
            self.converted += converted;
            for name in names.value(row).as_string::<i32>().iter().flatten() {
                let counts = self.products.entry(name.to_owned()).or_default();
                counts.0 += 1;
                counts.1 += converted;
            }
        }
        Ok(())
    }
}
