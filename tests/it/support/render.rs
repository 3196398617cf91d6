//! Tables as JSON rows, for comparing and for reading.

use clickstream::lake::arrow::json::LineDelimitedWriter;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;
use serde_json::Value;

/// All rows of a table as objects, nulls left out.
pub async fn rows(table: &Table) -> Vec<Value> {
    if !table.exists().await.expect("the store answers") {
        return Vec::new();
    }
    let snapshot = table.snapshot(Replay::TxnsAndFiles).await.expect("the table can be read");
    let mut text = Vec::new();
    for add in snapshot.files.values() {
        for batch in table.read(add, &[]).await.expect("the file can be read") {
            let mut writer = LineDelimitedWriter::new(&mut text);
            writer.write(&batch).expect("rows are JSON");
            writer.finish().expect("rows are JSON");
        }
    }
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a line is an object")).collect()
}

/// Sessions without what depends on when they were written, in order.
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

/// The columns `names` of `rows`, one line a row, aligned.
pub fn columns(rows: &[Value], names: &[&str]) -> String {
    let cell = |row: &Value, name: &str| match &row[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> =
                values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect();
            format!("[{}]", values.join(" "))
        }
        other => other.to_string(),
    };
    let mut lines: Vec<Vec<String>> =
        rows.iter().map(|row| names.iter().map(|name| cell(row, name)).collect()).collect();
    lines.sort();
    lines.insert(0, names.iter().map(|name| name.to_string()).collect());
    let widths: Vec<usize> =
        (0..names.len()).map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
