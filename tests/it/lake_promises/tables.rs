//! Promises about the table: it is created once, each version has one winner, and no state is shown that the log has not.

use super::{Setup, loses_answers_to_commits, objects, on_faulty};
use crate::support::numbers::{numbers, spec, stored, table};
use clickstream::lake::LakeError;
use clickstream::lake::append::Appender;
use clickstream::lake::arrow::datatypes::{DataType, Field, Schema};
use clickstream::lake::commit::{CommitOutcome, Rewrite};
use clickstream::lake::snapshot::{Replay, Snapshot};
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use std::sync::Arc;

/// Everything rests on this: of many that put the same name at once, one succeeds, and the others know that they did not.
pub(super) async fn put_if_absent_is_exclusive(setup: Setup) {
    let store = setup.lake.table_store("numbers");
    for round in 0..10 {
        let path = Path::from(format!("_delta_log/{round:020}.json"));
        let puts = (0..16).map(|writer| {
            let (store, path) = (store.clone(), path.clone());
            tokio::spawn(async move { store.put_opts(&path, writer.to_string().into(), PutMode::Create.into()).await })
        });
        let mut winners = Vec::new();
        for (writer, put) in join_all(puts).await.into_iter().enumerate() {
            match put.expect("a put ends") {
                Ok(_) => winners.push(writer.to_string()),
                Err(error) => assert!(matches!(error, Error::AlreadyExists { .. }), "{error}"),
            }
        }
        let stored = store.get(&path).await.expect("it is there").bytes().await.expect("it can be read");
        assert_eq!(winners, [String::from_utf8_lossy(&stored)], "one put succeeds, and its content is stored");
    }
}

pub(super) async fn a_table_is_created_once(setup: Setup) {
    let tables: Vec<Table> = (0..setup.writers).map(|_| table(&setup.lake)).collect();
    for created in join_all(tables.iter().map(|table| table.create_if_missing(0))).await {
        created.expect("created, or found");
    }
    let created = tables[0].snapshot(Replay::Txns).await.expect("a table");
    tables[0].create_if_missing(0).await.expect("found");
    let found = tables[0].snapshot(Replay::Txns).await.expect("a table");
    assert_eq!((created.version, found.version), (0, 0));
    assert_eq!(created.table_id(), found.table_id());
}

pub(super) async fn a_foreign_table_is_refused_and_nothing_is_written(setup: Setup) {
    Appender::new(table(&setup.lake)).append(numbers("a", 0..1)).await.expect("appended");
    let before = objects(&setup.lake).await;
    let mut other = spec();
    let text = Field::new("number", DataType::Utf8, false);
    other.columns = Arc::new(Schema::new(vec![text, Field::new("more", DataType::Int64, true)]));
    let foreign = Table::at(&setup.lake, other, &Workers::new(1));
    let refused = foreign.snapshot(Replay::Txns).await.expect_err("refused").to_string();
    for part in ["`numbers`", "`number` is", "`more` is missing", "nothing was written"] {
        assert!(refused.contains(part), "{refused}");
    }
    let error = Appender::new(foreign).append(numbers("a", 1..2)).await.expect_err("refused");
    assert!(matches!(*error, LakeError::Foreign { .. }), "{error}");
    assert_eq!(objects(&setup.lake).await, before);
    assert_eq!(stored(&table(&setup.lake)).await, [0]);
}

fn removing_all(planned_on: &Snapshot) -> Rewrite {
    Rewrite { operation: "DELETE", remove: planned_on.files.values().cloned().collect(), ..Rewrite::default() }
}

async fn rewritten(table: &Table, planned_on: &Snapshot) -> CommitOutcome {
    table.rewrite(planned_on, removing_all(planned_on), 0).await.expect("the store answers")
}

pub(super) async fn a_rewrite_planned_on_a_gone_state_is_refused(setup: Setup) {
    let table = table(&setup.lake);
    let appender = Appender::new(table.clone());
    appender.append(numbers("a", 0..10)).await.expect("appended");
    let gone = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    appender.append(numbers("a", 10..20)).await.expect("appended");
    assert!(matches!(rewritten(&table, &gone).await, CommitOutcome::Conflict(winner) if winner.version == 2));
    assert_eq!(stored(&table).await, Vec::from_iter(0..20));
    let current = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert!(matches!(rewritten(&table, &current).await, CommitOutcome::Committed(3)));
    assert!(stored(&table).await.is_empty());
    let again = appender.append(numbers("a", 0..20)).await.expect("appended");
    assert_eq!(again.rows, 0, "removing rows does not forget that they were there");
}

/// It is neither mistaken for somebody else's commit nor done twice.
pub(super) async fn a_rewrite_whose_answer_was_lost_is_done_once(setup: Setup) {
    let lake = on_faulty(&setup.lake, loses_answers_to_commits);
    let table = table(&lake);
    Appender::new(table.clone()).append(numbers("a", 0..10)).await.expect("appended");
    let base = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert!(matches!(rewritten(&table, &base).await, CommitOutcome::Committed(2)));
    assert!(matches!(rewritten(&table, &base).await, CommitOutcome::Conflict(_)));
    assert!(stored(&table).await.is_empty());
}

pub(super) async fn a_follower_reads_each_change_once(setup: Setup) {
    let table = table(&setup.lake);
    let appender = Appender::new(table.clone());
    for number in 0..5 {
        appender.append(numbers("a", number..number + 1)).await.expect("appended");
    }
    let (mut versions, mut paths) = (Vec::new(), Vec::new());
    let mut reached = 0;
    loop {
        let changes = table.changes_after(reached, 2).await.expect("the log can be read");
        let Some(last) = changes.read.last() else { break };
        reached = last.version;
        assert_eq!(changes.unread as i64, 5 - reached, "versions are left after {reached}");
        versions.extend(changes.read.iter().map(|change| change.version));
        paths.extend(changes.read.into_iter().flat_map(|change| change.added).map(|add| add.path));
    }
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    paths.sort_unstable();
    let snapshot = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert_eq!(paths, snapshot.files.into_keys().collect::<Vec<_>>());
}

/// deltalake writes the checkpoint. What is replayed from it must be what the commits say.
pub(super) async fn a_checkpoint_loses_nothing(setup: Setup) {
    let table = table(&setup.lake);
    let appender = Appender::new(table.clone());
    for number in 0..105 {
        appender.append(numbers("a", number..number + 1)).await.expect("appended");
    }
    let before = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    table.checkpoint(100).await.expect("a checkpoint");
    let after = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert_eq!(before.files.keys().collect::<Vec<_>>(), after.files.keys().collect::<Vec<_>>());
    assert_eq!(before.txns, after.txns);
    assert_eq!(before.table_id(), after.table_id());
    let statistics = |snapshot: &Snapshot| Vec::from_iter(snapshot.files.values().map(|add| add.stats.clone()));
    assert_eq!(statistics(&before), statistics(&after));
    assert_eq!(Appender::new(table).append(numbers("a", 0..105)).await.expect("appended").rows, 0);
}

/// The store's list may lag. Whatever is planned on an older state than was asked for would remove rows.
pub(super) async fn a_version_that_is_not_listed_is_an_error_and_not_an_older_one(setup: Setup) {
    let table = table(&setup.lake);
    let error = table.snapshot_at(0, Replay::Txns).await.expect_err("there is no table");
    assert!(matches!(error, LakeError::NotListedYet { seen: None, wanted: 0, .. }), "{error}");
    Appender::new(table.clone()).append(numbers("a", 0..10)).await.expect("appended");
    assert_eq!(table.snapshot_at(1, Replay::TxnsAndFiles).await.expect("it is there").files.len(), 1);
    let error = table.snapshot_at(2, Replay::TxnsAndFiles).await.expect_err("it is not there");
    assert!(matches!(error, LakeError::NotListedYet { seen: Some(1), wanted: 2, .. }), "{error}");
}
