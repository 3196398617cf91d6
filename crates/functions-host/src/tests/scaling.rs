//! Several instances: which of them is called, and what happens to calls whose partition or timer moves.

use std::collections::BTreeSet;

use super::bench::{Bench, Call, MemorySource, RETRY};
use crate::{
    Delivered, DeliveryKind, DeliveryOutcome, Drained, HostEvent, HostOptions, InstanceId, InvocationOutcome,
    PartitionId,
};

fn two_instances_with(faults: &str) -> impl FnOnce(&mut HostOptions) {
    let faults = faults.parse().unwrap();
    move |options| {
        options.instances = 2;
        options.max_batch = Some(4);
        options.faults = faults;
    }
}

fn pid(call: &Call) -> i64 {
    call.0["pid"].as_i64().unwrap()
}

#[tokio::test]
async fn partitions_are_spread_over_all_instances_and_stay_there() {
    let bench = Bench::new(&["ok"]).ingest(Some(RETRY));
    let source = MemorySource { partitions: 4, events: 8, ends: true };
    let run = bench.start(source, two_instances_with("")).await;
    assert_eq!(run.drained().await, Drained::Complete);
    let partition = |call: &Call| call.0["body"]["Metadata"]["PartitionContext"]["PartitionId"].to_string();
    let owners: BTreeSet<_> = bench.calls().iter().map(|call| (partition(call), pid(call))).collect();
    assert_eq!(owners.len(), 4, "{owners:?}");
    assert_eq!(owners.iter().map(|(_, pid)| pid).collect::<BTreeSet<_>>().len(), 2, "{owners:?}");
}

#[tokio::test]
async fn a_moved_partition_is_delivered_by_its_new_owner_while_the_call_of_the_former_one_runs() {
    let bench = Bench::new(&["meet", "meet", "ok"]).ingest(Some(RETRY));
    let mut run = bench.start(MemorySource::with(4), two_instances_with("move=1")).await;
    assert_eq!(run.drained().await, Drained::Complete);
    let [of_former_owner, of_new_owner] = first_two(&bench);
    assert_eq!(of_new_owner.sequence_numbers()[0], 0);
    assert_ne!(pid(&of_former_owner), pid(&of_new_owner));
    assert_ne!(of_former_owner.text("id"), of_new_owner.text("id"));
    assert_eq!(bench.checkpoint(), Some(3));
    let not_checkpointed = |event: &HostEvent| match event {
        HostEvent::Delivered(Delivered { kind, outcome, .. }) => {
            (*kind, outcome) == (DeliveryKind::FormerOwner, &DeliveryOutcome::NotCheckpointed)
        }
        _ => false,
    };
    assert_eq!(run.events.count(not_checkpointed), 1);
    let moved = |event: &HostEvent| {
        matches!(
            event,
            HostEvent::Moved { partition: Some(PartitionId(0)), from: InstanceId(0), to: InstanceId(1), .. }
        )
    };
    assert_eq!(run.events.count(moved), 1);
}

#[tokio::test]
async fn an_owner_that_lost_the_partition_does_not_retry() {
    let bench = Bench::new(&["meet status 500", "meet status 500", "ok"]).ingest(Some(RETRY));
    let run = bench.start(MemorySource::with(4), two_instances_with("move=1")).await;
    assert_eq!(run.drained().await, Drained::Complete);
    let calls = bench.calls();
    let attempts = |of: &Call| calls.iter().filter(|call| call.text("id") == of.text("id")).count();
    assert_eq!(first_two(&bench).each_ref().map(attempts), [1, 2]);
    assert_eq!(bench.checkpoint(), Some(3));
}

/// The call of the former owner, which has all four events, and the first call of the new owner, which has fewer.
fn first_two(bench: &Bench) -> [Call; 2] {
    let mut calls = bench.calls();
    calls.truncate(2);
    calls.sort_by_key(|call| std::cmp::Reverse(call.sequence_numbers().len()));
    assert_eq!(calls[0].sequence_numbers(), [0, 1, 2, 3]);
    assert!(calls[1].sequence_numbers().len() < 4);
    calls.try_into().unwrap_or_else(|_| panic!("fewer than two calls"))
}

#[tokio::test]
async fn a_moved_timer_runs_on_its_new_owner_while_the_run_of_the_former_one_continues() {
    let never = r#"{"bindings":[{"type":"timerTrigger","name":"timer","schedule":"0 0 0 29 2 *"}]}"#;
    let bench = Bench::new(&["meet"]).function("tidy", never);
    let run = bench.start(MemorySource::with(0), two_instances_with("move=1")).await;
    assert!(matches!(run.invoke_timer("tidy").await.unwrap(), InvocationOutcome::Succeeded(_)));
    assert_eq!(run.drained().await, Drained::Complete, "the run of the former owner is waited for");
    let calls = bench.calls();
    assert_eq!(calls.len(), 2);
    assert_ne!(pid(&calls[0]), pid(&calls[1]));
}
