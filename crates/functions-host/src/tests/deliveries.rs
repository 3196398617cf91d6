//! Deliveries of batches, also to a handler that fails, hangs, exits or is killed.

use std::path::Path;

use serde_json::{Value, json};

use super::bench::{Bench, Call, MemorySource, RETRY};
use crate::{DeliveryKind, DeliveryOutcome, Drained, HostEvent, RequestFormat, SequenceNumber};

fn is_start(event: &HostEvent) -> bool {
    matches!(event, HostEvent::HandlerStarted { .. })
}

#[tokio::test]
async fn a_failed_batch_is_retried_with_the_same_id_until_it_succeeds() {
    let bench = Bench::new(&["status 500", "status 503", "ok"]).ingest(Some(RETRY));
    let mut run = bench.start(MemorySource::with(3), |_| {}).await;
    let delivered = run.events.delivered().await;
    assert_eq!((delivered.events, delivered.attempts, delivered.outcome), (3, 3, DeliveryOutcome::Succeeded));
    assert_eq!(delivered.logs, ["done"]);
    assert_eq!(run.drained().await, Drained::Complete);
    run.stop().await;

    let calls = bench.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.text("id") == calls[0].text("id")));
    assert!(calls.iter().all(|call| call.0["body"]["Data"] == calls[0].0["body"]["Data"]));
    let counts: Vec<_> = calls.iter().map(|call| call.retry()["RetryCount"].clone()).collect();
    assert_eq!(counts, [0, 1, 2]);
    let status = |call: usize| &calls[call].retry()["Exception"]["InnerException"]["StatusCode"];
    assert_eq!([status(0), status(1), status(2)], [&Value::Null, &json!(500), &json!(503)]);
    assert_eq!(calls[0].text("framing"), "chunked");
    assert_eq!(calls[0].text("greeting"), "hello");
    assert_eq!(bench.checkpoint(), Some(2));
}

#[tokio::test]
async fn without_a_retry_policy_a_failed_batch_is_lost() {
    let bench = Bench::new(&["status 500", "ok"]).ingest(None);
    let mut run = bench
        .start(MemorySource::with(4), |options| {
            options.max_batch = Some(2);
            options.request_format = RequestFormat::ContentLength;
        })
        .await;
    let first = run.events.delivered().await;
    assert_eq!((first.last_sequence_number, first.attempts), (SequenceNumber(1), 1));
    assert_eq!(
        first.outcome,
        DeliveryOutcome::Lost { reason: "handler answered 500 (Internal Server Error)".to_owned() }
    );
    assert_eq!(run.events.delivered().await.outcome, DeliveryOutcome::Succeeded);
    assert_eq!(run.drained().await, Drained::Complete);
    assert_eq!(bench.checkpoint(), Some(3));
    assert_eq!(bench.calls()[0].text("framing"), "length");
    assert_eq!(bench.calls()[0].retry(), &Value::Null);
}

#[tokio::test]
async fn a_success_without_a_body_hangs_until_the_timeout_kills_the_handler() {
    let bench = Bench::new(&["empty", "ok"]).ingest(Some(RETRY));
    bench.host_json(json!({"functionTimeout": "00:00:01"}));
    // No restart after an error is allowed: a kill for a timeout does not count as one.
    let mut run = bench.start(MemorySource::with(1), |options| options.max_restarts = Some(0)).await;
    let delivered = run.events.delivered().await;
    assert_eq!((delivered.attempts, delivered.outcome), (2, DeliveryOutcome::Succeeded));
    assert_eq!(run.events.count(is_start), 2);
    let calls = bench.calls();
    assert_eq!(calls[0].text("id"), calls[1].text("id"));
    assert_ne!(calls[0].0["pid"], calls[1].0["pid"]);
    assert_ne!(calls[0].text("worker"), calls[1].text("worker"));
    assert_eq!(calls[1].retry()["Exception"]["Timeout"], "00:00:01");
}

#[tokio::test]
async fn a_timeout_fails_the_calls_of_all_partitions() {
    let bench = Bench::new(&["wait never", "wait never", "ok"]).ingest(Some(RETRY));
    bench.host_json(json!({"functionTimeout": "00:00:01"}));
    let mut run = bench.start(MemorySource { partitions: 2, events: 1, ends: true }, |_| {}).await;
    let attempts = [run.events.delivered().await.attempts, run.events.delivered().await.attempts];
    assert_eq!(attempts, [2, 2]);
    assert_eq!(run.drained().await, Drained::Complete);
    assert_eq!(run.events.count(is_start), 2, "one kill for both");
}

#[tokio::test]
async fn the_host_gives_up_at_the_third_crash() {
    let bench = Bench::new(&["exit 1"]).ingest(Some(RETRY));
    let run = bench.start(MemorySource::with(1), |_| {}).await;
    let Drained::GaveUp(reason) = run.drained().await else { panic!("it continued") };
    assert_eq!(reason, "cannot keep the handler running, the last process ended with exit status: 1");
    let mut events = run.stop().await;
    assert_eq!(events.count(is_start), 3);
    assert_eq!(events.count(|event| matches!(event, HostEvent::HostGaveUp { .. })), 1);
    assert_eq!(bench.checkpoint(), None);
    assert!(bench.calls().iter().all(|call| call.text("id") == bench.calls()[0].text("id")));
}

#[tokio::test]
async fn exit_code_200_is_a_free_restart() {
    let bench = Bench::new(&["exit 200", "exit 200", "exit 200", "ok"]).ingest(Some(RETRY));
    let mut run = bench.start(MemorySource::with(1), |options| options.max_restarts = Some(0)).await;
    assert_eq!(run.drained().await, Drained::Complete);
    assert_eq!(run.events.count(is_start), 4);
}

#[tokio::test]
async fn after_exit_code_0_the_handler_stays_dead() {
    let twice = r#"{"strategy":"fixedDelay","maxRetryCount":1,"delayInterval":"00:00:00.02"}"#;
    let bench = Bench::new(&["exit 0"]).ingest(Some(twice));
    let mut run = bench.start(MemorySource::with(1), |_| {}).await;
    let delivered = run.events.delivered().await;
    let DeliveryOutcome::Lost { reason } = delivered.outcome else { panic!("{delivered:?}") };
    assert!(reason.starts_with("no answer from the handler"), "{reason}");
    assert_eq!(delivered.attempts, 2);
    assert_eq!(run.events.count(is_start), 1);
    let not_restarting = |event: &HostEvent| matches!(event, HostEvent::HandlerExited { restarting: false, .. });
    assert_eq!(run.events.count(not_restarting), 1);
    run.stop().await;
}

#[tokio::test]
async fn the_next_host_continues_after_the_checkpoint() {
    let bench = Bench::new(&["ok"]).ingest(Some(RETRY));
    let run = bench.start(MemorySource::with(5), |options| options.max_batch = Some(2)).await;
    assert_eq!(run.drained().await, Drained::Complete);
    run.stop().await;
    let run = bench.start(MemorySource::with(7), |options| options.max_batch = Some(2)).await;
    assert_eq!(run.drained().await, Drained::Complete);
    let batches: Vec<_> = bench.calls().iter().map(Call::sequence_numbers).collect();
    assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![4], vec![5, 6]]);
}

#[tokio::test]
async fn a_batch_accepted_while_the_host_stops_is_not_checkpointed() {
    let bench = Bench::new(&["wait go"]).ingest(Some(RETRY));
    let mut run = bench.start(MemorySource { partitions: 1, events: 2, ends: false }, |_| {}).await;
    let pid = run.events.handler_started().await;
    run.events.called().await;
    // `stop` is polled first, so the host is stopping when the handler may answer.
    let (mut events, ()) = tokio::join!(biased; run.stop(), async { bench.write("go", "") });
    assert_eq!(events.delivered().await.outcome, DeliveryOutcome::NotCheckpointed);
    assert_eq!(bench.checkpoint(), None);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the handler has ended with the host");

    let mut run = bench.start(MemorySource::with(2), |_| {}).await;
    assert_eq!(run.events.delivered().await.outcome, DeliveryOutcome::Succeeded);
    let calls = bench.calls();
    assert_eq!(calls[0].sequence_numbers(), calls[1].sequence_numbers());
    assert_ne!(calls[0].text("id"), calls[1].text("id"));
}

#[tokio::test]
async fn a_batch_is_retried_when_a_fault_kills_the_handler() {
    let bench = Bench::new(&["ok"]).ingest(Some(RETRY));
    let mut run = bench
        .start(MemorySource::with(4), |options| {
            options.max_batch = Some(1);
            options.max_restarts = None;
            options.faults = "kill=2".parse().unwrap();
        })
        .await;
    assert_eq!(run.drained().await, Drained::Complete);
    let retried = run.events.count(|event| matches!(event, HostEvent::Retrying { .. }));
    assert_eq!(retried, 3, "calls 2, 4 and 6 of 7 were for batches 2, 3 and 4");
    assert_eq!(bench.checkpoint(), Some(3));
}

#[tokio::test]
async fn an_overlapping_delivery_runs_at_the_same_time_as_the_regular_one() {
    // The handler answers neither call before it has received both.
    let bench = Bench::new(&["together 2"]).ingest(Some(RETRY));
    let mut run = bench.start(MemorySource::with(2), |options| options.faults = "overlap=1".parse().unwrap()).await;
    assert_eq!(run.drained().await, Drained::Complete);
    let calls = bench.calls();
    assert_eq!(calls[0].sequence_numbers(), calls[1].sequence_numbers());
    assert_ne!(calls[0].text("id"), calls[1].text("id"));
    let overlapping = |event: &HostEvent| match event {
        HostEvent::Delivered(delivered) => delivered.kind == DeliveryKind::Overlapping,
        _ => false,
    };
    assert_eq!(run.events.count(overlapping), 1);
}

#[tokio::test]
async fn duplicates_and_redeliveries_repeat_events_but_lose_none() {
    let bench = Bench::new(&["ok"]).ingest(Some(RETRY));
    let run = bench
        .start(MemorySource::with(20), |options| {
            options.max_batch = Some(4);
            options.faults = "duplicate=2,redeliver=2,back=6".parse().unwrap();
        })
        .await;
    assert_eq!(run.drained().await, Drained::Complete);
    let mut delivered: Vec<i64> = bench.calls().iter().flat_map(Call::sequence_numbers).collect();
    assert!(delivered.len() > 20, "{delivered:?}");
    delivered.sort_unstable();
    delivered.dedup();
    assert_eq!(delivered, (0..20).collect::<Vec<_>>());
    assert_eq!(bench.checkpoint(), Some(19));
}
