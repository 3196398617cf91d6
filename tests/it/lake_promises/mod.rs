//! What the lake promises, checked on every store it can be on: memory, a disk, and Azurite.
//!
//! A promise is an async function over an empty lake that panics when the promise is broken. To add one, write the
//! function and name it in [`PROMISES`].

mod appending;
mod tables;

use crate::support::azurite::{ACCOUNT, Azurite, KEY};
use crate::support::faulty::{Decide, Fate, Faulty};
use crate::support::numbers::{numbers, stored, table};
use clickstream::lake::append::Appender;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Far above what a promise needs, so that only one that hangs reaches it.
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
    ($($file:ident::$promise:ident),* $(,)?) => {
        &[$((stringify!($promise), |setup| $file::$promise(setup).boxed())),*]
    };
}

const PROMISES: &[Promise] = promises![
    tables::put_if_absent_is_exclusive,
    tables::a_table_is_created_once,
    appending::a_batch_is_there_once_however_it_is_cut_and_repeated,
    appending::redeliveries_that_share_a_commit_are_compared_with_each_other,
    appending::a_commit_says_what_it_adds,
    appending::an_append_that_nobody_waits_for_is_completed,
    appending::many_writers_lose_nothing_and_add_nothing_twice,
    appending::a_conflict_is_reread,
    appending::a_commit_is_recognised_after_its_answer_was_lost,
    appending::an_append_repeated_until_it_succeeds_is_there_once,
    tables::a_rewrite_planned_on_a_gone_state_is_refused,
    tables::a_rewrite_whose_answer_was_lost_is_done_once,
    tables::a_follower_reads_each_change_once,
    tables::a_checkpoint_loses_nothing,
    tables::a_version_that_is_not_listed_is_an_error_and_not_an_older_one,
    tables::a_foreign_table_is_refused_and_nothing_is_written,
    appending::a_recreated_source_is_refused_and_nothing_is_written,
];

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn all_promises_are_kept_in_memory() {
    let open = |_: &str| Lake::open("memory:///lake", &BTreeMap::new()).expect("memory needs no setting");
    all_promises_are_kept("memory", open, 8, 30).await;
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn all_promises_are_kept_on_a_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |promise: &str| {
        let path = folder.path().join(promise);
        Lake::open(&path.to_string_lossy(), &BTreeMap::new()).expect("a lake")
    };
    all_promises_are_kept("disk", open, 8, 30).await;
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
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

/// The same lake over a connection that fails.
fn on_faulty(lake: &Lake, decide: Decide) -> Lake {
    let store = Faulty::new(lake.table_store("over/a/connection"), decide);
    Lake::on(Arc::new(store), "memory:///lake".parse().expect("a URL"))
}

fn loses_answers_to_commits(_: u64, path: &Path) -> Fate {
    if path.as_ref().ends_with(".json") { Fate::AnswerLost } else { Fate::Works }
}

async fn objects(lake: &Lake) -> Vec<Path> {
    let listed = lake.table_store("numbers").list(None).map_ok(|object| object.location);
    let mut found: Vec<Path> = listed.try_collect().await.expect("the store can be listed");
    found.sort_unstable();
    found
}

/// `abfss:` and `az:` are two names of one lake.
#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
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
