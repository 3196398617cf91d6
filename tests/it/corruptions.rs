//! A lake corrupted in every way we could think of, through the files on disk: the audit finds each, names the object,
//! and says what it means.
//!
//! One good lake is made once and copied for each case. Who edits rows here also corrects size and row count in the log,
//! and the sizes in checkpoints do not exist: only who looks into the rows can find it.

use crate::support::corruption::{self as corrupt, Damaged};
use crate::support::envelope::Sent;
use crate::support::process::clickstream;
use crate::support::world::{NOON, World};
use clickstream::audit::{Depth, Kind, Object, Report, audit_to};
use clickstream::event::time::Timestamp;
use clickstream::lake::store::Lake;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

const PARTITION: &str = "test.servicebus.windows.net/clicks/$Default/0";

/// Three batches to each of two partitions; gold was made after each. The third event of a batch is rejected.
async fn good_lake() -> &'static TempDir {
    static LAKE: OnceLock<TempDir> = OnceLock::new();
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ALONE.lock().await;
    if let Some(lake) = LAKE.get() {
        return lake;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let world = open(folder.path());
    for batch in 0..3 {
        for partition in ["0", "1"] {
            let events: Vec<Sent> = (batch * 10..(batch + 1) * 10).map(|number| event(partition, number)).collect();
            world.ingest(partition, &events).await.expect("the batch is taken");
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
        .with("user_id", if is_rejected { Value::Null } else { format!("u{}", number % 4).into() })
        .with("session_id", format!("s{partition}"))
        .with("event_type", "purchase")
        .with("page_url", "/")
        .with("product_id", vec!["A", "B"])
        .with("product_name", vec!["a", "b"])
        .with("product_price", vec![1.5, 2.5]);
    Sent { sequence_number: number, enqueued_at: NOON, body: event.body() }
}

async fn look(folder: &Path, depth: Depth) -> Report {
    audit_to(&open(folder).app, depth, &|_| {}).await.expect("the audit can look")
}

/// Where a case expects its finding.
struct Case {
    kind: Kind,
    table: &'static str,
    object: Object,
}

/// Damages a copy of the good lake. The audit must name exactly what was done.
async fn found<F>(damage: F) -> Report
where
    F: FnOnce(&Damaged) -> Case,
{
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good_lake().await.path(), copy.path());
    let case = damage(&Damaged { lake: copy.path().to_owned() });
    let report = look(copy.path(), Depth::Rows).await;
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

#[tokio::test]
async fn a_good_lake_passes_at_either_depth() {
    let lake = good_lake().await;
    for depth in [Depth::Files, Depth::Rows] {
        let report = look(lake.path(), depth).await;
        assert!(report.holds, "{:#?}", report.findings);
        assert_eq!(report.tables.len(), 5);
        assert!(report.tables.iter().all(|table| table.sum.files > 0 && table.sum.rows > 0 && table.sum.lost == 0));
    }
}

#[tokio::test]
async fn a_deleted_file() {
    found(|lake| {
        let file = lake.files("silver/events").remove(1);
        std::fs::remove_file(lake.path("silver/events").join(&file)).expect("deleted");
        Case { kind: Kind::FileMissing, table: "silver/events", object: Object::file(&file) }
    })
    .await;
}

#[tokio::test]
async fn an_add_that_is_there_twice_in_one_commit_or_in_two() {
    for to in [2, 3] {
        found(|lake| {
            let add = lake.lines("bronze/events", 2).into_iter().find(|line| line["add"].is_object()).expect("an add");
            let file = add["add"]["path"].as_str().expect("a path").to_owned();
            lake.edit_log("bronze/events", to, |lines| lines.push(add));
            let object = Object { file: Some(file), ..Object::versions(to, to) };
            Case { kind: Kind::FileAddedTwice, table: "bronze/events", object }
        })
        .await;
    }
}

#[tokio::test]
async fn a_truncated_file() {
    found(|lake| {
        let file = lake.files("bronze/events").remove(0);
        let path = lake.path("bronze/events").join(&file);
        let bytes = std::fs::read(&path).expect("it is there");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
        Case { kind: Kind::FileUnreadable, table: "bronze/events", object: Object::file(&file) }
    })
    .await;
}

#[tokio::test]
async fn a_dropped_commit() {
    for table in ["bronze/events", "silver/events", "silver/quarantine", "gold/sessions", "control/watermarks"] {
        found(|lake| {
            std::fs::remove_file(lake.commit(table, 2)).expect("deleted");
            Case { kind: Kind::CommitMissing, table, object: Object::versions(2, 2) }
        })
        .await;
    }
}

/// The last one leaves no hole. What it held is missing all the same.
#[tokio::test]
async fn a_dropped_last_commit() {
    found(|lake| {
        std::fs::remove_file(lake.commit("bronze/events", 6)).expect("deleted");
        let other = PARTITION.replace("/0", "/1");
        Case { kind: Kind::EventsInvented, table: "silver/events", object: Object::events(&other, 20, 21) }
    })
    .await;
    found(|lake| {
        std::fs::remove_file(lake.commit("control/watermarks", 3)).expect("deleted");
        Case { kind: Kind::ControlDiffers, table: "control/watermarks", object: Object::default() }
    })
    .await;
}

/// Backwards, and forwards without ever going back.
#[tokio::test]
async fn an_edited_txn() {
    let set = |to: i64| move |lines: &mut Vec<Value>| corrupt::txn(lines)["version"] = json!(to);
    found(|lake| {
        lake.edit_log("silver/events", 5, set(3));
        let object = Object { app_id: Some(format!("silver:{PARTITION}")), ..Object::versions(5, 5) };
        Case { kind: Kind::TxnWentBack, table: "silver/events", object }
    })
    .await;
    found(|lake| {
        lake.edit_log("bronze/events", 3, set(15));
        let object = Object { source: Some(PARTITION.to_owned()), ..Object::versions(3, 3) };
        Case { kind: Kind::TxnDisagrees, table: "bronze/events", object }
    })
    .await;
    found(|lake| {
        lake.edit_log("gold/sessions", 3, set(5));
        Case { kind: Kind::TxnDisagrees, table: "gold/sessions", object: Object::versions(3, 3) }
    })
    .await;
}

#[tokio::test]
async fn a_removed_gold_row() {
    found(|lake| {
        let removed = lake.edit_rows("gold/sessions", |rows| corrupt::without_row(&rows, 1));
        Case { kind: Kind::SessionMissing, table: "gold/sessions", object: session(&removed[1]) }
    })
    .await;
}

#[tokio::test]
async fn a_doubled_gold_row() {
    found(|lake| {
        let doubled = lake.edit_rows("gold/sessions", |rows| corrupt::with_row_twice(&rows, 1));
        Case { kind: Kind::SessionDoubled, table: "gold/sessions", object: session(&doubled[1]) }
    })
    .await;
}

#[tokio::test]
async fn an_edited_gold_row() {
    found(|lake| {
        let edited = lake.edit_rows("gold/sessions", |rows| corrupt::with_text(&rows, 1, "landing_page", "/x"));
        Case { kind: Kind::SessionDiffers, table: "gold/sessions", object: session(&edited[1]) }
    })
    .await;
}

fn session(row: &Value) -> Object {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    Object { user_id: text("user_id"), session_id: text("session_id"), ..Object::default() }
}

/// The row of the last run, and that of the only run there is to compare it with.
#[tokio::test]
async fn a_watermark_shifted_back() {
    for gold_version in [1, 3] {
        for kind in [Kind::WatermarkWentBack, Kind::ControlDiffers] {
            // Before the first run there is nothing to go back from.
            if (gold_version, kind) == (1, Kind::WatermarkWentBack) {
                continue;
            }
            found(|lake| {
                let version = gold_version as usize;
                let file = lake.added("control/watermarks", version as i64);
                lake.edit_file("control/watermarks", &file, |rows| corrupt::a_day_less(&rows, "watermark"));
                let object = Object { file: Some(file), ..Object::versions(gold_version, gold_version) };
                Case { kind, table: "control/watermarks", object }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_removed_quarantine_row() {
    found(|lake| {
        // The first commit brings the rejected event of the first batch.
        let file = lake.added("silver/quarantine", 1);
        lake.edit_file("silver/quarantine", &file, |rows| corrupt::without_row(&rows, 0));
        Case { kind: Kind::EventsUnplaced, table: "bronze/events", object: Object::events(PARTITION, 2, 2) }
    })
    .await;
}

#[tokio::test]
async fn an_edited_silver_row() {
    for (column, value) in [("user_id", "somebody else"), ("product_name", "c")] {
        let report = found(|lake| {
            let file = lake.added("silver/events", 1);
            lake.edit_file("silver/events", &file, |rows| corrupt::with_text(&rows, 0, column, value));
            Case { kind: Kind::RowDiffers, table: "silver/events", object: Object::events(PARTITION, 0, 0) }
        })
        .await;
        let finding = report.findings.iter().find(|found| found.kind == Kind::RowDiffers).expect("found");
        assert!(finding.detail.contains(&format!("`{column}`")), "{finding:?}");
    }
}

#[tokio::test]
async fn an_edited_or_doubled_bronze_row() {
    found(|lake| {
        let file = lake.added("bronze/events", 1);
        lake.edit_file("bronze/events", &file, |rows| corrupt::with_text(&rows, 4, "page_url", "/x"));
        let object = Object { file: Some(file), ..Object::events(PARTITION, 4, 4) };
        Case { kind: Kind::RowDiffers, table: "bronze/events", object }
    })
    .await;
    found(|lake| {
        let file = lake.added("bronze/events", 1);
        lake.edit_file("bronze/events", &file, |rows| corrupt::with_row_twice(&rows, 4));
        Case { kind: Kind::EventsDoubled, table: "bronze/events", object: Object::events(PARTITION, 4, 4) }
    })
    .await;
}

#[tokio::test]
async fn a_doubled_silver_row() {
    found(|lake| {
        let file = lake.added("silver/events", 1);
        lake.edit_file("silver/events", &file, |rows| corrupt::with_row_twice(&rows, 1));
        Case { kind: Kind::EventsDoubled, table: "silver/events", object: Object::events(PARTITION, 0, 0) }
    })
    .await;
}

/// Rows, size and row count are right for themselves, and not what was committed.
#[tokio::test]
async fn a_file_that_is_not_the_one_committed() {
    for kind in [Kind::FileSizeDiffers, Kind::RowCountDiffers] {
        found(|lake| {
            let file = lake.added("silver/quarantine", 2);
            lake.rewrite("silver/quarantine", &file, |rows| corrupt::with_row_twice(&rows, 0));
            Case { kind, table: "silver/quarantine", object: Object::file(&file) }
        })
        .await;
    }
}

/// By its absolute path, from the log of another table.
#[tokio::test]
async fn a_file_of_two_tables() {
    found(|lake| {
        let file = lake.added("bronze/events", 1);
        let absolute =
            url::Url::from_file_path(lake.path("bronze/events").canonicalize().expect("a folder").join(&file));
        let absolute = absolute.expect("an absolute path").to_string();
        lake.edit_log("silver/quarantine", 2, |lines| corrupt::add(lines)["path"] = json!(absolute.clone()));
        Case { kind: Kind::FileShared, table: "silver/quarantine", object: Object::file(&absolute) }
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_that_forgets_a_txn_and_commits_that_it_covers() {
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good_lake().await.path(), copy.path());
    let lake = Damaged { lake: copy.path().to_owned() };
    let bronze = clickstream::lake::table::Table::at(
        &Lake::open(&copy.path().to_string_lossy(), &BTreeMap::new()).expect("a folder opens"),
        clickstream::bronze::schema::table(),
        &open(copy.path()).app.workers,
    );
    bronze.checkpoint(4).await.expect("a checkpoint");
    assert!(look(copy.path(), Depth::Rows).await.holds);
    // Cleaned up from the oldest on: legal.
    (0..3).for_each(|version| std::fs::remove_file(lake.commit("bronze/events", version)).expect("deleted"));
    let report = look(copy.path(), Depth::Rows).await;
    assert!(report.holds, "{:#?}", report.findings);
    // A hole below the checkpoint is not how logs are cleaned up.
    std::fs::remove_file(lake.commit("bronze/events", 4)).expect("deleted");
    let report = look(copy.path(), Depth::Rows).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::CommitMissing], "{:#?}", report.findings);
}

#[tokio::test]
async fn a_checkpoint_that_says_something_else() {
    let copy = tempfile::tempdir().expect("a folder");
    corrupt::copy(good_lake().await.path(), copy.path());
    let lake = Damaged { lake: copy.path().to_owned() };
    let app = open(copy.path()).app;
    // The checkpoint is made of a log whose `txn` is another, and that is put right behind it.
    let commit = lake.commit("silver/events", 3);
    let right = std::fs::read(&commit).expect("a commit");
    lake.edit_log("silver/events", 3, |lines| corrupt::txn(lines)["version"] = json!(12));
    app.gold.silver.checkpoint(3).await.expect("a checkpoint");
    std::fs::write(&commit, right).expect("written");
    let report = look(copy.path(), Depth::Rows).await;
    let finding = report.findings.iter().find(|found| found.kind == Kind::CheckpointDiffers).expect("found");
    assert_eq!((finding.table.as_str(), finding.object.version), ("silver/events", Some(3)));
    assert!(finding.detail.contains(PARTITION), "{}", finding.detail);
}

/// As a person and as a script run it: exit codes, what is named, and the members that scripts rely on.
#[tokio::test]
async fn the_command_says_it_to_people_and_to_scripts() {
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
    // Whether a row is right is not looked at here.
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
