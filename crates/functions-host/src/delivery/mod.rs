//! Batches of one partition to one function, one after the other.
//!
//! Promises the order and the checkpoints of the Event Hubs extension: the next batch only after the retries of the
//! one before, a checkpoint after success and after final failure, none once the host is stopping or the partition
//! has moved to another instance. Does not know how a call is made.

mod checkpoints;
mod redelivery;
mod subscription;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use checkpoints::{CheckpointFile, CheckpointKey};
use redelivery::Position;
pub use subscription::Subscription;

use super::event::{DeliveryKind, HostEvent};
use super::faults::{Faults, Occasions};
use super::instances::{Instances, Owner};
use super::invoke::{Completed, InvocationOutcome, Invoker};
use super::lease::Lease;
use super::source::{Read, SourceEvent};

/// The pause after a source could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Counters of the fault switches, shared by all partitions.
#[derive(Debug, Default)]
pub struct DeliveryOccasions {
    overlap: Occasions,
    duplicate: Occasions,
    redeliver: Occasions,
    moves: Occasions,
}

pub struct Partition {
    pub subscription: Arc<Subscription>,
    pub owner: Owner,
    pub instances: Arc<Instances>,
    pub checkpoint: CheckpointFile,
    /// Events per batch, at least 1.
    pub max_batch: usize,
    /// Batches per checkpoint, at least 1.
    pub checkpoint_frequency: u32,
    pub occasions: Arc<DeliveryOccasions>,
}

/// What follows a batch.
enum Then {
    GoOn,
    /// Another instance has the partition now, and begins behind the last checkpoint.
    HandOver,
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
                self.instances.unfinished.send_modify(|unfinished| *unfinished -= 1);
                return;
            };
            match self.deliver(&batch, position.is_news(&batch)).await {
                Then::Stop => return,
                Then::HandOver => {
                    position.hand_over(&batch, self.checkpoint.sequence_number());
                    uncheckpointed = None;
                    batches_since_checkpoint = 0;
                    continue;
                }
                Then::GoOn => {}
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

    /// `None` when the host stops.
    async fn read(&self, position: &Position) -> Option<Read> {
        let (lifecycle, subscription) = (&self.instances.lifecycle, &self.subscription);
        loop {
            let read = subscription.source.read(subscription.partition, position.after, position.max_batch);
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

    async fn deliver(&mut self, batch: &[SourceEvent], is_news: bool) -> Then {
        if is_news && self.occasions.moves.is_due(self.faults().move_every) {
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
            InvocationOutcome::Abandoned => Then::Stop,
            // No checkpoint once the host is stopping, not even for a batch that was just accepted.
            _ if !self.instances.lifecycle.is_running() => Then::Stop,
            InvocationOutcome::Succeeded(_) | InvocationOutcome::Failed(_) => Then::GoOn,
        }
    }

    async fn call(&self, batch: &[SourceEvent], kind: DeliveryKind) -> Completed {
        self.subscription.deliver(self.owner.invoker(), batch, kind, &Lease::held()).await
    }

    /// The partition moves while `batch` is being delivered. Even if it has ended by then there is no checkpoint: that
    /// is for the owner to write.
    async fn move_during(&mut self, batch: &[SourceEvent]) -> Then {
        let (subscription, batch) = (Arc::clone(&self.subscription), batch.to_vec());
        let call = |invoker: Arc<Invoker>, lease| async move {
            subscription.deliver(&invoker, &batch, DeliveryKind::LeftBehind, &lease).await;
        };
        let moved = self.owner.lose_during(call).await;
        self.instances.events.emit(HostEvent::Moved {
            function: self.subscription.function.name.clone(),
            partition: Some(self.subscription.partition),
            from: moved.from,
            to: moved.to,
        });
        if self.instances.lifecycle.is_running() { Then::HandOver } else { Then::Stop }
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
