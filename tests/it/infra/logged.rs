//! What the handler really logs: the report in an answer's `Logs`, and the lines on standard output.

use crate::support::process::Handler;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

pub struct Logged {
    /// Members of each function's report, which the host logs under `Function.<name>.User`.
    pub reports: BTreeMap<String, BTreeSet<String>>,
    /// Paths into the handler's line for a failure, which the host logs under `Host.Function.Console`.
    pub console: BTreeSet<String>,
}

/// Found out by running the real handler once.
pub fn logged() -> &'static Logged {
    static LOGGED: OnceLock<Logged> = OnceLock::new();
    LOGGED.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run())
    })
}

async fn run() -> Logged {
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, output) = (folder.path().join("lake"), folder.path().join("output"));
    let settings = [("LAKE_URL", &*lake.to_string_lossy()), ("MAX_EVENT_AGE", "none")];
    let handler = Handler::start_with_log(&settings, &output);
    let mut reports = BTreeMap::new();
    for (recording, function) in
        [("eh-many-binary", "ingest"), ("timer-later", "sessionize"), ("timer-later", "rebuild")]
    {
        let answer = handler.send_recorded_to(recording, function).await;
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: Value = serde_json::from_str(body).expect("an answer is JSON");
        let report = body["Logs"][0].as_str().unwrap_or_else(|| panic!("{function} reports nothing: {body}"));
        let report: Value = serde_json::from_str(report).expect("a report is JSON");
        assert_eq!(report["function"], function);
        reports.insert(function.to_owned(), report.as_object().expect("an object").keys().cloned().collect());
    }
    let answer = handler.send_recorded_to("timer-later", "no-such-function").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    drop(handler);
    let output = std::fs::read_to_string(output).expect("it wrote");
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let failure = lines.into_iter().find(|line| line["level"] == "ERROR").expect("a failure is logged");
    let mut console = BTreeSet::new();
    paths("", &failure, &mut console);
    Logged { reports, console }
}

fn paths(before: &str, value: &Value, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        paths(&path, value, found);
        found.insert(path);
    }
}
