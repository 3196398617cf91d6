//! A table with one column of numbers, for tests that are about the table and not about what is in it.

use clickstream::lake::append::{Append, SourcePosition};
use clickstream::lake::arrow::array::{ArrayRef, AsArray, Int64Array};
use clickstream::lake::arrow::datatypes::{DataType, Int64Type, Schema};
use clickstream::lake::schema::{TableSpec, record_batch, required};
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use std::ops::Range;
use std::sync::Arc;

pub fn spec() -> TableSpec {
    TableSpec {
        name: "numbers",
        columns: Arc::new(Schema::new(vec![required("number", DataType::Int64)])),
        partition_column: None,
        statistics_columns: &["number"],
    }
}

pub fn table(lake: &Lake) -> Table {
    Table::at(lake, spec(), &Workers::new(2))
}

/// The numbers as `source` delivers them, each with itself as its sequence number.
pub fn numbers(source: &str, range: Range<i64>) -> Append {
    let column = Arc::new(Int64Array::from_iter_values(range.clone())) as ArrayRef;
    Append {
        app_id: format!("test:{source}"),
        partition: None,
        rows: record_batch(&spec(), vec![column]).expect("one column"),
        positions: range.map(|sequence| SourcePosition { sequence, enqueued_ms: 1_000 }).collect(),
        now_ms: 1_000,
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
