//! The real `handler` on a real socket answers requests that were recorded from the real host, byte for byte.

use crate::support::limit::Deadline;
use crate::support::process::Handler;
use std::path::Path;
use std::time::Duration;

/// A lake at an address where no process listens.
const NOWHERE: [(&str, &str); 3] = [
    ("LAKE_URL", "az://lake/path"),
    ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
    ("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:9"),
];

#[tokio::test(crate = "crate::support::limit")]
async fn it_answers_the_readiness_probe_before_it_has_touched_the_lake() {
    let handler = Handler::start(&NOWHERE);
    let answer = handler.send_recorded("readiness").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The recordings, and the functions that receive them. Only the name in the request line is changed.
fn our_function(recording: &str) -> &'static str {
    match recording.split('-').next() {
        Some("timer") => "sessionize",
        Some("http") => "health",
        _ => "ingest",
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn every_recorded_request_is_answered_as_the_contract_wants() {
    answers_every_recorded_request(Handler::start).await;
}

/// `start` receives the settings.
pub async fn answers_every_recorded_request(start: impl Fn(&[(&str, &str)]) -> Handler) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host-examples");
    let mut names: Vec<String> = std::fs::read_dir(examples)
        .expect("the examples are there")
        .filter_map(|entry| entry.ok()?.file_name().to_string_lossy().strip_suffix(".http").map(str::to_owned))
        // We use neither forwarding nor a function as probe.
        .filter(|name| !name.starts_with("http-forwarded") && name != "readiness")
        .collect();
    names.sort();
    assert!(names.len() > 60, "{} examples", names.len());
    for name in names {
        // The recordings come from different hubs with one name, so each gets a lake of its own.
        let folder = tempfile::tempdir().expect("a folder");
        let lake = folder.path().to_string_lossy().into_owned();
        let handler = start(&[("LAKE_URL", &lake), ("MAX_EVENT_AGE", "none")]);
        let answer = handler.send_recorded_to(&name, our_function(&name)).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(head.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        assert!(head.to_lowercase().contains("content-type: application/json"), "{name}: {answer}");
        let body: serde_json::Value = serde_json::from_str(body).expect("an answer is JSON");
        assert!(body["Outputs"].is_object(), "{name}: {answer}");
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn bad_settings_are_all_named_at_once() {
    let output = Handler::run_to_its_end(&[("SESSION_TIMEOUT", "soon"), ("MAX_EVENT_BYTES", "many")]);
    assert_ne!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    for name in ["LAKE_URL", "SESSION_TIMEOUT", "MAX_EVENT_BYTES", "FUNCTIONS_CUSTOMHANDLER_PORT"] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_lake_out_of_reach_is_a_5xx_with_the_reason_and_recovers_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let handler = Handler::start(&[("LAKE_URL", &lake.to_string_lossy()), ("MAX_EVENT_AGE", "none")]);
    handler.ready().await;
    // A file in place of the table's folder makes every write fail.
    let in_the_way = lake.join("bronze");
    std::fs::create_dir_all(&lake).expect("a folder");
    std::fs::write(&in_the_way, "").expect("a file");
    let answer = handler.send_recorded_to("eh-many-binary", "ingest").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(handler.send_recorded("readiness").await.starts_with("HTTP/1.1 200"));
    let health = handler.send_recorded_to("http-default-get", "health").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"Outputs\""), "{health}");
    std::fs::remove_file(in_the_way).expect("removed");
    let answer = handler.send_recorded_to("eh-many-binary", "ingest").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Anybody may ask for the health, so the answer does not say where the lake is.
#[tokio::test(crate = "crate::support::limit")]
async fn health_says_that_the_lake_is_away_and_not_where_it_is() {
    let handler = Handler::start(&NOWHERE);
    let health = handler.send_recorded_to("http-default-get", "health").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("unhealthy"), "{health}");
    assert!(!health.contains("127.0.0.1"), "{health}");
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_foreign_table_is_refused_with_what_differs_and_not_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("bronze/events/_delta_log");
    std::fs::create_dir_all(&log).expect("a folder");
    let schema = r#"{\"type\":\"struct\",\"fields\":[{\"name\":\"body\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}"#;
    let commit = format!(
        "{{\"protocol\":{{\"minReaderVersion\":1,\"minWriterVersion\":2}}}}\n{{\"metaData\":{{\"id\":\"x\",\"format\":\
         {{\"provider\":\"parquet\",\"options\":{{}}}},\"schemaString\":\"{schema}\",\"partitionColumns\":[],\"configuration\":{{}}}}}}\n"
    );
    std::fs::write(log.join("00000000000000000000.json"), commit).expect("written");
    let handler = Handler::start(&[("LAKE_URL", &folder.path().to_string_lossy()), ("MAX_EVENT_AGE", "none")]);
    let answer = handler.send_recorded_to("eh-many-binary", "ingest").await;
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
    for part in
        ["`bronze/events`", "`body` is string instead of binary", "`sequence_number` is missing", "nothing was written"]
    {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
    let files = std::fs::read_dir(folder.path().join("bronze/events")).expect("a folder").count();
    assert_eq!(files, 1, "only the log");
}

#[tokio::test(crate = "crate::support::limit")]
async fn it_dies_with_its_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut orphan = Handler::start_below_a_shell(&[("LAKE_URL", &folder.path().to_string_lossy())]);
    orphan.ready().await;
    orphan.kill_the_shell();
    let deadline = Deadline::after(Duration::from_secs(10));
    while orphan.answers().await {
        deadline.check("the handler to end with its host");
        tokio::task::yield_now().await;
    }
}
