//! The tables of the lake.

use clickstream::columns::TableSpec;
use clickstream::{bronze, gold, silver};

pub fn all() -> [TableSpec; 5] {
    [
        bronze::schema::table(),
        silver::schema::table(),
        silver::quarantine::table(),
        gold::schema::table(),
        gold::control::table(),
    ]
}
