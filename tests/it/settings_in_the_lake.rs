//! The audit knows with which settings each event was read, whatever its own environment says and whatever happened to the log
//! and the files since. `scripts/settings_change.txt` tells what a change of settings does to ingest.

use crate::support::corruption::{Damaged, add};
use crate::support::envelope::Sent;
use crate::support::event::Event;
use crate::support::process::clickstream;
use crate::support::world::{NOON, World};
use clickstream::event::time::Timestamp;
use clickstream::lake::commit::{CommitOutcome, Rewrite};
use clickstream::lake::file::NewFile;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use clickstream::settings::schema::COMMIT_INFO;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

const SETTINGS: [&[(&str, &str)]; 2] = [
    &[("SITE_DOMAIN", "one.example")],
    &[("SITE_DOMAIN", "two.example"), ("ANONYMOUS_EVENTS", "reject"), ("MAX_EVENT_AGE", "30m")],
];

fn world(folder: &Path, settings: &[(&str, &str)]) -> World {
    World::on(Lake::open(&folder.to_string_lossy(), &BTreeMap::new()).expect("a folder opens"), settings)
}

/// Of each four events, the second one has no user and the third one is an hour old.
fn event(number: i64) -> Sent {
    let minutes_ago = if number % 4 == 2 { 60 } else { 10 };
    let event = Event::page_view(Timestamp(NOON.0 - minutes_ago * 60_000_000)).with("page_url", format!("/{number}"));
    let event = if number % 4 == 1 { event.with("user_id", Value::Null) } else { event };
    Sent { sequence_number: number, enqueued_at: NOON, body: event.body() }
}

/// Two processes with other settings have written eight events each.
async fn lake() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (process, settings) in (0..).zip(SETTINGS) {
        let world = world(folder.path(), settings);
        for batch in 0..2 {
            let first = process * 8 + batch * 4;
            let events: Vec<Sent> = (first..first + 4).map(event).collect();
            let report = world.ingest("0", &events).await.expect("the batch is ingested");
            assert_eq!(report.quarantined, if process == 0 { 0 } else { 2 });
        }
        world.sessionize().await;
    }
    folder
}

/// With the settings of neither process.
async fn assert_holds(folder: &Path) {
    let report = world(folder, &[("SITE_DOMAIN", "three.example"), ("MAX_EVENT_BYTES", "1")]).audit().await;
    assert!(report.holds, "{:#?}", report.findings);
}

/// Moves all rows of bronze to one file, as `OPTIMIZE` of another writer does: its commit has neither `txn` nor settings.
async fn compact(folder: &Path) {
    let bronze = world(folder, &[]).table("bronze");
    let snapshot = bronze.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    let mut rows = Vec::new();
    for add in snapshot.files.values() {
        rows.extend(bronze.read(add, &[]).await.expect("a file"));
    }
    let file = NewFile::encode(&bronze.spec, Some("2026-01-15"), &rows).expect("rows of bronze");
    let remove = snapshot.files.values().cloned().collect();
    let rewrite = Rewrite { operation: "OPTIMIZE", remove, add: vec![file], ..Rewrite::default() };
    let outcome = bronze.rewrite(&snapshot, rewrite, NOON.millis()).await.expect("committed");
    let CommitOutcome::Committed(version) = outcome else { panic!("nobody else writes") };
    let files = Damaged { lake: folder.to_owned() };
    files.edit_log("bronze/events", version, |lines| add(lines)["dataChange"] = json!(false));
}

#[tokio::test(crate = "crate::support::limit")]
async fn each_commit_names_settings_that_have_a_row() {
    let folder = lake().await;
    let world = world(folder.path(), &[]);
    let rows = world.rows("settings").await;
    let recorded: Vec<&Value> = rows.iter().map(|row| &row["settings_id"]).collect();
    assert_eq!(recorded.len(), 2);
    for (table, expected) in [("bronze", 4), ("silver", 4), ("quarantine", 2)] {
        let log = world.table(table).log;
        let versions = log.versions_after(0).await.expect("it can be listed");
        let commits = log.read_all(&versions).await.expect("they can be read");
        let named: Vec<&Value> = commits.iter().filter_map(|commit| commit.info()?.get(COMMIT_INFO)).collect();
        assert_eq!(named.len(), expected, "{table}");
        assert!(named.iter().all(|id| recorded.contains(id)), "{table}");
    }
    assert_holds(folder.path()).await;
    let mut audit = clickstream();
    audit.env("ANONYMOUS_EVENTS", "reject").env("SITE_DOMAIN", "three.example").env("MAX_EVENT_AGE", "1m");
    let output = audit.arg("audit").arg("--lake").arg(folder.path()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(crate = "crate::support::limit")]
async fn rows_that_a_compaction_moved_keep_their_settings() {
    let folder = lake().await;
    compact(folder.path()).await;
    assert_holds(folder.path()).await;
}

/// Then nothing says which of the two settings an event was read with, and bronze is believed.
#[tokio::test(crate = "crate::support::limit")]
async fn a_log_that_was_cleaned_up_is_no_finding() {
    let folder = lake().await;
    let bronze = world(folder.path(), &[]).table("bronze");
    bronze.checkpoint(4).await.expect("a checkpoint");
    let files = Damaged { lake: folder.path().to_owned() };
    (0..4).for_each(|version| std::fs::remove_file(files.commit("bronze/events", version)).expect("deleted"));
    assert_holds(folder.path()).await;
    // A process with the first settings receives all of it again.
    let first = world(folder.path(), SETTINGS[0]);
    let events: Vec<Sent> = (0..16).map(event).collect();
    assert_eq!(first.ingest("0", &events).await.expect("ingested").duplicates, 16);
}
