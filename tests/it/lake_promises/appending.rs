//! Promises to whoever appends: every row is there once.

use super::{Setup, loses_answers_to_commits, objects, on_faulty};
use crate::support::faulty::Fate;
use crate::support::numbers::{numbers, stored, table};
use clickstream::columns::CommitDetails;
use clickstream::lake::LakeError;
use clickstream::lake::append::{Append, Appender};
use futures::FutureExt;
use futures::future::join_all;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn a_batch_is_there_once_however_it_is_cut_and_repeated(setup: Setup) {
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

pub(super) async fn redeliveries_that_share_a_commit_are_compared_with_each_other(setup: Setup) {
    let appender = Appender::new(table(&setup.lake));
    let outcomes = join_all((0..8).map(|_| appender.append(numbers("a", 0..100)))).await;
    let rows: usize = outcomes.iter().map(|outcome| outcome.as_ref().expect("appended").rows).sum();
    assert_eq!(rows, 100);
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..100));
}

/// Also where appends share a commit: each of them is asked for the rows that are left of it, or for nothing.
pub(super) async fn a_commit_says_what_it_adds(setup: Setup) {
    let described = |source: &str, range: Range<i64>| {
        let (name, first) = (source.to_owned(), range.start);
        let of = move |row| json!(format!("{name} from {}", first + row as i64));
        let details = CommitDetails { name: "added", of: Arc::new(of), merge: Value::Array };
        Append { details: Some(details), ..numbers(source, range) }
    };
    let appender = Appender::new(table(&setup.lake));
    appender.append(described("a", 0..10)).await.expect("appended");
    let sources: Vec<String> = (0..20).map(|number| format!("s{number:02}")).collect();
    let parts = sources.iter().flat_map(|source| [described(source, 0..5), described(source, 3..8)]);
    join_all(parts.chain([described("a", 5..15), described("a", 2..15)]).map(|append| appender.append(append))).await;
    appender.append(described("a", 0..15)).await.expect("appended");
    let table = table(&setup.lake);
    let versions = table.log.versions_after(-1).await.expect("the log can be listed");
    let commits = table.log.read_all(&versions).await.expect("the log can be read");
    let said: Vec<&Vec<Value>> = commits.iter().filter_map(|commit| commit.info()?.get("added")?.as_array()).collect();
    let parts = sources.iter().flat_map(|source| [format!("{source} from 0"), format!("{source} from 5")]);
    let mut expected: Vec<String> = parts.chain(["a from 0".to_owned(), "a from 10".to_owned()]).collect();
    expected.sort();
    let mut all: Vec<&str> = said.iter().flat_map(|said| said.iter().filter_map(Value::as_str)).collect();
    all.sort_unstable();
    assert_eq!(all, expected);
    assert!(said.len() < expected.len(), "some share a commit");
}

pub(super) async fn an_append_that_nobody_waits_for_is_completed(setup: Setup) {
    let appender = Appender::new(table(&setup.lake));
    assert!(appender.append(numbers("a", 0..10)).now_or_never().is_none(), "dropped before it was done");
    let repeated = appender.append(numbers("a", 0..10)).await.expect("appended");
    assert_eq!((repeated.rows, repeated.duplicates), (0, 10));
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..10));
}

/// Each writer has a source of its own, and there is one that all of them deliver.
pub(super) async fn many_writers_lose_nothing_and_add_nothing_twice(setup: Setup) {
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

pub(super) async fn a_conflict_is_reread(setup: Setup) {
    let (first, second) = (Appender::new(table(&setup.lake)), Appender::new(table(&setup.lake)));
    first.append(numbers("a", 0..10)).await.expect("appended");
    second.append(numbers("a", 5..15)).await.expect("appended");
    // To the first writer the table ends at 10 and at version 1, so it conflicts with the second one at version 2.
    let appended = first.append(numbers("a", 0..20)).await.expect("appended");
    assert_eq!((appended.rows, appended.duplicates, appended.version), (5, 15, Some(3)));
    assert_eq!(stored(&table(&setup.lake)).await, Vec::from_iter(0..20));
}

/// The PUT timed out and had landed: reading the version back shows our own commit.
pub(super) async fn a_commit_is_recognised_after_its_answer_was_lost(setup: Setup) {
    let lake = on_faulty(&setup.lake, loses_answers_to_commits);
    let appender = Appender::new(table(&lake));
    for number in 0..5 {
        let appended = appender.append(numbers("a", number * 10..number * 10 + 10)).await.expect("appended");
        assert_eq!((appended.rows, appended.version), (10, Some(number + 1)));
    }
    assert_eq!(stored(&table(&lake)).await, Vec::from_iter(0..50));
}

/// Whichever PUT fails in whichever way.
pub(super) async fn an_append_repeated_until_it_succeeds_is_there_once(setup: Setup) {
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

pub(super) async fn a_recreated_source_is_refused_and_nothing_is_written(setup: Setup) {
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
