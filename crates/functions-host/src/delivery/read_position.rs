//! Where a partition is read next, and the faults that redeliver older events.
//!
//! Promises that a redelivery ends at new events. Does not know how events are read or delivered.

use crate::clock;
use crate::faults::{Faults, Occasions};
use crate::source::{SequenceNumber, SourceEvent};

/// The next read of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadPosition {
    /// The next events are those above this sequence number.
    pub(super) after: Option<SequenceNumber>,
    /// The largest size of the next batch. It differs from the setting of the host while events are redelivered.
    pub(super) max_batch: usize,
    usual_max_batch: usize,
    highest_delivered: Option<SequenceNumber>,
}

impl ReadPosition {
    pub(super) fn new(after: Option<SequenceNumber>, max_batch: usize) -> Self {
        Self { after, max_batch, usual_max_batch: max_batch, highest_delivered: after }
    }

    /// Whether `batch` has events that were not delivered before. Faults count only such batches. Otherwise a
    /// redelivery that is longer than the interval between two faults would never end.
    pub(super) fn has_new_events(&self, batch: &[SourceEvent]) -> bool {
        batch.last().is_some_and(|last| self.highest_delivered.is_none_or(|highest| last.sequence_number > highest))
    }

    /// The partition moved during `batch`: the new owner starts after the checkpoint, with other batch boundaries.
    pub(super) fn hand_over(&mut self, batch: &[SourceEvent], checkpoint: Option<SequenceNumber>) {
        self.highest_delivered = self.highest_delivered.max(batch.last().map(|event| event.sequence_number));
        self.after = checkpoint;
        self.max_batch = other_batch_size(self.usual_max_batch, clock::random_fraction());
    }

    /// Moves to the events after `batch`, or back when a redelivery is due.
    pub(super) fn advance(&mut self, batch: &[SourceEvent], faults: &Faults, redeliveries: &Occasions) {
        let Some(last) = batch.last().map(|event| event.sequence_number) else { return };
        self.after = Some(last);
        let is_new = self.has_new_events(batch);
        if is_new {
            self.highest_delivered = Some(last);
            self.max_batch = self.usual_max_batch;
        }
        if is_new && redeliveries.is_due(faults.redeliver_every) {
            self.after = last.0.checked_sub(faults.redeliver_back).map(SequenceNumber);
            self.max_batch = other_batch_size(self.usual_max_batch, clock::random_fraction());
        }
    }
}

/// A batch size that gives the same events other boundaries: from a third of the usual size to one below it.
fn other_batch_size(usual: usize, random: f64) -> usize {
    let lowest = usual / 3 + 1;
    let span = usual.saturating_sub(lowest);
    let above_lowest = (span as f64 * random) as usize;
    (lowest + above_lowest).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sequence_numbers: std::ops::RangeInclusive<i64>) -> Vec<SourceEvent> {
        let event = |sequence_number| SourceEvent {
            sequence_number: SequenceNumber(sequence_number),
            offset: String::new(),
            enqueued_at: chrono::DateTime::UNIX_EPOCH,
            partition_key: None,
            accompanying: Default::default(),
            body: bytes::Bytes::new(),
        };
        sequence_numbers.map(event).collect()
    }

    fn at(sequence_number: i64) -> Option<SequenceNumber> {
        Some(SequenceNumber(sequence_number))
    }

    #[test]
    fn a_redelivery_goes_back_once_and_ends_at_new_events() {
        let faults: Faults = "redeliver=2,back=15".parse().unwrap();
        let occasions = Occasions::default();
        let mut position = ReadPosition::new(None, 10);
        position.advance(&batch(0..=9), &faults, &occasions);
        assert_eq!((position.after, position.max_batch), (at(9), 10));
        position.advance(&batch(10..=19), &faults, &occasions);
        assert_eq!(position.after, at(4));
        assert!(position.max_batch < 10, "{position:?}");
        position.advance(&batch(5..=11), &faults, &occasions);
        position.advance(&batch(12..=18), &faults, &occasions);
        assert_eq!(position.after, at(18), "no further redelivery before new events");
        position.advance(&batch(19..=25), &faults, &occasions);
        assert_eq!((position.after, position.max_batch), (at(25), 10));
    }

    #[test]
    fn a_new_owner_starts_after_the_checkpoint_and_redelivers_up_to_new_events() {
        let mut position = ReadPosition::new(at(4), 10);
        assert!(position.has_new_events(&batch(5..=14)));
        position.hand_over(&batch(5..=14), at(4));
        assert_eq!(position.after, at(4));
        assert!(position.max_batch < 10, "{position:?}");
        assert!(!position.has_new_events(&batch(5..=11)) && !position.has_new_events(&batch(8..=14)));
        assert!(position.has_new_events(&batch(12..=18)));
    }

    #[test]
    fn other_batch_sizes_are_smaller_but_never_empty() {
        for (usual, random, expected) in [(100, 0.0, 34), (100, 0.999, 99), (2, 0.9, 1), (1, 0.5, 1)] {
            assert_eq!(other_batch_size(usual, random), expected);
        }
    }
}
