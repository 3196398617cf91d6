//! The storage suite on real Azurite, and managed identity against a token endpoint that answers as Functions' does.

use crate::lake_exactly_once::{many_writers_on, numbers, stored, table};
use crate::support::azurite::{ACCOUNT, Azurite, KEY};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::{any, get};
use clickstream::config;
use clickstream::lake::append::Appender;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Replay;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

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

/// What the token endpoint and the store were asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Value>>>);

impl Asked {
    fn note(&self, what: Value) {
        self.0.lock().expect("no test thread has panicked").push(what);
    }
}

/// Functions passes the endpoint in `IDENTITY_ENDPOINT`; the client would ask another address if we did not pass it on.
#[tokio::test(flavor = "multi_thread")]
async fn managed_identity_asks_the_endpoint_that_functions_names() {
    let asked = Asked::default();
    let router = Router::new().route("/msi/token", get(token)).fallback(any(blob)).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let environment = BTreeMap::from([
        ("IDENTITY_ENDPOINT".to_owned(), format!("http://{address}/msi/token")),
        ("AZURE_CLIENT_ID".to_owned(), "11111111-2222-3333-4444-555555555555".to_owned()),
        ("AZURE_STORAGE_ACCOUNT_NAME".to_owned(), "account".to_owned()),
        ("AZURE_STORAGE_ENDPOINT".to_owned(), format!("http://{address}")),
    ]);
    let settings = config::app(&environment, "abfss://lake@account.dfs.core.windows.net/path").expect("good settings");
    let lake = Lake::open(&settings.lake_url, &settings.storage_options).expect("a client");
    lake.reach().await.expect("the store answers");
    let asked = asked.0.lock().expect("no test thread has panicked").clone();
    assert_eq!(asked[0]["query"]["client_id"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(asked[0]["query"]["resource"], "https://storage.azure.com");
    assert_eq!(asked[0]["query"]["api-version"], "2019-08-01");
    assert_eq!(asked[1]["authorization"], "Bearer the-token");
}

async fn token(State(asked): State<Asked>, uri: Uri) -> String {
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    asked.note(json!({ "query": query }));
    // Functions sends the expiry as text.
    json!({"access_token": "the-token", "expires_on": "4102444800", "resource": "https://storage.azure.com", "token_type": "Bearer"})
        .to_string()
}

async fn blob(State(asked): State<Asked>, method: Method, uri: Uri, headers: HeaderMap) -> StatusCode {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    asked.note(json!({"method": method.as_str(), "path": uri.path(), "authorization": authorization}));
    StatusCode::NOT_FOUND
}
