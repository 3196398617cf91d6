//! The storage suite on real Azurite.

use crate::lake_exactly_once::{many_writers_on, numbers, stored, table};
use crate::support::azurite::{ACCOUNT, Azurite, KEY};
use clickstream::lake::append::Appender;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use std::collections::BTreeMap;

/// A lake in a container of its own.
fn lake(azurite: &Azurite, url: &str, container: &str) -> Lake {
    azurite.create_container(container);
    let options = BTreeMap::from([
        ("azure_storage_account_name".to_owned(), ACCOUNT.to_owned()),
        ("azure_storage_account_key".to_owned(), KEY.to_owned()),
        ("azure_storage_endpoint".to_owned(), azurite.blob_endpoint.clone()),
    ]);
    Lake::open(url, &options).expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_on_blob_storage() {
    let azurite = Azurite::start();
    let lake = lake(&azurite, "az://writers/some/path", "writers");
    many_writers_on(&lake, 4, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_lake_url_reaches_the_same_tables() {
    let azurite = Azurite::start();
    let blob = lake(&azurite, "az://files/path", "files");
    Appender::new(table(&blob)).append(numbers("a", 0, 120)).await.expect("in");
    table(&blob).checkpoint(1).await.expect("a checkpoint");
    let options = BTreeMap::from([
        ("azure_storage_account_key".to_owned(), KEY.to_owned()),
        ("azure_storage_endpoint".to_owned(), azurite.blob_endpoint.clone()),
    ]);
    let url = format!("abfss://files@{ACCOUNT}.dfs.core.windows.net/path");
    let files = Lake::open(&url, &options).expect("a client");
    assert_eq!(stored(&table(&files)).await, (0..120).collect::<Vec<_>>());
    assert_eq!(table(&files).snapshot(Replay::Txns).await.expect("a table").version, 1);
}
