//! Other readers see the same tables, and Python computes the same gold from the input file.

use crate::support::limit::Watchdog;
use crate::support::process::{clickstream, web_log};
use crate::support::python::python;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[test]
fn other_readers_see_the_same_totals_and_gold_is_what_brute_force_gives() {
    let _limit = Watchdog::of_this_test();
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input.ndjson");
    std::fs::write(&input, web_log()).expect("written");
    let lake = folder.path().join("lake");
    let mut local = clickstream();
    local.args(["local", "--drain", "--json", "--port", "0", "--batch", "20", "--lake"]).arg(&lake);
    let output = local.arg("--input").arg(&input).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/totals.py");
    let output = Command::new(python()).arg(script).arg(&lake).arg(&input).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for (table, rows) in found["totals"].as_object().expect("by table") {
        let rows: Vec<&Value> = rows.as_object().expect("by reader").values().collect();
        assert!(rows.windows(2).all(|pair| pair[0] == pair[1]), "{table}: {rows:?}");
    }
    assert_eq!(found["totals"]["bronze/events"]["polars"], 10_000);
    assert_eq!(found["totals"]["silver/events"]["polars"], 10_000);
    assert_eq!(found["totals"]["silver/quarantine"]["polars"], 0);
    assert_eq!(found["sessions"], 3_224);
    assert_eq!(found["gold_is_brute_force"], true);
}
