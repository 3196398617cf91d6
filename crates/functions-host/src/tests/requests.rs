//! Timers and HTTP functions.

use serde_json::json;

use super::bench::{Bench, MemorySource, RETRY, within};
use crate::{Drained, HostError, HostEvent, InvocationOutcome};

const NEVER: &str = r#"{"bindings":[{"type":"timerTrigger","name":"timer","schedule":"0 0 0 29 2 *"}]}"#;
const PAGE: &str = r#"{"bindings":[
    {"type":"httpTrigger","name":"req","direction":"in","methods":["get"],"route":"pages/{name}"},
    {"type":"http","name":"res","direction":"out"}]}"#;

fn no_events() -> MemorySource {
    MemorySource::with(0)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<reqwest::Response> {
    within("response", request.send()).await
}

#[tokio::test]
async fn a_timer_runs_on_request_and_gets_its_schedule() {
    let bench = Bench::new(&["ok"]).function("tidy", NEVER);
    let run = bench.start(no_events(), |_| {}).await;
    let InvocationOutcome::Succeeded(answer) = run.invoke_timer("Tidy").await.unwrap() else { panic!("failed") };
    assert_eq!(answer.logs, ["done"]);
    let timer = &bench.calls()[0].0["body"]["Data"]["timer"];
    assert_eq!(timer["IsPastDue"], false);
    assert_eq!(timer["ScheduleStatus"]["Last"], "0001-01-01T00:00:00+00:00");
    assert!(matches!(run.invoke_timer("nothing").await, Err(HostError::NoSuchTimer(_))));
}

#[tokio::test]
async fn a_timer_fires_on_schedule_also_after_a_failure() {
    let every_second = r#"{"bindings":[{"type":"timerTrigger","name":"timer","schedule":"* * * * * *"}]}"#;
    let bench = Bench::new(&["status 500", "ok"]).function("tick", every_second);
    let mut run = bench.start(no_events(), |_| {}).await;
    let outcome = |event: &HostEvent| match event {
        HostEvent::TimerRan { outcome, .. } => Some(matches!(outcome, InvocationOutcome::Succeeded(_))),
        _ => None,
    };
    assert!(!run.events.wait_for("run", outcome).await);
    assert!(run.events.wait_for("run", outcome).await);
    assert_eq!(bench.calls()[0].0["body"]["Data"]["timer"]["ScheduleStatus"], json!(null));
}

#[tokio::test]
async fn retries_of_a_requested_run_have_new_ids() {
    let with_retry = NEVER.replacen('{', &format!(r#"{{"retry":{RETRY},"#), 1);
    let bench = Bench::new(&["status 500", "ok"]).function("tidy", &with_retry);
    let run = bench.start(no_events(), |_| {}).await;
    assert!(matches!(run.invoke_timer("tidy").await, Ok(InvocationOutcome::Succeeded(_))));
    let calls = bench.calls();
    assert_ne!(calls[0].text("id"), calls[1].text("id"));
    assert_eq!(calls[1].retry()["RetryCount"], 1);
}

#[tokio::test]
async fn a_function_in_error_is_reported_and_the_others_run() {
    let bench = Bench::new(&["ok"]).function("tidy", NEVER).function("other", "{}").ingest(None);
    let mut run = bench
        .start(no_events(), |options| {
            options.app_settings.insert("HUB".to_owned(), "other".to_owned());
        })
        .await;
    assert_eq!(run.events.count(|event| matches!(event, HostEvent::FunctionInError { .. })), 2);
    assert!(matches!(run.invoke_timer("tidy").await, Ok(InvocationOutcome::Succeeded(_))));
    assert_eq!(run.drained().await, Drained::Complete);
}

#[tokio::test]
async fn http_functions_answer_in_the_default_mode() {
    let page = r#"ok {"Outputs":{"res":{"statusCode":201,"body":"<p>","headers":{"Content-Type":"text/html"}}}}"#;
    let bench = Bench::new(&[page]).function("page", PAGE).function("tidy", NEVER);
    let mut run = bench.start(no_events(), |options| options.http_port = Some(0)).await;
    let base = format!("http://{}", run.host.http_address().unwrap());
    let client = client();

    let response = send(client.get(format!("{base}/api/pages/a%20b?x=1"))).await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(within("response body", response.text()).await.unwrap(), "<p>");
    let request = bench.calls()[0].0["body"]["Data"]["req"].clone();
    assert_eq!((&request["Params"], &request["Query"]), (&json!({"name": "a b"}), &json!({"x": "1"})));

    assert_eq!(send(client.get(format!("{base}/api/nothing"))).await.unwrap().status(), 404);
    assert_eq!(send(client.post(format!("{base}/api/pages/a"))).await.unwrap().status(), 404);
    assert_eq!(send(client.post(format!("{base}/admin/functions/tidy"))).await.unwrap().status(), 202);
    let ran = |event: &HostEvent| matches!(event, HostEvent::TimerRan { .. }).then_some(());
    run.events.wait_for("run", ran).await;
    run.stop().await;
    assert!(send(client.get(format!("{base}/api/pages/a"))).await.is_err(), "the endpoint is closed");
}

#[tokio::test]
async fn http_functions_are_forwarded_where_the_app_says_so() {
    let bench = Bench::new(&["ok"]).function("page", PAGE);
    bench.host_json(json!({"customHandler": {"enableForwardingHttpRequest": true}}));
    let run = bench.start(no_events(), |options| options.http_port = Some(0)).await;
    let url = format!("http://{}/api/pages/a%20b?x=1", run.host.http_address().unwrap());
    let response = send(client().get(url)).await.unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(within("response body", response.text()).await.unwrap(), "forwarded /api/pages/a%20b?x=1");
}
