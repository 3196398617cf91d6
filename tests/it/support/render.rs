//! Tables as JSON rows, to compare and to print.

use clickstream::lake::arrow::json::LineDelimitedWriter;
use clickstream::lake::log::Add;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;
use serde_json::Value;
use std::cmp::Ordering;

/// All rows of a table as objects, without their nulls and without the partition column, which is in no file.
pub async fn rows(table: &Table) -> Vec<Value> {
    rows_by_file(table).await.into_iter().flat_map(|(_, rows)| rows).collect()
}

async fn rows_by_file(table: &Table) -> Vec<(Add, Vec<Value>)> {
    if !table.exists().await.expect("the store answers") {
        return Vec::new();
    }
    let snapshot = table.snapshot(Replay::TxnsAndFiles).await.expect("the table can be read");
    let mut files = Vec::new();
    for add in snapshot.files.into_values() {
        let mut text = Vec::new();
        for batch in table.read(&add, &[]).await.expect("the file can be read") {
            let mut writer = LineDelimitedWriter::new(&mut text);
            writer.write(&batch).expect("rows are JSON");
            writer.finish().expect("rows are JSON");
        }
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        files.push((add, lines.map(|line| serde_json::from_slice(line).expect("a line is an object")).collect()));
    }
    files
}

/// Sessions, sorted, without the columns that depend on when they were written.
pub async fn sessions(gold: &Table) -> Vec<Value> {
    let mut sessions = rows(gold).await;
    for session in &mut sessions {
        let session = session.as_object_mut().expect("a row is an object");
        session.remove("last_updated");
        session.remove("is_final");
    }
    sessions.sort_by_key(|session| session.to_string());
    sessions
}

/// The columns `names` of `rows`, aligned, one line per row. Rows are sorted by their cells from left to right: missing values,
/// then numbers by their value, then texts.
pub fn columns(rows: &[Value], names: &[&str]) -> String {
    let cells = |row: &Value| names.iter().map(|name| cell(&row[*name])).collect::<Vec<String>>();
    let mut lines: Vec<Vec<String>> = rows.iter().map(cells).collect();
    lines.sort_by(|one, other| {
        let orders = one.iter().zip(other).map(|(one, other)| order(one, other));
        orders.fold(Ordering::Equal, Ordering::then)
    });
    lines.insert(0, names.iter().map(|name| name.to_string()).collect());
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Every declared column of every row, one line per column, the partition column as the log has it. A line `row N` stands
/// above each row.
pub async fn records(table: &Table) -> String {
    let names: Vec<&str> = table.spec.columns.fields().iter().map(|field| field.name().as_str()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let files = rows_by_file(table).await;
    let rows = files.iter().flat_map(|(add, rows)| rows.iter().map(move |row| (add, row)));
    for (at, (add, row)) in rows.enumerate() {
        text += &format!("row {at}\n");
        for name in &names {
            let value = match add.partition_values.get(*name) {
                Some(value) => value.clone().unwrap_or("-".to_owned()),
                None => cell(&row[*name]),
            };
            text += &format!("  {name:width$}  {value}\n");
        }
    }
    text
}

/// `-` is a missing value, `""` an empty text.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(cell).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

fn order(one: &str, other: &str) -> Ordering {
    let number = |cell: &str| cell.parse::<f64>().ok();
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (is_number, other_is_number) => {
            let rank = |cell: &str, number: Option<f64>| (cell != "-", number.is_none());
            rank(one, is_number).cmp(&rank(other, other_is_number)).then_with(|| one.cmp(other))
        }
    }
}
