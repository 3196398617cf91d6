//! The tables of columns in the README are the declarations of the columns.
//!
//! `UPDATE_README=1 cargo test --test it readme` writes them.

use clickstream::columns::Column;
use clickstream::gold::control;
use clickstream::silver::quarantine;
use clickstream::{bronze, gold, settings, silver};
use std::path::Path;

#[test]
fn columns_are_documented_as_they_are_declared() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let mut updated = readme.clone();
    for (table, columns) in [
        (bronze::schema::TABLE, markdown(&bronze::schema::columns())),
        (silver::schema::TABLE, markdown(&silver::schema::columns())),
        (quarantine::TABLE, markdown(&quarantine::columns())),
        (gold::schema::TABLE, markdown(&gold::schema::columns())),
        (control::TABLE, markdown(&control::columns())),
        (settings::schema::TABLE, markdown(&settings::schema::columns())),
    ] {
        updated = with_section(&updated, table, &columns);
    }
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, updated).expect("the README can be written");
    } else {
        assert!(updated == readme, "README.md shows other columns than are declared; `UPDATE_README=1` writes them");
    }
}

fn markdown<R>(columns: &[Column<R>]) -> String {
    let mut text = "| column | type | meaning |\n|---|---|---|\n".to_owned();
    for column in columns {
        let or_null = if column.is_nullable() { ", or null" } else { "" };
        text += &format!("| `{}` | {}{or_null} | {} |\n", column.name, column.type_name(), column.about);
    }
    text
}

/// `readme` with `columns` between the marks of `table`.
fn with_section(readme: &str, table: &str, columns: &str) -> String {
    let (begin, end) = (format!("<!-- columns:{table} -->\n"), "<!-- /columns -->");
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("README.md has no mark `{begin}`"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("`{begin}` has no end `{end}`"));
    format!("{before}{begin}{columns}{end}{after}")
}
