//! No secret is ever written. The tests plant secrets and search for them in everything that our programs print and store, with
//! the most verbose logs, while everything works and while nothing works.

use crate::support::azure::{Azure, CONTAINER};
use crate::support::limit::Watchdog;
use crate::support::process::{Handler, clickstream, free_port};
use std::path::Path;
use std::process::{Command, Output};

const STORAGE_KEY: &str = "cGxhbnRlZC1zdG9yYWdlLWtleQ==";
const SAS_SIGNATURE: &str = "cGxhbnRlZC1zYXMtc2lnbmF0dXJl";
const IDENTITY_HEADER: &str = "planted-identity-header";
const TOKEN: &str = "planted-token";
const HUB_KEY: &str = "cGxhbnRlZC1odWIta2V5";
const PLANTED: [&str; 5] = [STORAGE_KEY, SAS_SIGNATURE, IDENTITY_HEADER, TOKEN, HUB_KEY];

const CHATTY: (&str, &str) = ("RUST_LOG", "debug");

fn connection_string(port: u16) -> String {
    format!(
        "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=Root;SharedAccessKey={HUB_KEY};UseDevelopmentEmulator=true;"
    )
}

fn sas() -> String {
    format!("sv=2024-11-04&ss=b&srt=sco&sp=rwl&se=2099-01-01T00:00:00Z&sig={SAS_SIGNATURE}")
}

/// A port on which no process listens.
fn closed_port() -> u16 {
    free_port()
}

#[track_caller]
fn assert_says_none(what: &str, text: &[u8]) {
    assert!(!text.is_empty(), "{what} is empty, so the search proves nothing");
    let text = String::from_utf8_lossy(text);
    for secret in PLANTED {
        assert!(!text.contains(secret), "`{secret}` is in {what}:\n{text}");
    }
}

fn said(mut command: Command) -> Output {
    let output = command.env(CHATTY.0, CHATTY.1).output().expect("it starts");
    assert_says_none("the output", &[&output.stdout[..], &output.stderr].concat());
    output
}

/// Searches all files below `folder`.
fn assert_keeps_none(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_keeps_none(&path);
        } else if path.file_name().is_some_and(|name| name != "handler") {
            let bytes = std::fs::read(&path).expect("a file");
            let text = String::from_utf8_lossy(&bytes);
            assert!(PLANTED.iter().all(|secret| !text.contains(secret)), "a secret is in {}", path.display());
        }
    }
}

/// Searches the log and the answers of a handler that receives a batch, a timer and a request for its health.
async fn assert_handler_says_none(settings: &[(&str, &str)], expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let settings = [settings, &[CHATTY, ("MAX_EVENT_AGE", "none")]].concat();
    let handler = Handler::start_with_log(&settings, &log);
    for (recording, function) in
        [("eh-many-binary", "ingest"), ("timer-later", "sessionize"), ("http-default-get", "health")]
    {
        let answer = handler.send_recorded_to(recording, function).await;
        assert_says_none("the answer", answer.as_bytes());
        assert!(function != "ingest" || answer.starts_with(expected), "{answer}");
    }
    drop(handler);
    assert_says_none("the log", &std::fs::read(log).expect("a log"));
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn the_handler_with_an_identity() {
    let azure = Azure::start(TOKEN).await;
    let refusing = Azure::start("another-token").await;
    for (store, expected) in [(azure.address, "HTTP/1.1 200"), (refusing.address, "HTTP/1.1 409")] {
        let settings = [
            ("IDENTITY_ENDPOINT", &azure.identity_endpoint()[..]),
            ("IDENTITY_HEADER", IDENTITY_HEADER),
            ("AZURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
            ("AZURE_STORAGE_ENDPOINT", &format!("http://{store}")),
            ("EventHubConnection", &connection_string(5672)),
            ("LAKE_URL", &format!("abfss://{CONTAINER}@account.dfs.core.windows.net/path")),
        ];
        assert_handler_says_none(&settings, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn the_handler_with_a_key_or_a_signature_and_a_store_that_refuses_or_is_away() {
    let refusing = Azure::start("another-token").await;
    let away = format!("http://127.0.0.1:{}", closed_port());
    let secrets = [("AZURE_STORAGE_ACCOUNT_KEY", STORAGE_KEY), ("AZURE_STORAGE_SAS_TOKEN", &sas())];
    let refusing = format!("http://{}", refusing.address);
    for (endpoint, expected) in [(refusing, "HTTP/1.1 409"), (away, "HTTP/1.1 503")] {
        for secret in secrets {
            let settings = [
                secret,
                ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
                ("AZURE_STORAGE_ENDPOINT", &endpoint),
                ("LAKE_URL", "az://lake/path"),
            ];
            assert_handler_says_none(&settings, expected).await;
        }
    }
}

#[test]
fn commands_that_cannot_reach_what_the_secrets_are_for() {
    let _limit = Watchdog::of_this_test();
    let away = format!("http://127.0.0.1:{}", closed_port());
    for secret in [("AZURE_STORAGE_ACCOUNT_KEY", STORAGE_KEY), ("AZURE_STORAGE_SAS_TOKEN", &sas())] {
        let mut audit = clickstream();
        audit.envs([secret, ("AZURE_STORAGE_ACCOUNT_NAME", "account"), ("AZURE_STORAGE_ENDPOINT", &away)]);
        audit.args(["audit", "--lake", "az://lake/path"]);
        assert!(!said(audit).status.success());
    }
    let mut generate = clickstream();
    generate.env("EVENTHUB_CONNECTION_STRING", connection_string(closed_port()));
    generate.args(["generate", "--to", "eventhub", "--hub", "clicks", "--events", "1"]);
    assert!(!said(generate).status.success());
}

#[test]
fn a_whole_local_run() {
    let _limit = Watchdog::of_this_test();
    let folder = tempfile::tempdir().expect("a folder");
    let mut local = clickstream();
    local
        .args(["local", "--drain", "--port", "0", "--events", "300", "--lake", "lake"])
        .env("AZURE_STORAGE_ACCOUNT_KEY", STORAGE_KEY)
        .env("AzureWebJobsStorage", format!("AccountName=a;AccountKey={STORAGE_KEY};EndpointSuffix=core.windows.net"))
        .env("EventHubConnection", connection_string(5672))
        .env("IDENTITY_HEADER", IDENTITY_HEADER)
        .current_dir(folder.path());
    assert!(said(local).status.success());
    assert_keeps_none(folder.path());
}
