//! The append path under competition and ambiguity, on real stores.

use crate::support::faulty::{Decide, Fate, Faulty};
use clickstream::columns::{Column, TableSpec};
use clickstream::lake::LakeError;
use clickstream::lake::append::{Append, Appender, SourcePosition};
use clickstream::lake::arrow::array::Int64Array;
use clickstream::lake::arrow::datatypes::{DataType, Field, Schema};
use clickstream::lake::rewrite::{Rewrite, Rewritten};
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn spec() -> TableSpec {
    TableSpec::of("numbers", &columns())
}

fn columns() -> Vec<Column<i64>> {
    vec![Column::long("number", "A number.", |number| Some(*number)).required().with_statistics()]
}

pub fn table(lake: &Lake) -> Table {
    Table::at(lake, spec(), &Workers::new(2))
}

pub fn numbers(source: &str, from: i64, to: i64) -> Append {
    let numbers: Vec<i64> = (from..to).collect();
    Append {
        app_id: format!("test:{source}"),
        partition: None,
        rows: spec().record_batch(&columns(), &numbers).expect("one column"),
        positions: numbers.iter().map(|&sequence| SourcePosition { sequence, enqueued_ms: 1_000 }).collect(),
        now_ms: 1_000,
    }
}

/// The numbers in the table, sorted.
pub async fn stored(table: &Table) -> Vec<i64> {
    let mut found = Vec::new();
    for add in table.snapshot(Replay::TxnsAndFiles).await.expect("a table").files.values() {
        for batch in table.read(add, &[]).await.expect("a file") {
            let numbers = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("numbers");
            found.extend(numbers.values().iter().copied());
        }
    }
    found.sort_unstable();
    found
}

pub fn memory() -> Lake {
    Lake::open("memory:///lake", &BTreeMap::new()).expect("a lake in memory needs nothing")
}

#[tokio::test]
async fn a_batch_is_there_once_however_it_is_cut_and_repeated() {
    let lake = memory();
    let appender = Appender::new(table(&lake));
    assert_eq!(appender.append(numbers("a", 0, 10)).await.expect("in").rows, 10);
    let again = appender.append(numbers("a", 5, 15)).await.expect("in");
    assert_eq!((again.rows, again.duplicates), (5, 5));
    let forgetful = Appender::new(table(&lake));
    let nothing = forgetful.append(numbers("a", 0, 15)).await.expect("in");
    assert_eq!((nothing.rows, nothing.version), (0, None));
    assert_eq!(stored(&table(&lake)).await, (0..15).collect::<Vec<_>>());
}

#[tokio::test]
async fn overlapping_redeliveries_that_wait_together_are_cut_against_each_other() {
    let lake = memory();
    let appender = Appender::new(table(&lake));
    let all = (0..8).map(|_| appender.append(numbers("a", 0, 100)));
    let outcomes = futures::future::join_all(all).await;
    let rows: usize = outcomes.iter().map(|outcome| outcome.as_ref().expect("in").rows).sum();
    assert_eq!(rows, 100);
    assert_eq!(stored(&table(&lake)).await, (0..100).collect::<Vec<_>>());
}

/// The suite that every store has to pass: many writers, each with a source of its own and one they all deliver.
pub async fn many_writers_on(lake: &Lake, writers: i64, commits: i64) {
    let tasks = (0..writers).map(|writer| {
        let appender = Appender::new(table(lake));
        tokio::spawn(async move {
            for commit in 0..commits {
                let from = writer * 1_000_000 + commit * 10;
                append_until_in(&appender, numbers(&format!("own-{writer}"), from, from + 10)).await;
                append_until_in(&appender, numbers("shared", -1_000 + commit, -1_000 + commit + 1)).await;
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.expect("a writer ends");
    }
    let own = (0..writers).flat_map(|writer| (0..commits * 10).map(move |number| writer * 1_000_000 + number));
    let mut expected: Vec<i64> = own.chain(-1_000..-1_000 + commits).collect();
    expected.sort_unstable();
    assert_eq!(stored(&table(lake)).await, expected);
}

/// As the host does: for ever.
async fn append_until_in(appender: &Appender, append: Append) {
    loop {
        match appender.append(append.clone()).await {
            Ok(_) => return,
            Err(error) => assert!(matches!(*error, LakeError::Contended { .. }), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_in_memory() {
    many_writers_on(&memory(), 8, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_on_a_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy(), &BTreeMap::new()).expect("a lake");
    many_writers_on(&lake, 8, 30).await;
}

/// The checkpoint is made by deltalake, in the background; what is replayed from it must be what was before.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_keeps_files_and_progress() {
    let lake = memory();
    let appender = Appender::new(table(&lake));
    for number in 0..105 {
        appender.append(numbers("a", number, number + 1)).await.expect("in");
    }
    let table = table(&lake);
    let before = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    table.checkpoint(100).await.expect("a checkpoint");
    let after = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    assert_eq!(before.files.keys().collect::<Vec<_>>(), after.files.keys().collect::<Vec<_>>());
    assert_eq!(before.txns, after.txns);
    assert_eq!(before.table_id(), after.table_id());
    let statistics = |snapshot: &clickstream::lake::snapshot::Snapshot| {
        snapshot.files.values().map(|add| add.stats.clone()).collect::<Vec<_>>()
    };
    assert_eq!(statistics(&before), statistics(&after));
    assert_eq!(Appender::new(table).append(numbers("a", 0, 105)).await.expect("in").rows, 0);
}

#[tokio::test]
async fn a_table_that_differs_is_refused_and_nothing_is_written() {
    let lake = memory();
    Appender::new(table(&lake)).append(numbers("a", 0, 1)).await.expect("in");
    let mut other = spec();
    other.columns = Arc::new(Schema::new(vec![
        Field::new("number", DataType::Utf8, false),
        Field::new("more", DataType::Int64, true),
    ]));
    let foreign = Table::at(&lake, other, &Workers::new(1));
    let error = foreign.snapshot(Replay::Txns).await.expect_err("refused");
    let text = error.to_string();
    assert!(
        text.contains("`number` is") && text.contains("`more` is missing") && text.contains("nothing was written"),
        "{text}"
    );
    assert_eq!(stored(&table(&lake)).await, [0]);
}

#[tokio::test]
async fn a_source_that_numbers_anew_is_an_error_that_says_so() {
    let lake = memory();
    let appender = Appender::new(table(&lake));
    appender.append(numbers("a", 100, 110)).await.expect("in");
    let mut anew = numbers("a", 0, 10);
    anew.positions.iter_mut().for_each(|position| position.enqueued_ms = 60_000);
    let error = appender.append(anew).await.expect_err("refused");
    assert!(matches!(*error, LakeError::SequenceRestarted { sequence: 9, committed: 109, .. }), "{error}");
}

/// A list may lag behind: what was planned on less than was asked for would take rows away.
#[tokio::test]
async fn a_version_that_is_not_listed_is_an_error_and_not_an_older_one() {
    let lake = memory();
    Appender::new(table(&lake)).append(numbers("a", 0, 10)).await.expect("in");
    assert_eq!(table(&lake).snapshot_at(1, Replay::TxnsAndFiles).await.expect("it is there").files.len(), 1);
    let error = table(&lake).snapshot_at(2, Replay::TxnsAndFiles).await.expect_err("it is not");
    assert!(matches!(error, LakeError::NotListedYet { seen: 1, wanted: 2, .. }), "{error}");
}

fn on_faulty(decide: Decide) -> Lake {
    Lake::on(Arc::new(Faulty::new(decide)), "memory:///lake".parse().expect("a URL"))
}

fn is_commit(path: &Path) -> bool {
    path.as_ref().ends_with(".json")
}

/// The PUT timed out and had landed: reading the winner shows our own commit.
#[tokio::test]
async fn our_own_commit_is_recognised_after_its_answer_was_lost() {
    let lake = on_faulty(|_, path| if is_commit(path) { Fate::AnswerLost } else { Fate::Works });
    let appender = Appender::new(table(&lake));
    for number in 0..5 {
        let appended = appender.append(numbers("a", number * 10, number * 10 + 10)).await.expect("in");
        assert_eq!((appended.rows, appended.version), (10, Some(number + 1)));
    }
    assert_eq!(stored(&table(&lake)).await, (0..50).collect::<Vec<_>>());
}

/// Whatever PUT fails in whatever way, repeating the call until it says yes puts every row in once.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_until_it_says_yes_every_row_is_there_once() {
    let lake = on_faulty(|number, _| match number % 5 {
        1 => Fate::Lost,
        3 => Fate::AnswerLost,
        _ => Fate::Works,
    });
    let writers = (0..3).map(|writer| {
        let appender = Appender::new(table(&lake));
        tokio::spawn(async move {
            for commit in 0..20 {
                let from = writer * 1_000 + commit * 10;
                while appender.append(numbers(&writer.to_string(), from, from + 10)).await.is_err() {}
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.expect("a writer ends");
    }
    let expected: Vec<i64> = (0..3).flat_map(|writer| writer * 1_000..writer * 1_000 + 200).collect();
    assert_eq!(stored(&table(&lake)).await, expected);
}

/// A rewrite whose answer was lost must neither be taken for somebody else's nor be done twice.
#[tokio::test]
async fn a_rewrite_whose_answer_was_lost_is_committed_and_another_on_the_same_base_is_outdated() {
    let lake = on_faulty(|_, path| if is_commit(path) { Fate::AnswerLost } else { Fate::Works });
    Appender::new(table(&lake)).append(numbers("a", 0, 10)).await.expect("in");
    let table = table(&lake);
    let base = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
    let remove_all =
        || Rewrite { operation: "DELETE", remove: base.files.values().cloned().collect(), ..Rewrite::default() };
    assert_eq!(table.rewrite(&base, remove_all(), 0).await.expect("done"), Rewritten::Committed(2));
    assert_eq!(table.rewrite(&base, remove_all(), 0).await.expect("done"), Rewritten::Conflict);
    assert!(stored(&table).await.is_empty());
}
