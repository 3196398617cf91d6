//! A lake is damaged in every way that we could think of, through its files on disk. The audit must find each damage, name
//! the object, and say what it means.
//!
//! One good lake is made and copied for each case. A case that edits rows also corrects size and row count in the log, so
//! that only a look into the rows can find it.

use crate::support::corruption::{self as corrupt, Damaged};
use crate::support::envelope::Sent;
use crate::support::process::clickstream;
use crate::support::world::{NOON, World};
use clickstream::audit::{Depth, Kind, Object, Report, audit_to};
use clickstream::event::ids::SequenceNumber;
use clickstream::event::time::Timestamp;
use clickstream::lake::store::Lake;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

const PARTITION: &str = "test.servicebus.windows.net/clicks/$Default/0";

/// Three batches for each of two partitions, and a run of sessionize after each pair. The third event of a batch is
/// rejected.
async fn good_lake() -> &'static TempDir {
    static LAKE: OnceLock<TempDir> = OnceLock::new();
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _making = MAKING.lock().await;
    if let Some(lake) = LAKE.get() {
        return lake;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let world = open(folder.path());
    for batch in 0..3 {
        for partition in ["0", "1"] {
            let events: Vec<Sent> = (batch * 10..(batch + 1) * 10).map(|number| event(partition, number)).collect();
            world.ingest(partition, &events).await.expect("the batch is ingested");
        }
        world.sessionize().await;
    }
    LAKE.get_or_init(|| folder)
}

fn open(folder: &Path) -> World {
    World::on(Lake::open(&folder.to_string_lossy(), &BTreeMap::new()).expect("a folder opens"), &[])
}

fn event(partition: &str, number: i64) -> Sent {
    let is_rejected = number % 10 == 2;
    let event = crate::support::event::Event::page_view(Timestamp(NOON.0 - (300 - number * 7) * 60_000_000))
        .with("user_id", format!("u{}", number % 4))
        .with("session_id", if is_rejected { Value::Null } else { format!("s{partition}").into() })
        .with("event_type", "purchase")
        .with("page_url", "/")
        .with("product_id", vec!["A", "B"])
        .with("product_name", vec!["a", "b"])
        .with("product_price", vec![1.5, 2.5]);
    Sent { sequence_number: number, enqueued_at: NOON, body: event.body() }
}

async fn audit(folder: &Path, depth: Depth) -> Report {
    audit_to(&open(folder).app, depth, &|_| {}).await.expect("the audit can look")
}

/// The finding that a case expects.
struct Case {
    kind: Kind,
    table: &'static str,
    object: Object,
}

fn events(source: &str, first: i64, last: i64) -> Object {
    Object::events(source, SequenceNumber(first), SequenceNumber(last))
}

/// Damages a copy of the good lake. The audit must name exactly what was done.
async fn assert_found<F>(damage: F) -> Report
where
    F: FnOnce(&Damaged) -> Case,
{
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good_lake().await.path(), copy.path());
    let case = damage(&Damaged { lake: copy.path().to_owned() });
    let report = audit(copy.path(), Depth::Rows).await;
    assert!(!report.holds);
    let finding = report.findings.iter().find(|found| found.kind == case.kind && found.table == case.table);
    let finding = finding.unwrap_or_else(|| panic!("{:?} is not in {:#?}", case.kind, report.findings));
    let (expected, named) = (json!(case.object), json!(finding.object));
    for (member, value) in expected.as_object().expect("an object") {
        assert_eq!(&named[member], value, "{finding:#?}");
    }
    assert!(!finding.detail.is_empty() && !finding.meaning.is_empty() && !finding.action.is_empty());
    report
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_good_lake_passes_at_either_depth() {
    let lake = good_lake().await;
    for depth in [Depth::Files, Depth::Rows] {
        let report = audit(lake.path(), depth).await;
        assert!(report.holds, "{:#?}", report.findings);
        assert_eq!(report.tables.len(), 6);
        assert!(report.tables.iter().all(|table| table.size.files > 0 && table.size.rows > 0 && table.size.lost == 0));
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_deleted_file() {
    assert_found(|lake| {
        let file = lake.files("silver/events").remove(1);
        std::fs::remove_file(lake.path("silver/events").join(&file)).expect("deleted");
        Case { kind: Kind::FileMissing, table: "silver/events", object: Object::file(&file) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_file_added_twice_by_one_commit_or_by_two() {
    for to in [2, 3] {
        assert_found(|lake| {
            let add = lake.lines("bronze/events", 2).into_iter().find(|line| line["add"].is_object()).expect("an add");
            let file = add["add"]["path"].as_str().expect("a path").to_owned();
            lake.edit_log("bronze/events", to, |lines| lines.push(add));
            let object = Object { file: Some(file), ..Object::version(to) };
            Case { kind: Kind::FileAddedTwice, table: "bronze/events", object }
        })
        .await;
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_truncated_file() {
    assert_found(|lake| {
        let file = lake.files("bronze/events").remove(0);
        let path = lake.path("bronze/events").join(&file);
        let bytes = std::fs::read(&path).expect("it is there");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
        Case { kind: Kind::FileUnreadable, table: "bronze/events", object: Object::file(&file) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_dropped_commit() {
    for table in ["bronze/events", "silver/events", "silver/quarantine", "gold/sessions", "control/watermarks"] {
        assert_found(|lake| {
            std::fs::remove_file(lake.commit(table, 2)).expect("deleted");
            Case { kind: Kind::CommitMissing, table, object: Object::version(2) }
        })
        .await;
    }
}

/// The last commit leaves no hole in the log. Its rows are missing all the same.
#[tokio::test(crate = "crate::support::limit")]
async fn a_dropped_last_commit() {
    assert_found(|lake| {
        std::fs::remove_file(lake.commit("bronze/events", 6)).expect("deleted");
        let other = PARTITION.replace("/0", "/1");
        Case { kind: Kind::EventsInvented, table: "silver/events", object: events(&other, 20, 21) }
    })
    .await;
    assert_found(|lake| {
        std::fs::remove_file(lake.commit("control/watermarks", 3)).expect("deleted");
        Case { kind: Kind::ControlDiffers, table: "control/watermarks", object: Object::default() }
    })
    .await;
}

/// Moved back, and moved forward so that no position ever goes back.
#[tokio::test(crate = "crate::support::limit")]
async fn an_edited_txn() {
    let set = |to: i64| move |lines: &mut Vec<Value>| corrupt::txn(lines)["version"] = json!(to);
    assert_found(|lake| {
        lake.edit_log("silver/events", 5, set(3));
        let object = Object { app_id: Some(format!("silver:{PARTITION}")), ..Object::version(5) };
        Case { kind: Kind::TxnWentBack, table: "silver/events", object }
    })
    .await;
    assert_found(|lake| {
        lake.edit_log("bronze/events", 3, set(15));
        let object = Object { source: Some(PARTITION.to_owned()), ..Object::version(3) };
        Case { kind: Kind::TxnDisagrees, table: "bronze/events", object }
    })
    .await;
    assert_found(|lake| {
        lake.edit_log("gold/sessions", 3, set(5));
        Case { kind: Kind::TxnDisagrees, table: "gold/sessions", object: Object::version(3) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_removed_gold_row() {
    assert_found(|lake| {
        let removed = lake.edit_rows("gold/sessions", |rows| corrupt::without_row(&rows, 1));
        Case { kind: Kind::SessionMissing, table: "gold/sessions", object: session(&removed[1]) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_doubled_gold_row() {
    assert_found(|lake| {
        let doubled = lake.edit_rows("gold/sessions", |rows| corrupt::with_row_twice(&rows, 1));
        Case { kind: Kind::SessionDoubled, table: "gold/sessions", object: session(&doubled[1]) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn an_edited_gold_row() {
    assert_found(|lake| {
        let edited = lake.edit_rows("gold/sessions", |rows| corrupt::with_text(&rows, 1, "landing_page", "/x"));
        Case { kind: Kind::SessionDiffers, table: "gold/sessions", object: session(&edited[1]) }
    })
    .await;
}

fn session(row: &Value) -> Object {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    Object { user_id: text("user_id"), session_id: text("session_id"), ..Object::default() }
}

/// The row of the first run, which has none before it to be compared with, and the row of the last.
#[tokio::test(crate = "crate::support::limit")]
async fn a_watermark_shifted_back() {
    for gold_version in [1, 3] {
        for kind in [Kind::WatermarkWentBack, Kind::ControlDiffers] {
            // The first run has no watermark before it from which to move back.
            if (gold_version, kind) == (1, Kind::WatermarkWentBack) {
                continue;
            }
            assert_found(|lake| {
                let version = gold_version as usize;
                let file = lake.added("control/watermarks", version as i64);
                lake.edit_file("control/watermarks", &file, |rows| corrupt::a_day_less(&rows, "watermark"));
                let object = Object { file: Some(file), ..Object::version(gold_version) };
                Case { kind, table: "control/watermarks", object }
            })
            .await;
        }
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_missing_or_edited_row_of_settings() {
    const TABLE: &str = "control/settings";
    assert_found(|lake| {
        std::fs::remove_file(lake.commit(TABLE, 1)).expect("deleted");
        Case { kind: Kind::SettingsMissing, table: "bronze/events", object: Object::version(1) }
    })
    .await;
    for text in [r#"{"MAX_EVENT_AGE":"60d"}"#, r#"{"A_SETTING_TO_COME":"1"}"#, "nothing"] {
        let report = assert_found(|lake| {
            let file = lake.added(TABLE, 1);
            lake.edit_file(TABLE, &file, |rows| corrupt::with_text(&rows, 0, "settings", text));
            Case { kind: Kind::SettingsUnreadable, table: TABLE, object: Object::file(&file) }
        })
        .await;
        // What bronze says of its events is believed, and nothing else is wrong.
        assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
        assert!(report.findings[0].object.settings_id.is_some());
    }
}

/// Settings decide the domain of a relative address, and the commits say which settings.
#[tokio::test(crate = "crate::support::limit")]
async fn an_edited_domain() {
    assert_found(|lake| {
        let file = lake.added("silver/events", 1);
        lake.edit_file("silver/events", &file, |rows| corrupt::with_text(&rows, 0, "page_domain", "x.example"));
        Case { kind: Kind::RowDiffers, table: "silver/events", object: events(PARTITION, 0, 0) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_removed_quarantine_row() {
    assert_found(|lake| {
        // The first commit adds the rejected event of the first batch.
        let file = lake.added("silver/quarantine", 1);
        lake.edit_file("silver/quarantine", &file, |rows| corrupt::without_row(&rows, 0));
        Case { kind: Kind::EventsUnplaced, table: "bronze/events", object: events(PARTITION, 2, 2) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn an_edited_silver_row() {
    for (column, value) in [("user_id", "somebody else"), ("product_name", "c")] {
        let report = assert_found(|lake| {
            let file = lake.added("silver/events", 1);
            lake.edit_file("silver/events", &file, |rows| corrupt::with_text(&rows, 0, column, value));
            Case { kind: Kind::RowDiffers, table: "silver/events", object: events(PARTITION, 0, 0) }
        })
        .await;
        let finding = report.findings.iter().find(|found| found.kind == Kind::RowDiffers).expect("found");
        assert!(finding.detail.contains(&format!("`{column}`")), "{finding:?}");
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn an_edited_or_doubled_bronze_row() {
    assert_found(|lake| {
        let file = lake.added("bronze/events", 1);
        lake.edit_file("bronze/events", &file, |rows| corrupt::with_text(&rows, 4, "page_url", "/x"));
        let object = Object { file: Some(file), ..events(PARTITION, 4, 4) };
        Case { kind: Kind::RowDiffers, table: "bronze/events", object }
    })
    .await;
    assert_found(|lake| {
        let file = lake.added("bronze/events", 1);
        lake.edit_file("bronze/events", &file, |rows| corrupt::with_row_twice(&rows, 4));
        Case { kind: Kind::EventsDoubled, table: "bronze/events", object: events(PARTITION, 4, 4) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_doubled_silver_row() {
    assert_found(|lake| {
        let file = lake.added("silver/events", 1);
        lake.edit_file("silver/events", &file, |rows| corrupt::with_row_twice(&rows, 1));
        Case { kind: Kind::EventsDoubled, table: "silver/events", object: events(PARTITION, 0, 0) }
    })
    .await;
}

/// The file is a valid one, but its size and row count are not what was committed.
#[tokio::test(crate = "crate::support::limit")]
async fn a_file_that_is_not_the_one_committed() {
    for kind in [Kind::FileSizeDiffers, Kind::RowCountDiffers] {
        assert_found(|lake| {
            let file = lake.added("silver/quarantine", 2);
            lake.rewrite("silver/quarantine", &file, |rows| corrupt::with_row_twice(&rows, 0));
            Case { kind, table: "silver/quarantine", object: Object::file(&file) }
        })
        .await;
    }
}

/// The log of another table has the file too, by its absolute path.
#[tokio::test(crate = "crate::support::limit")]
async fn a_file_of_two_tables() {
    assert_found(|lake| {
        let file = lake.added("bronze/events", 1);
        let absolute =
            url::Url::from_file_path(lake.path("bronze/events").canonicalize().expect("a folder").join(&file));
        let absolute = absolute.expect("an absolute path").to_string();
        lake.edit_log("silver/quarantine", 2, |lines| corrupt::add(lines)["path"] = json!(absolute.clone()));
        Case { kind: Kind::FileShared, table: "silver/quarantine", object: Object::file(&absolute) }
    })
    .await;
}

#[tokio::test(crate = "crate::support::limit")]
async fn missing_commits_that_a_checkpoint_covers() {
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good_lake().await.path(), copy.path());
    let lake = Damaged { lake: copy.path().to_owned() };
    let bronze = clickstream::lake::table::Table::at(
        &Lake::open(&copy.path().to_string_lossy(), &BTreeMap::new()).expect("a folder opens"),
        clickstream::bronze::schema::table(),
        &open(copy.path()).app.workers,
    );
    bronze.checkpoint(4).await.expect("a checkpoint");
    assert!(audit(copy.path(), Depth::Rows).await.holds);
    // The oldest commits may be cleaned up.
    (0..3).for_each(|version| std::fs::remove_file(lake.commit("bronze/events", version)).expect("deleted"));
    let report = audit(copy.path(), Depth::Rows).await;
    assert!(report.holds, "{:#?}", report.findings);
    // Cleaning up never leaves a hole before the checkpoint.
    std::fs::remove_file(lake.commit("bronze/events", 4)).expect("deleted");
    let report = audit(copy.path(), Depth::Rows).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::CommitMissing], "{:#?}", report.findings);
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_checkpoint_that_differs_from_the_commits() {
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good_lake().await.path(), copy.path());
    let lake = Damaged { lake: copy.path().to_owned() };
    let app = open(copy.path()).app;
    // The checkpoint is made while one `txn` of the log is wrong. Then the `txn` is corrected.
    let commit = lake.commit("silver/events", 3);
    let right = std::fs::read(&commit).expect("a commit");
    lake.edit_log("silver/events", 3, |lines| corrupt::txn(lines)["version"] = json!(12));
    app.gold.silver.checkpoint(3).await.expect("a checkpoint");
    std::fs::write(&commit, right).expect("written");
    let report = audit(copy.path(), Depth::Rows).await;
    let finding = report.findings.iter().find(|found| found.kind == Kind::CheckpointDiffers).expect("found");
    assert_eq!((finding.table.as_str(), finding.object.version), ("silver/events", Some(3)));
    assert!(finding.detail.contains(PARTITION), "{}", finding.detail);
}

/// Exit codes, the findings that are printed, and the JSON members that scripts rely on.
#[tokio::test(crate = "crate::support::limit")]
async fn the_command_reports_to_people_and_to_scripts() {
    let audit = |lake: &Path, arguments: &[&str]| {
        let output = clickstream().arg("audit").args(arguments).arg("--lake").arg(lake).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let good = good_lake().await.path();
    let (code, text) = audit(good, &[]);
    assert!(code == Some(0) && text.ends_with("nothing lost, nothing doubled\n"), "{text}");
    let nowhere = good.join("nowhere");
    assert_eq!(audit(&nowhere, &[]).0, Some(2));
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good, copy.path());
    let lake = Damaged { lake: copy.path().to_owned() };
    let file = lake.added("silver/events", 1);
    lake.edit_file("silver/events", &file, |rows| corrupt::with_text(&rows, 0, "user_id", "somebody else"));
    // This depth does not read rows.
    assert_eq!(audit(copy.path(), &["--files-only"]).0, Some(0));
    let (code, text) = audit(copy.path(), &[]);
    assert!(code == Some(1) && text.contains("row_differs") && text.contains(Kind::RowDiffers.action()), "{text}");
    let (code, text) = audit(copy.path(), &["--json"]);
    let report: Value = serde_json::from_str(&text).expect("one JSON object");
    assert_eq!((code, &report["holds"], &report["counts"]["row_differs"]), (Some(1), &json!(false), &json!(1)));
    let named = |finding: &&Value| finding["kind"] == "row_differs";
    let finding = report["findings"].as_array().and_then(|all| all.iter().find(named)).expect("it is named");
    assert_eq!(finding["table"], "silver/events");
    assert_eq!(finding["object"]["source"], PARTITION);
    assert_eq!(finding["object"]["first_sequence_number"], 0);
    assert!(["detail", "meaning", "action"].iter().all(|member| finding[member].as_str().is_some()), "{finding}");
}
