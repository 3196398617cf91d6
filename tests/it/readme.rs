//! The tables of columns and fields in the README are the declarations of the columns and fields.
//!
//! `UPDATE_README=1 cargo test --test it readme` writes them.

use clickstream::columns::Column;
use clickstream::event::money::Money;
use clickstream::event::parse::Limits;
use clickstream::event::parse::field::{Field, Shape};
use clickstream::gold::control;
use clickstream::silver::quarantine;
use clickstream::{bronze, gold, settings, silver};
use std::path::Path;

#[test]
fn columns_and_fields_are_documented_as_they_are_declared() {
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
        updated = with_section(&updated, &format!("columns:{table}"), "columns", &columns);
    }
    updated = with_section(&updated, "fields", "fields", &fields());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, updated).expect("the README can be written");
    } else {
        assert!(
            updated == readme,
            "README.md shows other columns or fields than are declared; `UPDATE_README=1` writes them"
        );
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

fn fields() -> String {
    let mut text = "| field | type | limit | meaning |\n|---|---|---|---|\n".to_owned();
    for field in Field::ALL.iter().filter(|field| field.main() == **field) {
        let mut names = format!("`{}`", field.name());
        for other in field.names().skip(1) {
            names += &format!(", or `{}`", other.name());
        }
        text += &format!("| {names} | {} | {} | {} |\n", field.shape(), limit(*field), field.about());
    }
    text
}

fn limit(field: Field) -> String {
    let Limits { max_id_bytes, max_text_bytes, max_list_length, .. } = Limits::default();
    match field.shape() {
        _ if field == Field::Currency => "3 letters".to_owned(),
        _ if field == Field::EventType => format!("{max_id_bytes} bytes"),
        Shape::Id => format!("{max_id_bytes} bytes"),
        Shape::Text => format!("{max_text_bytes} bytes"),
        Shape::Texts if field == Field::ProductId => format!("{max_list_length} of {max_id_bytes} bytes"),
        Shape::Texts => format!("{max_list_length} of {max_text_bytes} bytes"),
        Shape::Amounts | Shape::Quantities | Shape::Items => format!("{max_list_length} elements"),
        Shape::Instant => "1995 to 5 minutes after it was enqueued".to_owned(),
        Shape::Integer => "32 bits".to_owned(),
        Shape::Amount => format!("less than {} either way", Money::MAX.0 / 10_000 + 1),
        Shape::Boolean => String::new(),
    }
}

/// `readme` with `content` between the marks `begin` and `/end`.
fn with_section(readme: &str, begin: &str, end: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {begin} -->\n"), format!("<!-- /{end} -->"));
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("README.md has no mark `{begin}`"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("`{begin}` has no end `{end}`"));
    format!("{before}{begin}{content}{end}{after}")
}
