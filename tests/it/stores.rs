//! The storage suite on real Azurite.

use crate::lake_exactly_once::{many_writers_on, numbers, stored, table};
use crate::support::azurite::{ACCOUNT, Azurite};
use clickstream::lake::append::Appender;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Replay;
use std::collections::BTreeMap;

/// Azurite's public key; every emulator has it.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A lake in a container of its own.
async fn lake(azurite: &Azurite, url: &str, container: &str) -> Lake {
    create_container(azurite, container).await;
    let options = BTreeMap::from([
        ("azure_storage_account_name".to_owned(), ACCOUNT.to_owned()),
        ("azure_storage_account_key".to_owned(), KEY.to_owned()),
        ("azure_storage_endpoint".to_owned(), azurite.blob_endpoint.clone()),
    ]);
    Lake::open(url, &options).expect("a client")
}

/// By Azurite's own client library: the store's has no call for it.
async fn create_container(azurite: &Azurite, container: &str) {
    azurite.run_script(&format!(
        "const {{BlobServiceClient, StorageSharedKeyCredential}} = require('@azure/storage-blob'); \
         const service = new BlobServiceClient('{}', new StorageSharedKeyCredential('{ACCOUNT}', '{KEY}')); \
         service.getContainerClient('{container}').create().catch(error => {{ console.error(error); process.exit(1); }});",
        azurite.blob_endpoint
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_on_blob_storage() {
    let azurite = Azurite::start();
    let lake = lake(&azurite, "az://writers/some/path", "writers").await;
    many_writers_on(&lake, 4, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_lake_url_reaches_the_same_tables() {
    let azurite = Azurite::start();
    let blob = lake(&azurite, "az://files/path", "files").await;
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
