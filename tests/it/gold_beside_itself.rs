//! Several processes that run the timers at once, kills between two commits, and a rebuild that finds nothing
//! afterwards.

use crate::support::envelope::Sent;
use crate::support::event::Event;
use crate::support::render;
use crate::support::world::{NOON, World};
use clickstream::app::App;
use clickstream::event::time::Span;
use clickstream::gold::control::{Activity, Run};
use clickstream::gold::rebuild::Scope;
use clickstream::lake::LakeError;
use clickstream::lake::log::Log;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;
use object_store::ObjectStoreExt;

/// One event every 20 minutes, dealt out to five users. Every third event arrives only after all the others.
fn events(partition: i64) -> Vec<Sent> {
    let order = (0..120i64).filter(|n| n % 3 != 0).chain((0..120).filter(|n| n % 3 == 0));
    let event = |n: i64| {
        let at = NOON - Span::from_minutes(3_000 - n * 20);
        let event = Event::page_view(at).with("user_id", format!("u{}", n % 5)).with("page_url", format!("/{n}"));
        event.with("event_id", format!("{partition}-{n}"))
    };
    let numbered = order.enumerate();
    numbered
        .map(|(sequence, n)| Sent { sequence_number: sequence as i64, enqueued_at: NOON, body: event(n).body() })
        .collect()
}

async fn ingest_all(world: &World, partition: i64) {
    for batch in events(partition).chunks(7) {
        world.ingest(&partition.to_string(), batch).await.expect("the batch is ingested");
    }
}

/// As the timers of the host do. A run that lost every race fails, and the next one tries again.
async fn sessionize_and_rebuild(app: App, rounds: u32) {
    for round in 0..rounds {
        match app.gold.sessionize().await {
            Err(error) if !matches!(*error, LakeError::Contended { .. }) => panic!("{error}"),
            _ => {}
        }
        if round % 5 == 0 {
            match app.gold.rebuild(Scope::All).await {
                Err(error) if !matches!(*error, LakeError::Contended { .. }) => panic!("{error}"),
                _ => {}
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn two_owners_of_the_timers_beside_ingest_change_nothing() {
    let settings = [("SESSIONIZE_MAX_EVENTS", "10")];
    let mut world = World::with(&settings);
    let owners: Vec<_> = (0..2)
        .map(|_| {
            world.restart();
            tokio::spawn(sessionize_and_rebuild(world.app.clone(), 30))
        })
        .collect();
    world.restart();
    tokio::join!(ingest_all(&world, 0), ingest_all(&world, 1), ingest_all(&world, 2));
    for owner in owners {
        owner.await.expect("an owner ends");
    }
    world.sessionize().await;
    let alone = World::new();
    tokio::join!(ingest_all(&alone, 0), ingest_all(&alone, 1), ingest_all(&alone, 2));
    alone.sessionize().await;
    assert_eq!(render::sessions(&world.app.gold.table).await, render::sessions(&alone.app.gold.table).await);
    let report = clickstream::audit::audit(&world.app).await.expect("the audit can look");
    assert!(report.holds, "{:?}", report.findings);
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_second_run_of_a_timer_does_nothing() {
    let world = World::new();
    ingest_all(&world, 0).await;
    world.sessionize().await;
    let before = world.app.gold.table.snapshot(Replay::Txns).await.expect("a table").version;
    assert!(world.app.gold.sessionize().await.expect("it works").run.is_none());
    assert_eq!(world.app.gold.table.snapshot(Replay::Txns).await.expect("a table").version, before);
}

/// The process was killed after gold's commit and before its control row.
#[tokio::test(crate = "crate::support::limit")]
async fn a_control_row_that_a_kill_left_out_is_written_by_the_next_run() {
    let mut world = World::new();
    ingest_all(&world, 0).await;
    world.sessionize().await;
    let control = world.app.gold.control.table.clone();
    let complete = render::rows(&control).await;
    let last = control.snapshot(Replay::Txns).await.expect("a table").version;
    control.store.delete(&Log::path(last)).await.expect("deleted");
    assert_eq!(render::rows(&control).await.len(), complete.len() - 1);
    world.restart();
    world.sessionize().await;
    assert_eq!(render::rows(&control).await, complete);
}

/// A rebuild reads the watermark, sessionize moves it, and then the row of the rebuild is written.
#[tokio::test(crate = "crate::support::limit")]
async fn a_rebuild_beside_sessionize_does_not_take_the_watermark_back() {
    let world = World::new();
    let events = events(0);
    let gold = &world.app.gold;
    let mut watermarks = Vec::new();
    for half in events.chunks(events.len() / 2) {
        world.ingest("0", half).await.expect("the batch is ingested");
        world.sessionize().await;
        watermarks.push(gold.sessionize().await.expect("it works").watermark);
    }
    assert!(watermarks[0] < watermarks[1], "{watermarks:?}");
    let id = gold.table.snapshot(Replay::Txns).await.expect("a table").table_id().to_owned();
    let late = Run { gold_version: 1, watermark: watermarks[0], ..Run::nothing(Activity::Rebuild) };
    gold.control.record(&id, &late).await.expect("recorded");
    assert_eq!(gold.control.recorded(&id).await.expect("it can be read").watermark, watermarks[1]);
}

/// The audit finds that rows of gold are lost, and a rebuild restores them. A rebuild of intact gold replaces nothing.
#[tokio::test(crate = "crate::support::limit")]
async fn rebuild_mends_what_is_broken_and_only_that() {
    let world = World::new();
    ingest_all(&world, 0).await;
    world.sessionize().await;
    let gold = &world.app.gold;
    let whole = render::sessions(&gold.table).await;
    assert!(gold.rebuild(Scope::All).await.expect("it works").replaced.is_empty());
    forget_a_file(&gold.table).await;
    assert_ne!(render::sessions(&gold.table).await, whole);
    assert!(!clickstream::audit::audit(&world.app).await.expect("the audit can look").holds);
    assert_eq!(gold.rebuild(Scope::All).await.expect("it works").replaced.len(), 1);
    assert_eq!(render::sessions(&gold.table).await, whole);
    assert!(clickstream::audit::audit(&world.app).await.expect("the audit can look").holds);
}

/// A commit that removes the first file and adds nothing.
async fn forget_a_file(table: &Table) {
    let base = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    let first = base.files.values().next().expect("a file").clone();
    let rewrite = clickstream::lake::commit::Rewrite { operation: "DELETE", remove: vec![first], ..Default::default() };
    table.rewrite(&base, rewrite, NOON.millis()).await.expect("committed");
}

/// The alert on gold that falls behind asks for this number.
#[tokio::test(crate = "crate::support::limit")]
async fn a_run_reports_all_versions_of_silver_that_it_leaves() {
    let world = World::adjusted(|settings| settings.gold.max_slice_versions = 2);
    for batch in events(0).chunks(24) {
        world.ingest("0", batch).await.expect("the batch is ingested");
    }
    // Version 0 creates silver, versions 1 to 5 are the batches.
    for left in [4, 2, 0] {
        let report = world.app.gold.sessionize().await.expect("sessionize works");
        assert_eq!(report.behind, left);
    }
}
