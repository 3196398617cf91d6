//! One batch of one partition to one function, on whichever instance has the partition.

use std::sync::Arc;

use crate::app::function::{EventHubTrigger, Function};
use crate::envelope::{self, PartitionContext};
use crate::event::{Delivered, DeliveryKind, DeliveryOutcome, HostEvent};
use crate::invoke::{Completed, Invocation, InvocationOutcome, Invoker, Origin};
use crate::lease::Lease;
use crate::source::{EventSource, SourceEvent};

/// A function and the partition it is called with the events of.
pub struct Subscription {
    pub function: Arc<Function>,
    pub trigger: EventHubTrigger,
    pub source: Arc<dyn EventSource>,
    pub partition: usize,
}

impl Subscription {
    /// Calls the function with `batch`, and reports what came of it.
    pub async fn deliver(
        &self,
        invoker: &Invoker,
        batch: &[SourceEvent],
        kind: DeliveryKind,
        lease: &Lease,
    ) -> Completed {
        let partition_id = self.partition.to_string();
        let context = PartitionContext {
            is_checkpointing_after_invocation: true,
            fully_qualified_namespace: self.source.namespace(),
            event_hub_name: self.source.event_hub(),
            consumer_group: &self.trigger.consumer_group,
            partition_id: &partition_id,
        };
        let invocation = Invocation {
            function: &self.function,
            partition: Some(self.partition),
            envelope: envelope::event_hub(&self.trigger, &context, batch),
            origin: Origin::Trigger,
            lease,
        };
        let completed = invoker.invoke(invocation).await;
        self.report(invoker, batch, kind, &completed);
        completed
    }

    fn report(&self, invoker: &Invoker, batch: &[SourceEvent], kind: DeliveryKind, completed: &Completed) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return };
        let is_checkpointed = kind != DeliveryKind::LeftBehind && invoker.lifecycle.is_running();
        let (outcome, logs) = match &completed.outcome {
            InvocationOutcome::Abandoned => (DeliveryOutcome::Abandoned, Vec::new()),
            InvocationOutcome::Succeeded(answer) if is_checkpointed => {
                (DeliveryOutcome::Succeeded, answer.logs.clone())
            }
            InvocationOutcome::Failed(failure) if is_checkpointed => {
                (DeliveryOutcome::Lost { reason: failure.to_string() }, Vec::new())
            }
            InvocationOutcome::Succeeded(answer) => (DeliveryOutcome::NotCheckpointed, answer.logs.clone()),
            InvocationOutcome::Failed(_) => (DeliveryOutcome::NotCheckpointed, Vec::new()),
        };
        invoker.events.emit(HostEvent::Delivered(Delivered {
            function: self.function.name.clone(),
            partition: self.partition,
            events: batch.len(),
            first_sequence_number: first.sequence_number,
            last_sequence_number: last.sequence_number,
            attempts: completed.attempts,
            duration: completed.duration,
            kind,
            outcome,
            logs,
        }));
    }
}
