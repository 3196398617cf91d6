//! What the lake promises, checked on every store it can be on: memory, a disk, and Azurite.
//!
//! A promise is an async function over an empty lake that panics when the promise is broken. To add one, write the
//! function and name it in [`PROMISES`].

use crate::support::azurite::{ACCOUNT, Azurite, KEY};
use crate::support::faulty::{Decide, Fate, Faulty};
use crate::support::numbers::{numbers, spec, stored, table};
use clickstream::lake::LakeError;
use clickstream::lake::append::{Append, Appender};
use clickstream::lake::arrow::datatypes::{DataType, Field, Schema};
use clickstream::lake::commit::{CommitOutcome, Rewrite};
use clickstream::lake::snapshot::{Replay, Snapshot};
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// No promise needs a tenth of this on any store.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// An empty lake on one of the stores.
#[derive(Clone)]
struct Setup {
    lake: Lake,
    /// How many writers compete where many do, and how often each of them commits.
    writers: i64,
    commits: i64,
}

type Promise = (&'static str, fn(Setup) -> BoxFuture<'static, ()>);

macro_rules! promises {
    ($($promise:ident),* $(,)?) => { &[$((stringify!($promise), |setup| $promise(setup).boxed())),*] };
}

const PROMISES: &[Promise] = promises![
    put_if_absent_is_exclusive,
    a_table_is_created_once,
    a_batch_is_there_once_however_it_is_cut_and_repeated,
    redeliveries_that_share_a_commit_are_compared_with_each_other,
    an_append_that_nobody_waits_for_is_completed,
    many_writers_lose_nothing_and_add_nothing_twice,
    a_conflict_is_reread,
    a_commit_is_recognised_after_its_answer_was_lost,
    an_append_repeated_until_it_succeeds_is_there_once,
    a_rewrite_planned_on_a_gone_state_is_refused,
    a_rewrite_whose_answer_was_lost_is_done_once,
    a_follower_reads_each_change_once,
    a_checkpoint_loses_nothing,
    a_version_that_is_not_listed_is_an_error_and_not_an_older_one,
    a_foreign_table_is_refused_and_nothing_is_written,
    a_recreated_source_is_refused_and_nothing_is_written,
];

#[tokio::test(flavor = "multi_thread")]
async fn all_promises_are_kept_in_memory() {
    let open = |_: &str| Lake::open("memory:///lake", &BTreeMap::new()).expect("memory needs no setting");
    all_promises_are_kept("memory", open, 8, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_promises_are_kept_on_a_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |promise: &str| {
        let path = folder.path().join(promise);
        Lake::open(&path.to_string_lossy(), &BTreeMap::new()).expect("a lake")
    };
    all_promises_are_kept("disk", open, 8, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_promises_are_kept_on_azurite() {
    let azurite = Azurite::start();
    azurite.create_container("promises");
    let open = |promise: &str| on_azurite(&azurite, &format!("az://promises/{promise}/lake"));
    all_promises_are_kept("Azurite", open, 4, 10).await;
}

async fn all_promises_are_kept(store: &str, open: impl Fn(&str) -> Lake, writers: i64, commits: i64) {
    let mut broken = Vec::new();
    for (promise, check) in PROMISES {
        let checked = tokio::spawn(check(Setup { lake: open(promise), writers, commits }));
        match tokio::time::timeout(TIME_LIMIT, checked).await {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => broken.push(format!("{store} breaks `{promise}`: {panic}")),
            Err(_) => broken.push(format!("{store} breaks `{promise}`: no end after {} s", TIME_LIMIT.as_secs())),
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn on_azurite(azurite: &Azurite, url: &str) -> Lake {
    let option = |key: &str, value: &str| (format!("azure_storage_{key}"), value.to_owned());
    let account = url.starts_with("az:").then(|| option("account_name", ACCOUNT));
    let others = [option("account_key", KEY), option("endpoint", &azurite.blob_endpoint)];
    Lake::open(url, &account.into_iter().chain(others).collect()).expect("a client")
}

/// Everything rests on this: of many that put the same name at once, one succeeds, and the others know that they did not.
async fn put_if_absent_is_exclusive(setup: Setup) {
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

async fn a_table_is_created_once(setup: Setup) {
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

async fn a_batch_is_there_once_however_it_is_cut_and_repeated(setup: Setup) {
    let appender = Appender::new(table(&setup.lake));
    assert_eq!(appender.append(numbers("a", 0..10)).await.expect("appended").rows, 10);
    let overlapping = appender.append(numbers("a", 5..15)).await.expect("appended");
    assert_eq!((overlapping.rows, overlapping.duplicates), (5, 5));
    let part = appender.append(numbers("a", 3..12)).await.expect("appended");
    assert_eq!((part.rows, part.duplicates, part.version), (0, 9, None));
    let restarted = Appender::new(table(&setup.lake));
    let all = restarted.append(numbers("a", 0..15)).await.expect("appended");
    assert_eq!((all.rows, all.duplicates, all.version), (0, 15, None));
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..15));
}

async fn redeliveries_that_share_a_commit_are_compared_with_each_other(setup: Setup) {
    let appender = Appender::new(table(&setup.lake));
    let outcomes = join_all((0..8).map(|_| appender.append(numbers("a", 0..100)))).await;
    let rows: usize = outcomes.iter().map(|outcome| outcome.as_ref().expect("appended").rows).sum();
    assert_eq!(rows, 100);
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..100));
}

async fn an_append_that_nobody_waits_for_is_completed(setup: Setup) {
    let appender = Appender::new(table(&setup.lake));
    assert!(appender.append(numbers("a", 0..10)).now_or_never().is_none(), "dropped before it was done");
    let repeated = appender.append(numbers("a", 0..10)).await.expect("appended");
    assert_eq!((repeated.rows, repeated.duplicates), (0, 10));
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..10));
}

/// Each writer has a source of its own, and there is one that all of them deliver.
async fn many_writers_lose_nothing_and_add_nothing_twice(setup: Setup) {
    let Setup { lake, writers, commits } = setup;
    let tasks = (0..writers).map(|writer| {
        let appender = Appender::new(table(&lake));
        tokio::spawn(async move {
            for commit in 0..commits {
                let from = writer * 1_000_000 + commit * 10;
                append_despite_others(&appender, numbers(&format!("own-{writer}"), from..from + 10)).await;
                append_despite_others(&appender, numbers("shared", -1_000 + commit..-1_000 + commit + 1)).await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("a writer ends");
    }
    let own = (0..writers).flat_map(|writer| (0..commits * 10).map(move |number| writer * 1_000_000 + number));
    let mut expected: Vec<i64> = own.chain(-1_000..-1_000 + commits).collect();
    expected.sort_unstable();
    assert_eq!(stored(&table(&lake)).await, expected);
}

/// As the host does it: until it succeeds.
async fn append_despite_others(appender: &Appender, append: Append) {
    while let Err(error) = appender.append(append.clone()).await {
        assert!(matches!(*error, LakeError::Contended { .. }), "{error}");
    }
}

async fn a_conflict_is_reread(setup: Setup) {
    let (first, second) = (Appender::new(table(&setup.lake)), Appender::new(table(&setup.lake)));
    first.append(numbers("a", 0..10)).await.expect("appended");
    second.append(numbers("a", 5..15)).await.expect("appended");
    // To the first writer the table ends at 10 and at version 1, so it conflicts with the second one at version 2.
    let appended = first.append(numbers("a", 0..20)).await.expect("appended");
    assert_eq!((appended.rows, appended.duplicates, appended.version), (5, 15, Some(3)));
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..20));
}

/// The same lake behind a connection that fails.
fn on_faulty(lake: &Lake, decide: Decide) -> Lake {
    let store = Faulty::new(lake.table_store("behind/a/connection"), decide);
    Lake::on(Arc::new(store), "memory:///lake".parse().expect("a URL"))
}

fn loses_answers_to_commits(_: u64, path: &Path) -> Fate {
    if path.as_ref().ends_with(".json") { Fate::AnswerLost } else { Fate::Works }
}

/// The PUT timed out and had landed: reading the version back shows our own commit.
async fn a_commit_is_recognised_after_its_answer_was_lost(setup: Setup) {
    let lake = on_faulty(&setup.lake, loses_answers_to_commits);
    let appender = Appender::new(table(&lake));
    for number in 0..5 {
        let appended = appender.append(numbers("a", number * 10..number * 10 + 10)).await.expect("appended");
        assert_eq!((appended.rows, appended.version), (10, Some(number + 1)));
    }
    assert_eq!(stored(&table(&lake)).await, Vec::from_iter(0..50));
}

/// Whichever PUT fails in whichever way.
async fn an_append_repeated_until_it_succeeds_is_there_once(setup: Setup) {
    let lake = on_faulty(&setup.lake, |number, _| match number % 5 {
        1 => Fate::Lost,
        3 => Fate::AnswerLost,
        _ => Fate::Works,
    });
    let writers = (0..3).map(|writer| {
        let appender = Appender::new(table(&lake));
        tokio::spawn(async move {
            for commit in 0..20 {
                let from = writer * 1_000 + commit * 10;
                while appender.append(numbers(&writer.to_string(), from..from + 10)).await.is_err() {}
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("a writer ends");
    }
    let expected: Vec<i64> = (0..3).flat_map(|writer| writer * 1_000..writer * 1_000 + 200).collect();
    assert_eq!(stored(&table(&lake)).await, expected);
}

fn removing_all(planned_on: &Snapshot) -> Rewrite {
    Rewrite { operation: "DELETE", remove: planned_on.files.values().cloned().collect(), ..Rewrite::default() }
}

async fn rewritten(table: &Table, planned_on: &Snapshot) -> CommitOutcome {
    table.rewrite(planned_on, removing_all(planned_on), 0).await.expect("the store answers")
}

async fn a_rewrite_planned_on_a_gone_state_is_refused(setup: Setup) {
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
async fn a_rewrite_whose_answer_was_lost_is_done_once(setup: Setup) {
    let lake = on_faulty(&setup.lake, loses_answers_to_commits);
    let table = table(&lake);
    Appender::new(table.clone()).append(numbers("a", 0..10)).await.expect("appended");
    let base = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert!(matches!(rewritten(&table, &base).await, CommitOutcome::Committed(2)));
    assert!(matches!(rewritten(&table, &base).await, CommitOutcome::Conflict(_)));
    assert!(stored(&table).await.is_empty());
}

async fn a_follower_reads_each_change_once(setup: Setup) {
    let table = table(&setup.lake);
    let appender = Appender::new(table.clone());
    for number in 0..5 {
        appender.append(numbers("a", number..number + 1)).await.expect("appended");
    }
    let (mut versions, mut paths) = (Vec::new(), Vec::new());
    let mut reached = 0;
    loop {
        let changes = table.changes_after(reached, 2).await.expect("the log can be read");
        let Some(last) = changes.last() else { break };
        reached = last.version;
        versions.extend(changes.iter().map(|change| change.version));
        paths.extend(changes.into_iter().flat_map(|change| change.added).map(|add| add.path));
    }
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    paths.sort_unstable();
    let snapshot = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert_eq!(paths, snapshot.files.into_keys().collect::<Vec<_>>());
}

/// deltalake writes the checkpoint. What is replayed from it must be what the commits say.
async fn a_checkpoint_loses_nothing(setup: Setup) {
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
async fn a_version_that_is_not_listed_is_an_error_and_not_an_older_one(setup: Setup) {
    let table = table(&setup.lake);
    let error = table.snapshot_at(0, Replay::Txns).await.expect_err("there is no table");
    assert!(matches!(error, LakeError::NotListedYet { seen: None, wanted: 0, .. }), "{error}");
    Appender::new(table.clone()).append(numbers("a", 0..10)).await.expect("appended");
    assert_eq!(table.snapshot_at(1, Replay::TxnsAndFiles).await.expect("it is there").files.len(), 1);
    let error = table.snapshot_at(2, Replay::TxnsAndFiles).await.expect_err("it is not there");
    assert!(matches!(error, LakeError::NotListedYet { seen: Some(1), wanted: 2, .. }), "{error}");
}

async fn objects(lake: &Lake) -> Vec<Path> {
    let listed = lake.table_store("numbers").list(None).map_ok(|object| object.location);
    let mut found: Vec<Path> = listed.try_collect().await.expect("the store can be listed");
    found.sort_unstable();
    found
}

async fn a_foreign_table_is_refused_and_nothing_is_written(setup: Setup) {
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

async fn a_recreated_source_is_refused_and_nothing_is_written(setup: Setup) {
    let appender = Appender::new(table(&setup.lake));
    appender.append(numbers("a", 100..110)).await.expect("appended");
    let before = objects(&setup.lake).await;
    let mut recreated = numbers("a", 0..10);
    recreated.positions.iter_mut().for_each(|position| position.enqueued_ms = 60_000);
    let error = appender.append(recreated).await.expect_err("refused");
    let later = Duration::from_secs(59);
    assert!(
        matches!(*error, LakeError::SequenceRestarted { sequence: 9, committed: 109, later_by, .. } if later_by == later),
        "{error}"
    );
    assert_eq!(objects(&setup.lake).await, before);
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(100..110));
}

/// `abfss:` and `az:` are two names of one lake.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_lake_url_reaches_the_same_tables() {
    let azurite = Azurite::start();
    azurite.create_container("files");
    let blob = on_azurite(&azurite, "az://files/path");
    Appender::new(table(&blob)).append(numbers("a", 0..120)).await.expect("appended");
    table(&blob).checkpoint(1).await.expect("a checkpoint");
    let files = on_azurite(&azurite, &format!("abfss://files@{ACCOUNT}.dfs.core.windows.net/path"));
    assert_eq!(stored(&table(&files)).await, Vec::from_iter(0..120));
    assert_eq!(table(&files).snapshot(Replay::Txns).await.expect("a table").version, 1);
}
