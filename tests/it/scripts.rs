//! Scripts: records of state that a person can read and write. A script is a sequence of blocks. A block is some commands, a line
//! `---`, what they print, and an empty line. The commands are explained in `support/script.rs`.
//!
//! Each file in `scripts/` is one test. `cargo test --test it scripts::bridging` runs one of them.
//! `UPDATE_SCRIPTS=1 cargo test --test it scripts::` writes what the commands print into the files. Read the difference before
//! you commit it.

use crate::support::diff;
use crate::support::script::Script;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Declares one test for each script.
macro_rules! scripts {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[tokio::test(crate = "crate::support::limit")]
            async fn $name() {
                run(stringify!($name)).await;
            }
        )*
    };
}

scripts! {
    brand_sets_are_not_zipped_with_products
    brands_reach_gold
    bridging
    browsers_and_bots
    clock_in_the_future
    every_column
    exactly_thirty_minutes
    field_browsers
    field_money
    field_names
    field_people_and_pages
    field_times
    finality
    function_state_is_lost
    hub_recreated
    inactivity_ends_a_session
    late_events_after_a_restart
    listings_and_product_pages
    long_session
    malformed_json_keeps_its_bytes
    midnight
    missing_members
    people_and_campaigns
    prices_as_list_or_number
    products_of_a_session
    quality_in_commits
    quarantine
    redelivery
    retries_of_the_producer
    rows_deleted_by_others
    rows_in_another_order
    session_over_partitions
    settings_change
    silver_unavailable
    three_items_are_one_purchase
    transactions
    two_currencies
    two_hubs_one_recreated
    urls_and_domains
    variants_of_an_event
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scripts")
}

async fn run(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let recorded = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let outcome = Script::default().run(&recorded).await;
    if std::env::var_os("UPDATE_SCRIPTS").is_some() {
        std::fs::write(&path, outcome).expect("the script can be written");
    } else if outcome != recorded {
        panic!(
            "tests/it/scripts/{name}.txt prints something else (`UPDATE_SCRIPTS=1` rewrites it):\n{}",
            diff::lines(&recorded, &outcome)
        );
    }
}

#[test]
fn every_file_is_a_test() {
    let files = std::fs::read_dir(folder()).expect("the folder of the scripts");
    let files: BTreeSet<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    let tests: BTreeSet<String> = NAMES.iter().map(|name| format!("{name}.txt")).collect();
    assert_eq!(files, tests, "each file in tests/it/scripts is named in `scripts!`");
}
