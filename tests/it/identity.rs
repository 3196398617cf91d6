//! Managed identity as on Functions: no key anywhere, a token endpoint that the environment names, and every request to
//! the store or to Event Hubs with what that endpoint gave.

use crate::support::azure::{Azure, CONTAINER};
use crate::support::process::{Handler, clickstream};
use std::collections::BTreeSet;

const TOKEN: &str = "the-token";
const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
const IDENTITY_HEADER: &str = "the-header-of-this-instance";

/// As an instance of Functions has them.
fn environment(azure: &Azure) -> Vec<(String, String)> {
    let pairs = [
        ("IDENTITY_ENDPOINT", azure.identity_endpoint()),
        ("IDENTITY_HEADER", IDENTITY_HEADER.into()),
        ("AZURE_CLIENT_ID", CLIENT_ID.into()),
        // Loopback instead of the account's own address.
        ("AZURE_STORAGE_ENDPOINT", format!("http://{}", azure.address)),
        ("LAKE_URL", format!("abfss://{CONTAINER}@account.dfs.core.windows.net/path")),
        ("MAX_EVENT_AGE", "none".into()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn assert_asked_as_functions_wants(azure: &Azure, resource: &str) {
    let asked = azure.token_requests();
    assert!(!asked.is_empty(), "no token was asked for");
    for request in asked {
        assert_eq!(request.path, "/msi/token");
        assert_eq!(request.identity_header.as_deref(), Some(IDENTITY_HEADER));
        let query: Vec<(&str, &str)> = request.query.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_eq!(query, [("api-version", "2019-08-01"), ("client_id", CLIENT_ID), ("resource", resource)]);
    }
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn every_function_reaches_the_store_with_the_token_and_nothing_else() {
    let azure = Azure::start(TOKEN).await;
    let environment = environment(&azure);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let handler = Handler::start(&environment);
    for (recording, function) in [
        ("eh-many-binary", "ingest"),
        ("timer-later", "sessionize"),
        ("timer-later", "rebuild"),
        ("http-default-get", "health"),
    ] {
        let answer = handler.send_recorded_to(recording, function).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{function}: {answer}");
    }
    assert_asked_as_functions_wants(&azure, "https://storage.azure.com");
    let requests = azure.store_requests();
    for request in &requests {
        assert_eq!(request.authorization.as_deref(), Some("Bearer the-token"), "{request:?}");
    }
    let written: BTreeSet<&str> = requests
        .iter()
        .filter(|request| request.method == "PUT" && request.path.ends_with(".json"))
        .filter_map(|request| request.path.strip_prefix("/lake/path/")?.split_once("/_delta_log"))
        .map(|(table, _)| table)
        .collect();
    let tables = [
        "bronze/events",
        "control/settings",
        "control/watermarks",
        "gold/sessions",
        "silver/events",
        "silver/quarantine",
    ];
    assert_eq!(written, BTreeSet::from(tables), "each table was written to");
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn the_generator_signs_in_to_event_hubs_the_same_way() {
    let azure = Azure::start(TOKEN).await;
    let mut generate = clickstream();
    generate.env_remove("EVENTHUB_CONNECTION_STRING").envs(environment(&azure));
    // Nobody speaks AMQP there; the token comes first.
    generate.args(["generate", "--to", "eventhub", "--namespace", "localhost", "--hub", "clicks", "--events", "1"]);
    let output = tokio::task::spawn_blocking(move || generate.output()).await.expect("joined").expect("it starts");
    assert_asked_as_functions_wants(&azure, "https://eventhubs.azure.net");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("localhost:5671"), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains(IDENTITY_HEADER), "{said}");
}
