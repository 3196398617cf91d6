//! Another engine, which changes our tables between our commits: it compacts and sorts, and in some schedules it deletes and
//! updates rows of silver. Its own calls to the store never fail, and it never reads a state that was not committed.

use super::chance::{Chance, between, one_in};
use super::rewrite::{self, Layout, Order, Types};
use super::world::World;
use clickstream::columns::TableSpec;
use clickstream::lake::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use clickstream::lake::arrow::compute;
use clickstream::lake::arrow::datatypes::Int64Type;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use clickstream::lineage;
use clickstream::silver::schema as silver;
use clickstream::{bronze, gold};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

impl World {
    /// Lays out the rows of a table in another way, as `OPTIMIZE` does, or a job that sorts a table and overwrites it.
    pub async fn rewrite_files(&self) {
        while !self.is_over() {
            sleep(Duration::from_secs(between(&self.faults.chance, 5, 150))).await;
            let spec = match self.faults.chance.up_to(5) {
                0..3 => silver::table(),
                3..5 => gold::schema::table(),
                _ => bronze::schema::table(),
            };
            let name = spec.name;
            let layout = layout(&self.faults.chance);
            if let Some(version) = rewrite::lay_out(&self.others_table(spec), &layout).await {
                self.count(|stats| stats.rewrites += 1);
                self.faults.trace.record("another engine", format_args!("{version} of {name}: {layout:?}"));
            }
        }
    }

    /// Deletes or updates rows of a few events in silver.
    pub async fn change_rows(&self) {
        while self.plan.rows_changed && !self.is_over() {
            sleep(Duration::from_secs(between(&self.faults.chance, 20, 300))).await;
            let table = self.others_table(silver::table());
            let (sequence, deletes) = (self.faults.chance.up_to(15) as i64, one_in(&self.faults.chance, 2));
            let version = match deletes {
                true => rewrite::change(&table, "DELETE", |rows| without_event(rows, sequence)).await,
                false => rewrite::change(&table, "UPDATE", |rows| with_city(rows, sequence)).await,
            };
            let Some(version) = version else { continue };
            self.count(|stats| if deletes { stats.deletions += 1 } else { stats.updates += 1 });
            let what = if deletes { "deletes" } else { "updates" };
            self.faults.trace.record("another engine", format_args!("{version} of silver {what} events {sequence}"));
        }
    }

    /// A table as the other engine reaches it, without the faults.
    pub fn others_table(&self, spec: TableSpec) -> Table {
        let url = "memory:///lake".parse().expect("a URL");
        Table::at(&Lake::on(self.faults.inner.clone(), url), spec, &Workers::InPlace)
    }
}

fn layout(chance: &Chance) -> Layout {
    Layout {
        order: Order::Shuffled(chance.up_to(u64::MAX - 1)),
        files: between(chance, 1, 3) as usize,
        types: Types::ALL[chance.up_to(2) as usize],
        data_change: one_in(chance, 4),
    }
}

/// Without the rows of the events that have this sequence number.
fn without_event(rows: &RecordBatch, sequence: i64) -> RecordBatch {
    let kept: BooleanArray = sequence_numbers(rows).map(|number| Some(number != sequence)).collect();
    compute::filter_record_batch(rows, &kept).expect("filtered")
}

/// With another city in the rows of the events that have this sequence number.
fn with_city(rows: &RecordBatch, sequence: i64) -> RecordBatch {
    let at = rows.schema().index_of(silver::GEO_CITY).expect("the column is there");
    let cities = rows.column(at).as_string::<i32>();
    let city = |row: usize| cities.is_valid(row).then(|| cities.value(row));
    let updated = sequence_numbers(rows).enumerate();
    let updated: StringArray =
        updated.map(|(row, number)| if number == sequence { Some("Ulm") } else { city(row) }).collect();
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    columns[at] = Arc::new(updated);
    RecordBatch::try_new(rows.schema(), columns).expect("rows")
}

fn sequence_numbers(rows: &RecordBatch) -> impl Iterator<Item = i64> {
    let numbers = rows.column_by_name(lineage::SEQUENCE_NUMBER).expect("the column is there");
    numbers.as_primitive::<Int64Type>().values().iter().copied()
}
