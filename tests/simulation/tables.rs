//! The list of all tables of the lake.

use clickstream::columns::TableSpec;
use clickstream::{bronze, gold, settings, silver};

pub fn all() -> [TableSpec; 6] {
    [
        bronze::schema::table(),
        silver::schema::table(),
        silver::quarantine::table(),
        gold::schema::table(),
        gold::control::table(),
        settings::schema::table(),
    ]
}
