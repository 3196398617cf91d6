//! A table with one column of numbers, for tests that are about the table and not about what is in it.

use clickstream::columns::{Append, Column, SourcePosition, TableSpec};
use clickstream::lake::arrow::array::AsArray;
use clickstream::lake::arrow::datatypes::Int64Type;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use std::ops::Range;

pub fn spec() -> TableSpec {
    TableSpec::of("numbers", &columns())
}

fn columns() -> Vec<Column<i64>> {
    vec![Column::long("number", "A number.", |number| Some(*number)).required().with_statistics()]
}

pub fn table(lake: &Lake) -> Table {
    Table::at(lake, spec(), &Workers::new(2))
}

/// The numbers as `source` delivers them, each with itself as its sequence number.
pub fn numbers(source: &str, range: Range<i64>) -> Append {
    let rows = Vec::from_iter(range.clone());
    Append {
        app_id: format!("test:{source}"),
        partition: None,
        rows: spec().record_batch(&columns(), &rows).expect("one column"),
        positions: range.map(|sequence| SourcePosition { sequence, enqueued_ms: 1_000 }).collect(),
        now_ms: 1_000,
        note: None,
        details: None,
    }
}

/// The numbers in the table, sorted.
pub async fn stored(table: &Table) -> Vec<i64> {
    let mut found = Vec::new();
    for add in table.snapshot(Replay::TxnsAndFiles).await.expect("a table").files.values() {
        for batch in table.read(add, &[]).await.expect("a file") {
            found.extend(batch.column(0).as_primitive::<Int64Type>().values());
        }
    }
    found.sort_unstable();
    found
}
