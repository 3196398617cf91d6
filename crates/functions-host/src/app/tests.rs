//! Whole app roots, read from temporary folders.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::function::{Cardinality, DataType};
use super::settings::HttpMode;
use super::*;

const HOST_JSON: &str = r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#;
const TIMER: &str = r#"{"bindings":[{"type":"timerTrigger","name":"timer","schedule":"0 * * * * *"}]}"#;

fn staged(host_json: &str, functions: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("host.json"), host_json).unwrap();
    for (name, function_json) in functions {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("function.json"), function_json).unwrap();
    }
    root
}

fn read_staged(host_json: &str, functions: &[(&str, &str)], settings: &[(&str, &str)]) -> Result<App, AppError> {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read_app(staged(host_json, functions).path(), &AppSettings::new(settings))
}

fn names(app: &App) -> Vec<&str> {
    app.functions.iter().map(|function| function.name.as_str()).collect()
}

#[test]
fn an_app_is_read_with_its_settings() {
    let host_json = r#"{
        "customHandler": {"description": {"defaultExecutablePath": "handler", "arguments": ["--hub %HUB%", "%NONE%"]},
                          "enableForwardingHttpRequest": true}, // as staged
        "functionTimeout": "00:10:00",
        "extensions": {"eventHubs": {"maxEventBatchSize": 1000}, "http": {"routePrefix": ""}},
    }"#;
    let ingest = r#"{"bindings":[{"type":"eventHubTrigger","direction":"in","name":"events","eventHubName":"%HUB%",
        "connection":"C","consumerGroup":"%GROUP%","cardinality":"many","dataType":"binary"}],
        "retry":{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:02"}}"#;
    let app = read_staged(host_json, &[("ingest", ingest)], &[("HUB", "clicks"), ("GROUP", "g")]).unwrap();
    assert_eq!(app.host_json.handler.arguments, ["--hub", "clicks"]);
    assert_eq!(app.host_json.handler.http_mode, HttpMode::Forwarded);
    assert_eq!(app.host_json.function_timeout, Some(Duration::from_secs(600)));
    assert_eq!(app.host_json.event_hubs.max_event_batch_size, 1_000);
    assert_eq!(app.host_json.route_prefix, "");
    let Trigger::EventHub(trigger) = &app.functions[0].trigger else { panic!("{:?}", app.functions[0]) };
    assert_eq!((trigger.event_hub.as_str(), trigger.consumer_group.as_str()), ("clicks", "g"));
    assert_eq!((trigger.cardinality, trigger.data_type), (Cardinality::Many, DataType::Binary));
    assert_eq!(app.functions[0].retry.unwrap().max_retries, None);
}

#[test]
fn a_bad_function_is_in_error_alone() {
    let functions = [
        ("good", TIMER),
        ("1st", TIMER),
        ("badcron", r#"{"bindings":[{"type":"timerTrigger","name":"timer","schedule":"never"}]}"#),
        ("badjson", "{"),
        ("nameless", r#"{"bindings":[{"type":"timerTrigger","name":"a_b","schedule":"0 * * * * *"}]}"#),
        ("nosetting", r#"{"bindings":[{"type":"timerTrigger","name":"timer","schedule":"%NO_SUCH%"}]}"#),
        ("notrigger", r#"{"bindings":[]}"#),
        ("queue", r#"{"bindings":[{"type":"queueTrigger","name":"q"}]}"#),
        ("retry", r#"{"bindings":[{"type":"timerTrigger","name":"t","schedule":"0 * * * * *"}],"retry":{}}"#),
    ];
    let app = read_staged(HOST_JSON, &functions, &[]).unwrap();
    assert_eq!(names(&app), ["good"]);
    let in_error: Vec<_> = app.in_error.iter().map(|error| error.function.as_str()).collect();
    assert_eq!(in_error, ["1st", "badcron", "badjson", "nameless", "nosetting", "notrigger", "queue", "retry"]);
    assert_eq!(app.in_error[4].reason, "app setting `NO_SUCH` is referred to as `%NO_SUCH%` but not set");
    assert_eq!(app.in_error[7].reason, "`retry`: `maxRetryCount` is missing");
}

#[test]
fn names_that_differ_in_case_fail_the_whole_app() {
    let error = read_staged(HOST_JSON, &[("tick", TIMER), ("Tick", TIMER)], &[]).unwrap_err();
    assert!(matches!(error, AppError::NamesDifferInCase(..)), "{error}");
}

#[test]
fn functions_can_be_switched_off_by_setting_and_by_list() {
    let host_json = HOST_JSON.replace(r#""2.0","#, r#""2.0","functions":["a","b"],"#);
    let functions = [("a", TIMER), ("b", TIMER), ("c", TIMER)];
    let app = read_staged(&host_json, &functions, &[("AzureWebJobs.b.Disabled", "true")]).unwrap();
    assert_eq!(names(&app), ["a"]);
}

#[test]
fn the_second_function_of_a_consumer_group_or_a_route_is_in_error() {
    let hub = r#"{"bindings":[{"type":"eventHubTrigger","name":"events","eventHubName":"clicks"}]}"#;
    let http = r#"{"bindings":[{"type":"httpTrigger","name":"req","route":"x"},{"type":"http","name":"res"}]}"#;
    let app = read_staged(HOST_JSON, &[("a", hub), ("b", hub), ("c", http), ("d", http)], &[]).unwrap();
    assert_eq!(names(&app), ["a", "c"]);
}

#[test]
fn an_app_without_a_handler_is_refused() {
    let error = read_staged(r#"{"version":"2.0"}"#, &[], &[]).unwrap_err();
    assert!(error.to_string().ends_with("`customHandler` is missing"), "{error}");
}
