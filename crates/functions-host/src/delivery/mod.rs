//! The delivery of one partition to one function, batch after batch.
//!
//! Promises the order and the checkpoints of the Event Hubs extension: the next batch follows only after the retries of
//! the batch before it; there is a checkpoint after success and after final failure, and none once the host is stopping
//! or the partition has moved to another instance. Does not know how a call is made.

mod read_position;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::InvocationOutcome;
use crate::app::function::{EventHubTrigger, Function};
use crate::envelope::{self, PartitionContext};
use crate::event::{Delivered, DeliveryKind, DeliveryOutcome, HostEvent};
use crate::faults::{Faults, Occasions};
use crate::instances::{Instances, Owner};
use crate::invoke::{Completed, Invocation, Invoker, Origin};
use crate::lifecycle::Lease;
use crate::source::{EventSource, PartitionId, Read, SourceEvent};
use crate::state::CheckpointFile;
use read_position::ReadPosition;

/// The pause after the source could not be read.
const READ_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Counts the occasions for each fault. All partitions share one.
#[derive(Debug, Default)]
pub(crate) struct DeliveryOccasions {
    overlap: Occasions,
    duplicate: Occasions,
    redeliver: Occasions,
    moves: Occasions,
}

/// Delivers one partition to one function.
pub(crate) struct Partition {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) owner: Owner,
    pub(crate) instances: Arc<Instances>,
    pub(crate) checkpoint: CheckpointFile,
    /// Events per batch, at least 1.
    pub(crate) max_batch: usize,
    /// Batches per checkpoint, at least 1.
    pub(crate) checkpoint_frequency: u32,
    pub(crate) occasions: Arc<DeliveryOccasions>,
}

/// What follows a batch.
enum Next {
    /// The batch after it.
    Continue,
    /// Another instance owns the partition now, and starts after the last checkpoint.
    HandOver,
    Stop,
}

impl Partition {
    /// Delivers until the source has ended or the host stops.
    pub(crate) async fn run(mut self) {
        let mut position = ReadPosition::new(self.checkpoint.sequence_number(), self.max_batch);
        let mut batches_since_checkpoint = 0;
        let mut uncheckpointed = None;
        while let Some(read) = self.read(&position).await {
            let Read::Events(batch) = read else {
                self.write_checkpoint(uncheckpointed).await;
                self.instances.unfinished.send_modify(|unfinished| *unfinished -= 1);
                return;
            };
            match self.deliver(&batch, position.has_new_events(&batch)).await {
                Next::Stop => return,
                Next::HandOver => {
                    position.hand_over(&batch, self.checkpoint.sequence_number());
                    uncheckpointed = None;
                    batches_since_checkpoint = 0;
                    continue;
                }
                Next::Continue => {}
            }
            uncheckpointed = batch.last().cloned();
            batches_since_checkpoint += 1;
            if batches_since_checkpoint >= self.checkpoint_frequency {
                self.write_checkpoint(uncheckpointed.take()).await;
                batches_since_checkpoint = 0;
            }
            position.advance(&batch, self.faults(), &self.occasions.redeliver);
        }
    }

    /// Reads the next batch, and repeats reads that fail. `None` when the host stops.
    async fn read(&self, position: &ReadPosition) -> Option<Read> {
        let (lifecycle, subscription) = (&self.instances.lifecycle, &self.subscription);
        loop {
            let read = subscription.source.read(subscription.partition, position.after, position.max_batch);
            match lifecycle.while_running(read).await? {
                Ok(Read::Events(batch)) if batch.is_empty() => tokio::task::yield_now().await,
                Ok(read) => return Some(read),
                Err(error) => {
                    self.report_source(&error);
                    lifecycle.while_running(tokio::time::sleep(READ_RETRY_DELAY)).await?;
                }
            }
        }
    }

    async fn deliver(&mut self, batch: &[SourceEvent], has_new_events: bool) -> Next {
        if has_new_events && self.occasions.moves.is_due(self.faults().move_every) {
            return self.move_during(batch).await;
        }
        let overlap = self.occasions.overlap.is_due(self.faults().overlap_every);
        let completed = if overlap {
            tokio::join!(self.call(batch, DeliveryKind::Regular), self.call(batch, DeliveryKind::Overlapping)).0
        } else {
            self.call(batch, DeliveryKind::Regular).await
        };
        let succeeded = matches!(completed.outcome, InvocationOutcome::Succeeded(_));
        if succeeded && self.occasions.duplicate.is_due(self.faults().duplicate_every) {
            self.call(batch, DeliveryKind::Duplicate).await;
        }
        match completed.outcome {
            InvocationOutcome::Abandoned => Next::Stop,
            // There is no checkpoint once the host is stopping, not even for a batch that the handler has just
            // accepted.
            _ if !self.instances.lifecycle.is_running() => Next::Stop,
            InvocationOutcome::Succeeded(_) | InvocationOutcome::Failed(_) => Next::Continue,
        }
    }

    async fn call(&self, batch: &[SourceEvent], kind: DeliveryKind) -> Completed {
        self.subscription.deliver(self.owner.invoker(), batch, kind, &Lease::held()).await
    }

    /// Moves the partition to another instance during the delivery of `batch`. There is no checkpoint even if the
    /// delivery has ended by then, because only the owner writes one.
    async fn move_during(&mut self, batch: &[SourceEvent]) -> Next {
        let (subscription, batch) = (Arc::clone(&self.subscription), batch.to_vec());
        let call = |invoker: Arc<Invoker>, lease| async move {
            subscription.deliver(&invoker, &batch, DeliveryKind::FormerOwner, &lease).await;
        };
        let moved = self.owner.move_during(call).await;
        self.instances.events.emit(HostEvent::Moved {
            function: self.subscription.function.name.clone(),
            partition: Some(self.subscription.partition),
            from: moved.from,
            to: moved.to,
        });
        if self.instances.lifecycle.is_running() { Next::HandOver } else { Next::Stop }
    }

    async fn write_checkpoint(&mut self, last: Option<SourceEvent>) {
        let Some(last) = last else { return };
        if let Err(error) = self.checkpoint.write(&last).await {
            let (function, reason) = (self.subscription.function.name.clone(), error.to_string());
            self.instances.events.emit(HostEvent::StateNotWritten { function, reason });
        }
    }

    fn faults(&self) -> &Faults {
        &self.instances.faults
    }

    fn report_source(&self, error: &io::Error) {
        let (partition, reason) = (self.subscription.partition, error.to_string());
        self.instances.events.emit(HostEvent::SourceFailed { partition, reason });
    }
}

/// A function, and the partition whose events it is called with.
pub(crate) struct Subscription {
    pub(crate) function: Arc<Function>,
    pub(crate) trigger: EventHubTrigger,
    pub(crate) source: Arc<dyn EventSource>,
    pub(crate) partition: PartitionId,
}

impl Subscription {
    /// Calls the function with `batch` on the instance of `invoker`, and reports the result.
    async fn deliver(&self, invoker: &Invoker, batch: &[SourceEvent], kind: DeliveryKind, lease: &Lease) -> Completed {
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
        let is_checkpointed = kind != DeliveryKind::FormerOwner && invoker.lifecycle.is_running();
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
