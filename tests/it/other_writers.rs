//! Other programs change the tables, as they are free to: they delete, update, compact and store rows in other types. The
//! product reads what they left, and refuses by name what it cannot keep.
//!
//! The other programs are real (`tests/readers/rewrite.py`). One lake is made and copied for each case.

use crate::support::corruption::{self as corrupt, Damaged};
use crate::support::envelope::Sent;
use crate::support::event::Event;
use crate::support::process::clickstream;
use crate::support::python::python;
use crate::support::render;
use crate::support::world::{NOON, World};
use clickstream::audit::{Depth, Kind, Report, audit_to};
use clickstream::error::{Consequence, Kind as ErrorKind};
use clickstream::event::time::Timestamp;
use clickstream::lake::store::Lake;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const TABLES: [&str; 6] =
    ["bronze/events", "silver/events", "silver/quarantine", "gold/sessions", "control/settings", "control/watermarks"];

fn open(folder: &Path) -> World {
    World::on(Lake::open(&folder.to_string_lossy(), &BTreeMap::new()).expect("a folder opens"), &[])
}

fn event(number: i64, user_id: &str, event_type: &str) -> Sent {
    let event = Event::page_view(Timestamp(NOON.0 - (60 - number) * 60_000_000))
        .with("user_id", user_id)
        .with("event_type", event_type)
        .with("page_url", "https://shop.example/a")
        .with("product_id", "A")
        .with("product_name", "Bicycle")
        .with("product_price", 2.5);
    // Of nobody's session: such an event is rejected.
    let event = if user_id.is_empty() { event.with("session_id", Value::Null) } else { event };
    Sent { sequence_number: number, enqueued_at: NOON, body: event.body() }
}

/// Two commits to each table. `keep-me` has 2 events, the second of which is a purchase; `erase-me` has 1; 2 were rejected.
async fn lake() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let world = open(folder.path());
    for batch in [
        [event(0, "keep-me", "page_view"), event(1, "erase-me", "page_view"), event(2, "", "page_view")].as_slice(),
        [event(3, "keep-me", "purchase"), event(4, "", "page_view")].as_slice(),
    ] {
        world.ingest("0", batch).await.expect("ingested");
        world.sessionize().await;
    }
    folder
}

/// What other programs do, in one process.
fn change(jobs: &[Value]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/rewrite.py");
    let mut child = Command::new(python()).arg(script).stdin(Stdio::piped()).spawn().expect("it starts");
    let jobs = json!(jobs).to_string();
    child.stdin.take().expect("piped").write_all(jobs.as_bytes()).expect("written");
    assert!(child.wait().expect("it ends").success());
}

struct Case {
    name: &'static str,
    /// What is done to which tables.
    jobs: Vec<Value>,
    /// Whether gold is no longer what silver says, so that `rebuild` replaces a date.
    replaced: bool,
    /// What the audit reports in the end, and of which table.
    found: Option<(Kind, &'static str)>,
    /// The table of which the audit names a commit, and what it says of it.
    removal: Option<(&'static str, &'static str)>,
}

fn cases() -> Vec<Case> {
    let all = |how: &str| Vec::from(TABLES.map(|table| json!({"table": table, "how": how})));
    let harmless = |name, jobs| Case { name, jobs, replaced: false, found: None, removal: None };
    let one = |table: &str, job: Value| {
        let mut job = job;
        job["table"] = json!(table);
        vec![job]
    };
    let by = [
        ("bronze/events", "sequence_number"),
        ("silver/events", "user_id"),
        ("silver/quarantine", "reason"),
        ("gold/sessions", "user_id"),
        ("control/watermarks", "gold_version"),
    ];
    vec![
        harmless("all tables stored with INT96", all("int96")),
        harmless("all tables stored in large types", all("large")),
        harmless("all tables stored as dictionaries and in narrow types", all("narrow")),
        harmless("all tables stored in wide types", all("wide")),
        harmless("all tables stored in another order", all("in_another_order")),
        harmless("all tables compacted", all("compact")),
        harmless(
            "rows written again in another order, as changes",
            ["bronze/events", "silver/events", "silver/quarantine"]
                .map(|table| json!({"table": table, "how": "reversed", "data_change": true}))
                .to_vec(),
        ),
        harmless(
            "all tables sorted",
            by.map(|(table, by)| json!({"table": table, "how": "z_order", "by": [by]})).to_vec(),
        ),
        harmless(
            "control updated",
            one("control/watermarks", json!({"how": "update", "where": "events > 0", "set": {"duration_ms": "0"}})),
        ),
        Case {
            name: "a row of silver deleted",
            jobs: one("silver/events", json!({"how": "delete", "where": "user_id = 'erase-me'"})),
            replaced: false,
            found: Some((Kind::EventsUnplaced, "bronze/events")),
            removal: Some(("silver/events", "`DELETE` removed 1 row of 1 event: ..., sequence number 1")),
        },
        Case {
            name: "a row of silver updated",
            jobs: one(
                "silver/events",
                json!({"how": "update", "where": "user_id = 'keep-me'", "set": {"geo_city": "'Bonn'"}}),
            ),
            replaced: false,
            found: Some((Kind::RowDiffers, "silver/events")),
            removal: Some((
                "silver/events",
                "`UPDATE` changed 2 rows of 2 events: ..., sequence number 0; ..., sequence number 3",
            )),
        },
        Case {
            name: "a row of bronze updated",
            jobs: one(
                "bronze/events",
                json!({"how": "update", "where": "sequence_number = 0", "set": {"page_url": "'/x'"}}),
            ),
            replaced: false,
            found: Some((Kind::RowDiffers, "bronze/events")),
            removal: Some(("bronze/events", "`UPDATE` changed 1 row of 1 event: ..., sequence number 0")),
        },
        Case {
            name: "a row of bronze deleted",
            jobs: one("bronze/events", json!({"how": "delete", "where": "sequence_number = 1"})),
            replaced: false,
            found: Some((Kind::EventsMissing, "bronze/events")),
            removal: Some(("bronze/events", "`DELETE` removed 1 row of 1 event: ..., sequence number 1")),
        },
        Case {
            name: "a row of quarantine deleted",
            jobs: one("silver/quarantine", json!({"how": "delete", "where": "sequence_number = 2"})),
            replaced: false,
            found: Some((Kind::EventsUnplaced, "bronze/events")),
            removal: Some(("silver/quarantine", "`DELETE` removed 1 row of 1 event: ..., sequence number 2")),
        },
        Case {
            name: "a row of gold updated",
            jobs: one(
                "gold/sessions",
                json!({"how": "update", "where": "user_id = 'erase-me'", "set": {"landing_page": "'/x'"}}),
            ),
            replaced: true,
            found: None,
            removal: None,
        },
    ]
}

/// After each change: another batch, `sessionize`, `rebuild` and the audit.
#[tokio::test(crate = "crate::support::limit")]
async fn what_others_did_to_the_files_stops_nothing_and_doubles_nothing() {
    let good = lake().await;
    let cases = cases();
    let folders: Vec<TempDir> = cases.iter().map(|_| tempfile::tempdir().expect("a folder")).collect();
    let mut jobs = Vec::new();
    for (case, folder) in cases.iter().zip(&folders) {
        corrupt::copy(good.path(), folder.path());
        jobs.extend(case.jobs.iter().map(|job| {
            let mut job = job.clone();
            job["lake"] = json!(folder.path());
            job
        }));
    }
    change(&jobs);
    for (Case { name, replaced, found, removal, .. }, folder) in cases.into_iter().zip(&folders) {
        let world = open(folder.path());
        world
            .ingest("0", &[event(5, "keep-me", "page_view")])
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        world.sessionize().await;
        assert_kept(name, &world).await;
        assert_eq!(!world.rebuild().await.is_empty(), replaced, "{name}");
        assert_kept(name, &world).await;
        let report = audit(&world).await;
        match found {
            None => assert!(report.holds, "{name}: {:#?}", report.findings),
            Some((kind, table)) => {
                let is_named = report.findings.iter().any(|found| (found.kind, found.table.as_str()) == (kind, table));
                assert!(is_named, "{name}: {:#?}", report.findings);
            }
        }
        assert_eq!(removals(&report), Vec::from_iter(removal.map(|(table, detail)| named(3, table, detail))), "{name}");
    }
}

/// The commits that the audit names, and what it says of them.
fn removals(report: &Report) -> Vec<(i64, String, String)> {
    let named = report.findings.iter().filter(|found| found.kind == Kind::RowsRemoved);
    named
        .map(|found| {
            let engine = found.object.engine.as_deref().expect("an engine");
            // A commit without the name of a program is called by its operation.
            assert!(engine.starts_with("delta-rs") || engine == "OPTIMIZE", "{engine}");
            let version = found.object.version.expect("a version");
            (
                version,
                found.table.clone(),
                found.detail.replace("partition test.servicebus.windows.net/clicks/$Default/0", "..."),
            )
        })
        .collect()
}

fn named(version: i64, table: &str, detail: &str) -> (i64, String, String) {
    (version, table.to_owned(), detail.to_owned())
}

/// Of several commits that removed files, the audit names the one that lost rows. Where a vacuum has deleted the removed files,
/// nobody can say what was in them. A commit that only moved rows is named by nobody, whatever became of its files.
#[tokio::test(crate = "crate::support::limit")]
async fn the_commit_that_lost_rows_is_named_among_others_and_after_a_vacuum() {
    let folder = lake().await;
    let job = |how: Value| {
        let mut job = how;
        job["lake"] = json!(folder.path());
        job["table"] = json!("silver/events");
        job
    };
    change(&[
        job(json!({"how": "reversed", "data_change": true})),
        job(json!({"how": "delete", "where": "user_id = 'erase-me'"})),
        job(json!({"how": "reversed", "data_change": true})),
    ]);
    let world = open(folder.path());
    let deleted = "`DELETE` removed 1 row of 1 event: ..., sequence number 1";
    assert_eq!(removals(&audit(&world).await), [named(4, "silver/events", deleted)]);
    let lake = Damaged { lake: folder.path().to_owned() };
    for removed in lake.lines("silver/events", 4).iter().filter_map(|line| line["remove"]["path"].as_str()) {
        std::fs::remove_file(lake.path("silver/events").join(removed)).expect("deleted");
    }
    let report = audit(&world).await;
    assert!(report.findings.iter().any(|found| found.kind == Kind::EventsUnplaced), "{:#?}", report.findings);
    let suspected = removals(&report);
    assert!(
        suspected.iter().any(|(version, _, detail)| *version == 4 && detail.contains("no longer")),
        "{suspected:?}"
    );
    assert!(suspected.iter().all(|(version, ..)| *version != 5), "{suspected:?}");
}

/// `keep-me` has one session with 3 events, of which 1 is a purchase.
async fn assert_kept(name: &str, world: &World) {
    let sessions = world.rows("sessions").await;
    let kept: Vec<&Value> = sessions.iter().filter(|session| session["user_id"] == "keep-me").collect();
    assert_eq!(kept.len(), 1, "{name}: {sessions:?}");
    assert_eq!((&kept[0]["total_events"], &kept[0]["purchase_count"]), (&json!(3), &json!(1)), "{name}");
    assert_eq!(kept[0]["product_names_viewed"], json!(["Bicycle"]), "{name}");
}

async fn audit(world: &World) -> Report {
    audit_to(&world.app, Depth::Rows, &|_| {}).await.expect("the audit can look")
}

/// The cases of the field with the command that people run.
#[tokio::test(crate = "crate::support::limit")]
async fn the_command_continues_after_a_deletion_and_after_spark_has_compacted() {
    let first = tempfile::tempdir().expect("a folder");
    drain(first.path(), "row-deleted.ndjson");
    let copies = ["silver/events", "gold/sessions", "bronze/events"].map(|table| {
        let copy = tempfile::tempdir().expect("a folder");
        corrupt::copy(first.path(), copy.path());
        (table, copy)
    });
    let stored = copies.iter().map(|(table, copy)| json!({"lake": copy.path(), "table": table, "how": "int96"}));
    let deleted =
        json!({"lake": first.path(), "table": "silver/events", "how": "delete", "where": "user_id = 'erase-me'"});
    change(&stored.chain([deleted]).collect::<Vec<_>>());
    for (table, copy) in &copies {
        drain(copy.path(), "row-deleted-later.ndjson");
        assert_eq!(run(copy.path(), "rebuild").0, Some(0), "{table}");
        let (code, text) = run(copy.path(), "audit");
        assert_eq!(code, Some(0), "{table}: {text}");
        assert_eq!(events_of_keep_me(copy.path()).await, 2, "{table}");
    }
    drain_to(first.path(), "row-deleted-later.ndjson", Some(1));
    let sessions = open(first.path()).rows("sessions").await;
    let sessions: Vec<_> = sessions.iter().map(|session| (&session["user_id"], &session["total_events"])).collect();
    assert_eq!(sessions, [(&json!("keep-me"), &json!(2))], "gold follows its table");
    assert_eq!(run(first.path(), "rebuild").0, Some(0));
    let (code, text) = run(first.path(), "audit");
    assert_eq!(code, Some(1), "{text}");
    // The commit, the engine, and the position of the row.
    for part in [
        "events_unplaced",
        "rows_removed",
        "version 2, engine delta-rs",
        "`DELETE` removed 1 row of 1 event: partition",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// delta-rs sorts the rows of silver by product, so that those of one event no longer follow each other.
#[tokio::test(crate = "crate::support::limit")]
async fn the_command_continues_after_silver_was_sorted_by_product() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path();
    drain(lake, "rows-sorted.ndjson");
    change(&[json!({"lake": lake, "table": "silver/events", "how": "z_order", "by": ["product_id"]})]);
    drain(lake, "rows-sorted-later.ndjson");
    for step in ["", "rebuild", "audit"] {
        if !step.is_empty() {
            let (code, text) = run(lake, step);
            assert_eq!(code, Some(0), "{step}: {text}");
        }
        let columns = ["user_id", "product_ids_viewed", "purchase_count", "total_purchase_value"];
        let expected = "user_id  product_ids_viewed  purchase_count  total_purchase_value\n\
                        u1       [A Z]               1               3.0\n\
                        u2       [M]                 1               5.0\n\
                        u3       []                  0               0.0\n";
        assert_eq!(render::columns(&open(lake).rows("sessions").await, &columns), expected, "after {step}");
    }
}

fn drain(lake: &Path, input: &str) {
    drain_to(lake, input, Some(0));
}

/// The command audits the lake when it has drained its input.
fn drain_to(lake: &Path, input: &str, code: Option<i32>) {
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/field").join(input);
    let mut local = clickstream();
    local.args(["local", "--port", "0", "--partitions", "1", "--drain", "--lake"]).arg(lake).arg("--input").arg(input);
    let output = local.output().expect("it starts");
    assert_eq!(output.status.code(), code, "{}", String::from_utf8_lossy(&output.stderr));
}

fn run(lake: &Path, command: &str) -> (Option<i32>, String) {
    let output = clickstream().arg(command).arg("--lake").arg(lake).output().expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn events_of_keep_me(lake: &Path) -> i64 {
    let sessions = open(lake).rows("sessions").await;
    let kept = sessions.iter().filter(|session| session["user_id"] == "keep-me");
    kept.map(|session| session["total_events"].as_i64().expect("a number")).sum()
}

/// A file with what its table does not allow. The message names table, file and column.
#[tokio::test(crate = "crate::support::limit")]
async fn a_value_that_a_table_does_not_allow_is_named_with_its_file() {
    let lake = lake().await;
    let update = |table, set: Value| json!({"lake": lake.path(), "table": table, "how": "update", "where": "user_id = 'erase-me'", "set": set});
    change(&[update("silver/events", json!({"user_id": "''"}))]);
    let world = open(lake.path());
    let error = world.app.gold.sessionize().await.expect_err("refused");
    let message = error.to_string();
    let file = Damaged { lake: lake.path().to_owned() }.added("silver/events", 3);
    for part in ["`silver/events`", &format!("`{file}`"), "an id is empty"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(error.kind(), ErrorKind::Operator);
}

/// What somebody switches on, and back off.
struct Switch {
    table: &'static str,
    on: (&'static str, &'static str),
    off: Option<&'static str>,
    /// What Spark makes of the protocol. It stays when the property is set back.
    protocol: Option<Value>,
    /// How the message names it.
    named: &'static str,
}

fn switches() -> Vec<Switch> {
    let writer = |features: &[&str]| {
        let mut features = features.to_vec();
        features.extend(["appendOnly", "invariants"]);
        json!({"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": features})
    };
    let both = |feature: &str| {
        json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [feature],
               "writerFeatures": [feature, "appendOnly", "invariants"]})
    };
    let legacy = |reader: i32, writer: i32| json!({"minReaderVersion": reader, "minWriterVersion": writer});
    let switch = |table, on, off, protocol, named| Switch { table, on, off, protocol, named };
    vec![
        switch(
            "silver/events",
            ("delta.enableChangeDataFeed", "true"),
            Some("false"),
            Some(legacy(1, 4)),
            "change data feed",
        ),
        switch(
            "bronze/events",
            ("delta.enableChangeDataFeed", "true"),
            None,
            Some(writer(&["changeDataFeed"])),
            "change data feed",
        ),
        switch(
            "gold/sessions",
            ("delta.enableDeletionVectors", "true"),
            Some("false"),
            Some(both("deletionVectors")),
            "deletion vectors",
        ),
        switch(
            "silver/quarantine",
            ("delta.columnMapping.mode", "name"),
            Some("none"),
            Some(legacy(2, 5)),
            "column mapping",
        ),
        switch("gold/sessions", ("delta.appendOnly", "true"), Some("false"), None, "append-only"),
        switch(
            "control/watermarks",
            ("delta.setTransactionRetentionDuration", "interval 7 days"),
            None,
            None,
            "forgetting what was ingested",
        ),
        switch(
            "silver/events",
            ("delta.setTransactionRetentionDuration", "interval 7 days"),
            None,
            None,
            "forgetting what was ingested",
        ),
        switch(
            "bronze/events",
            ("delta.checkpointPolicy", "v2"),
            Some("classic"),
            Some(both("v2Checkpoint")),
            "checkpoints",
        ),
    ]
}

/// Refused before anything is written, and accepted again once the hint was followed, although the protocol stays raised.
#[tokio::test(crate = "crate::support::limit")]
async fn what_was_switched_on_is_refused_by_name_and_nothing_is_written() {
    let good = lake().await;
    for Switch { table, on: (property, value), off, protocol, named } in switches() {
        let copy = tempfile::tempdir().expect("a folder");
        corrupt::copy(good.path(), copy.path());
        let lake = Damaged { lake: copy.path().to_owned() };
        let is_of_gold = table.starts_with("gold") || table.starts_with("control");
        if is_of_gold {
            open(copy.path()).ingest("0", &[event(5, "keep-me", "page_view")]).await.expect("ingested");
        }
        set(&lake, table, property, Some(value), protocol);
        let before = objects(copy.path());
        let world = open(copy.path());
        let (kind, message) = match is_of_gold {
            true => world.app.gold.sessionize().await.map(drop).map_err(|error| (error.kind(), error.to_string())),
            false => {
                let batch = [event(5, "keep-me", "page_view")];
                world.ingest("0", &batch).await.map(drop).map_err(|error| (error.kind, error.reason))
            }
        }
        .expect_err(property);
        assert_eq!(kind, ErrorKind::Operator, "{message}");
        for part in [&format!("`{table}`"), named, property, "TBLPROPERTIES", "nothing was written"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(message.matches(property).count(), 2, "said once, with one hint: {message}");
        assert_eq!(objects(copy.path()), before, "{table}: {property}");
        set(&lake, table, property, off, None);
        let world = open(copy.path());
        world.ingest("0", &[event(5, "keep-me", "page_view")]).await.expect("accepted again");
        world.sessionize().await;
        assert_kept(property, &world).await;
        let report = audit(&world).await;
        assert!(report.holds, "{table}, {property}: {:#?}", report.findings);
    }
}

/// A process that runs notices it as well: with its next commit, and from then on before each batch.
#[tokio::test(crate = "crate::support::limit")]
async fn a_process_that_runs_notices_what_was_switched_on() {
    let folder = lake().await;
    let lake = Damaged { lake: folder.path().to_owned() };
    let world = open(folder.path());
    world.ingest("0", &[event(5, "keep-me", "page_view")]).await.expect("ingested");
    change(&[json!({"lake": folder.path(), "table": "silver/events", "how": "set",
                    "properties": {"delta.enableChangeDataFeed": "true"}})]);
    let refused = world.ingest("0", &[event(6, "keep-me", "page_view")]).await.expect_err("refused");
    assert!(refused.reason.contains("`silver/events`: change data feed"), "{}", refused.reason);
    let before = objects(folder.path());
    world.ingest("0", &[event(7, "keep-me", "page_view")]).await.expect_err("refused");
    assert_eq!(objects(folder.path()), before);
    set(&lake, "silver/events", "delta.enableChangeDataFeed", None, None);
    world.ingest("0", &[event(6, "keep-me", "page_view"), event(7, "keep-me", "page_view")]).await.expect("ingested");
    world.sessionize().await;
    let report = audit(&world).await;
    assert!(report.holds, "{:#?}", report.findings);
}

/// The property is off again, and a file still has a deletion vector. Its rows would be read as if none was deleted.
#[tokio::test(crate = "crate::support::limit")]
async fn a_deletion_vector_is_refused_until_it_is_purged() {
    let good = lake().await;
    for table in ["silver/events", "gold/sessions"] {
        let copy = tempfile::tempdir().expect("a folder");
        corrupt::copy(good.path(), copy.path());
        let lake = Damaged { lake: copy.path().to_owned() };
        open(copy.path()).ingest("0", &[event(5, "keep-me", "page_view")]).await.expect("ingested");
        let file = lake.files(table).remove(0);
        let adds = (0..)
            .map(|version| lake.lines(table, version))
            .find_map(|lines| lines.into_iter().find(|line| line["add"]["path"] == file.as_str()));
        let purged = adds.expect("a commit added it");
        let mut deleted = purged.clone();
        deleted["add"]["deletionVector"] =
            json!({"storageType": "i", "pathOrInlineDv": "wi5b=", "sizeInBytes": 6, "cardinality": 1});
        // In the order in which Spark writes them.
        let remove = json!({"remove": {"path": file, "dataChange": true, "deletionTimestamp": 0}});
        commit(&lake, table, &[deleted, remove.clone()]);
        let before = objects(copy.path());
        let error = open(copy.path()).app.gold.sessionize().await.expect_err("refused");
        let message = error.to_string();
        for part in [&format!("`{table}`"), &format!("`{file}` has a deletion vector"), "APPLY (PURGE)"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(error.kind(), ErrorKind::Operator);
        assert_eq!(objects(copy.path()), before);
        audit_to(&open(copy.path()).app, Depth::Files, &|_| {}).await.expect_err("the audit cannot look");
        let mut purged = purged;
        purged["add"]["dataChange"] = json!(false);
        commit(&lake, table, &[remove, purged]);
        let world = open(copy.path());
        world.sessionize().await;
        assert_kept(table, &world).await;
        let report = audit(&world).await;
        assert!(report.holds, "{table}: {:#?}", report.findings);
    }
}

/// Its files are in other files, which are not read. Without them the table would look empty.
#[tokio::test(crate = "crate::support::limit")]
async fn a_checkpoint_of_version_2_is_refused_by_name() {
    let folder = lake().await;
    let lake = Damaged { lake: folder.path().to_owned() };
    let hint = json!({"version": 2, "size": 5, "v2Checkpoint": {"path": "x", "sizeInBytes": 1, "modificationTime": 1}});
    let path = lake.path("silver/events").join("_delta_log/_last_checkpoint");
    std::fs::write(path, hint.to_string()).expect("written");
    let before = objects(folder.path());
    let refused = open(folder.path()).ingest("0", &[event(5, "keep-me", "page_view")]).await.expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::Operator);
    for part in ["`silver/events`", "checkpoint is of version 2", "'delta.checkpointPolicy' = 'classic'"] {
        assert!(refused.reason.contains(part), "{}", refused.reason);
    }
    assert_eq!(objects(folder.path()), before);
}

/// Commits what `ALTER TABLE` does: the metadata with another value of `property`, and a protocol where that changes.
fn set(lake: &Damaged, table: &str, property: &str, value: Option<&str>, protocol: Option<Value>) {
    let last = last_version(lake, table);
    let metadata =
        (0..=last).rev().flat_map(|version| lake.lines(table, version)).find(|line| line["metaData"].is_object());
    let mut metadata = metadata.expect("a table has metadata");
    let properties = metadata["metaData"]["configuration"].as_object_mut().expect("properties");
    match value {
        Some(value) => properties.insert(property.to_owned(), json!(value)),
        None => properties.remove(property),
    };
    let lines = [Some(metadata), protocol.map(|protocol| json!({"protocol": protocol}))];
    commit(lake, table, &lines.into_iter().flatten().collect::<Vec<_>>());
}

fn last_version(lake: &Damaged, table: &str) -> i64 {
    (0..).take_while(|&version| lake.commit(table, version).exists()).last().expect("a table")
}

fn commit(lake: &Damaged, table: &str, actions: &[Value]) {
    let text: Vec<String> = actions.iter().map(Value::to_string).collect();
    std::fs::write(lake.commit(table, last_version(lake, table) + 1), text.join("\n")).expect("written");
}

/// The paths of all files below `folder`.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(objects(&path)),
            false => found.push(path),
        }
    }
    found.sort_unstable();
    found
}
