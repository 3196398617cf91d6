//! The columns of `control/settings`: one row for each distinct set of settings that a process wrote rows with.

use super::StoredSettings;
use crate::columns::{Column, TableSpec, declare};
use crate::event::time::Timestamp;

pub const TABLE: &str = "control/settings";

/// Member of the `commitInfo` of bronze, silver and quarantine that names the settings.
pub const COMMIT_INFO: &str = "settings";

/// What a row is made from.
pub struct Row<'a> {
    pub settings: &'a StoredSettings,
    pub first_used_at: Timestamp,
}

declare! {
    ['a] Row<'a>;

    /// Names the settings: the hash of `settings`. The commits whose rows were made with them have it in their `commitInfo`.
    SETTINGS_ID = "settings_id", sentence(|row| Some(row.settings.id.to_string())).required();
    /// All settings that decide what an event becomes, with their values, as JSON.
    SETTINGS = "settings", string(|row| Some(row.settings.text.as_str())).required();
    /// When a process first wrote rows with these settings.
    FIRST_USED_AT = "first_used_at", timestamp(|row| Some(row.first_used_at)).required();
    /// The version of clickstream that this process had.
    WRITTEN_BY = "written_by", string(|_| Some(concat!("clickstream/", env!("CARGO_PKG_VERSION")))).required();
}

pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    declared()
}

pub fn table() -> TableSpec {
    TableSpec::of(TABLE, &columns())
}
