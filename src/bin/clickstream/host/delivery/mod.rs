//! Batches of one partition to one function, one after the other.
//!
//! Promises the order and the checkpoints of the Event Hubs extension: the next batch only after the retries of the
//! one before, a checkpoint after success and after final failure, none once the host is stopping. Does not know
//! how a call is made.

mod checkpoints;
mod redelivery;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use checkpoints::{CheckpointFile, CheckpointKey};
use redelivery::Position;
use tokio::sync::watch;

use super::app::function::{EventHubTrigger, Function};
use super::envelope::{self, PartitionContext};
use super::event::{Delivered, DeliveryKind, DeliveryOutcome, HostEvent};
use super::faults::{Faults, Occasions};
use super::invoke::{Completed, Invocation, InvocationOutcome, Invoker, Origin};
use super::source::{EventSource, Read, SourceEvent};

/// The pause after a source could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Counters of the fault switches, shared by all partitions.
#[derive(Debug, Default)]
pub struct DeliveryOccasions {
    overlap: Occasions,
    duplicate: Occasions,
    redeliver: Occasions,
}

pub struct Partition {
    pub function: Arc<Function>,
    pub trigger: EventHubTrigger,
    pub source: Arc<dyn EventSource>,
    pub partition: usize,
    pub checkpoint: CheckpointFile,
    /// Events per batch, at least 1.
    pub max_batch: usize,
    /// Batches per checkpoint, at least 1.
    pub checkpoint_frequency: u32,
    pub invoker: Arc<Invoker>,
    pub occasions: Arc<DeliveryOccasions>,
    /// Partitions that have not come to their end yet.
    pub unfinished: watch::Sender<usize>,
}

/// Whether there is a next batch.
enum Then {
    GoOn,
    Stop,
}

impl Partition {
    /// Delivers until the source has ended or the host stops.
    pub async fn run(mut self) {
        let mut position = Position::new(self.checkpoint.sequence_number(), self.max_batch);
        let mut batches_since_checkpoint = 0;
        let mut uncheckpointed = None;
        while let Some(read) = self.read(&position).await {
            let Read::Events(batch) = read else {
                self.write_checkpoint(uncheckpointed).await;
                self.unfinished.send_modify(|unfinished| *unfinished -= 1);
                return;
            };
            let Then::GoOn = self.deliver(&batch).await else { return };
            uncheckpointed = batch.last().cloned();
            batches_since_checkpoint += 1;
            if batches_since_checkpoint >= self.checkpoint_frequency {
                self.write_checkpoint(uncheckpointed.take()).await;
                batches_since_checkpoint = 0;
            }
            position.advance(&batch, self.faults(), &self.occasions.redeliver);
        }
    }

    /// `None` when the host stops.
    async fn read(&self, position: &Position) -> Option<Read> {
        let lifecycle = &self.invoker.lifecycle;
        loop {
            let read = self.source.read(self.partition, position.after, position.max_batch);
            match lifecycle.while_running(read).await? {
                Ok(Read::Events(batch)) if batch.is_empty() => tokio::task::yield_now().await,
                Ok(read) => return Some(read),
                Err(error) => {
                    self.report_source(&error);
                    lifecycle.while_running(tokio::time::sleep(READ_AGAIN_AFTER)).await?;
                }
            }
        }
    }

    async fn deliver(&self, batch: &[SourceEvent]) -> Then {
        let overlap = self.occasions.overlap.is_due(self.faults().overlap_every);
        let completed = if overlap {
            tokio::join!(self.invoke(batch, DeliveryKind::Regular), self.invoke(batch, DeliveryKind::Overlapping)).0
        } else {
            self.invoke(batch, DeliveryKind::Regular).await
        };
        let succeeded = matches!(completed.outcome, InvocationOutcome::Succeeded(_));
        if succeeded && self.occasions.duplicate.is_due(self.faults().duplicate_every) {
            self.invoke(batch, DeliveryKind::Duplicate).await;
        }
        match completed.outcome {
            InvocationOutcome::Abandoned => Then::Stop,
            // No checkpoint once the host is stopping, not even for a batch that was just accepted.
            _ if !self.invoker.lifecycle.is_running() => Then::Stop,
            InvocationOutcome::Succeeded(_) | InvocationOutcome::Failed(_) => Then::GoOn,
        }
    }

    async fn invoke(&self, batch: &[SourceEvent], kind: DeliveryKind) -> Completed {
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
        };
        let completed = self.invoker.invoke(invocation).await;
        self.report(batch, kind, &completed);
        completed
    }

    async fn write_checkpoint(&mut self, last: Option<SourceEvent>) {
        let Some(last) = last else { return };
        if let Err(error) = self.checkpoint.write(&last).await {
            let (function, reason) = (self.function.name.clone(), error.to_string());
            self.invoker.events.emit(HostEvent::StateNotWritten { function, reason });
        }
    }

    fn faults(&self) -> &Faults {
        &self.invoker.faults
    }

    fn report(&self, batch: &[SourceEvent], kind: DeliveryKind, completed: &Completed) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return };
        let (outcome, logs) = match &completed.outcome {
            InvocationOutcome::Abandoned => (DeliveryOutcome::Abandoned, Vec::new()),
            _ if !self.invoker.lifecycle.is_running() => (DeliveryOutcome::NotCheckpointed, Vec::new()),
            InvocationOutcome::Succeeded(answer) => (DeliveryOutcome::Succeeded, answer.logs.clone()),
            InvocationOutcome::Failed(failure) => (DeliveryOutcome::Lost { reason: failure.to_string() }, Vec::new()),
        };
        self.invoker.events.emit(HostEvent::Delivered(Delivered {
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

    fn report_source(&self, error: &io::Error) {
        let (partition, reason) = (self.partition, error.to_string());
        self.invoker.events.emit(HostEvent::SourceFailed { partition, reason });
    }
}
