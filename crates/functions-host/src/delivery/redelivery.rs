//! Where a partition is read next, and the fault switches that go back.

use crate::clock;
use crate::faults::{Faults, Occasions};
use crate::source::SourceEvent;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// Events above this sequence number are next.
    pub(super) after: Option<i64>,
    /// How many at most. Differs from the host's setting while events are redelivered.
    pub(super) max_batch: usize,
    usual_batch: usize,
    /// The highest sequence number delivered so far.
    frontier: Option<i64>,
}

impl Position {
    pub(super) fn new(after: Option<i64>, max_batch: usize) -> Self {
        Self { after, max_batch, usual_batch: max_batch, frontier: after }
    }

    /// Whether `batch` has events that were not delivered before. Faults count only such batches, or a redelivery
    /// longer than the interval between two faults would never come to an end.
    pub(super) fn is_news(&self, batch: &[SourceEvent]) -> bool {
        batch.last().is_some_and(|last| self.frontier.is_none_or(|frontier| last.sequence_number > frontier))
    }

    /// During `batch` another owner has taken over: it begins behind the checkpoint, and cuts batches of its own.
    pub(super) fn hand_over(&mut self, batch: &[SourceEvent], checkpoint: Option<i64>) {
        self.frontier = self.frontier.max(batch.last().map(|event| event.sequence_number));
        self.after = checkpoint;
        self.max_batch = other_batch_size(self.usual_batch, clock::random_fraction());
    }

    /// After `batch` comes the next one, unless the redelivery fault is due.
    pub(super) fn advance(&mut self, batch: &[SourceEvent], faults: &Faults, redeliveries: &Occasions) {
        let Some(last) = batch.last().map(|event| event.sequence_number) else { return };
        self.after = Some(last);
        let is_new = self.is_news(batch);
        if is_new {
            self.frontier = Some(last);
            self.max_batch = self.usual_batch;
        }
        if is_new && redeliveries.is_due(faults.redeliver_every) {
            self.after = last.checked_sub(faults.redeliver_back);
            self.max_batch = other_batch_size(self.usual_batch, clock::random_fraction());
        }
    }
}

/// A batch size that cuts the same events at other places: anything from a third of the usual size up to just below.
fn other_batch_size(usual: usize, random: f64) -> usize {
    let lowest = usual / 3 + 1;
    let span = usual.saturating_sub(lowest);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let above_lowest = (span as f64 * random) as usize;
    (lowest + above_lowest).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sequence_numbers: std::ops::RangeInclusive<i64>) -> Vec<SourceEvent> {
        let event = |sequence_number| SourceEvent {
            sequence_number,
            offset: String::new(),
            enqueued_at: chrono::DateTime::UNIX_EPOCH,
            partition_key: None,
            accompanying: Default::default(),
            body: bytes::Bytes::new(),
        };
        sequence_numbers.map(event).collect()
    }

    #[test]
    fn a_redelivery_goes_back_once_and_then_on_to_new_events() {
        let faults: Faults = "redeliver=2,back=15".parse().unwrap();
        let occasions = Occasions::default();
        let mut position = Position::new(None, 10);
        position.advance(&batch(0..=9), &faults, &occasions);
        assert_eq!((position.after, position.max_batch), (Some(9), 10));
        position.advance(&batch(10..=19), &faults, &occasions);
        assert_eq!(position.after, Some(4));
        assert!(position.max_batch < 10, "{position:?}");
        position.advance(&batch(5..=11), &faults, &occasions);
        position.advance(&batch(12..=18), &faults, &occasions);
        assert_eq!(position.after, Some(18), "no further redelivery before new events");
        position.advance(&batch(19..=25), &faults, &occasions);
        assert_eq!((position.after, position.max_batch), (Some(25), 10));
    }

    #[test]
    fn a_new_owner_begins_behind_the_checkpoint_and_moves_on_only_after_news() {
        let mut position = Position::new(Some(4), 10);
        assert!(position.is_news(&batch(5..=14)));
        position.hand_over(&batch(5..=14), Some(4));
        assert_eq!(position.after, Some(4));
        assert!(position.max_batch < 10, "{position:?}");
        assert!(!position.is_news(&batch(5..=11)) && !position.is_news(&batch(8..=14)));
        assert!(position.is_news(&batch(12..=18)));
    }

    #[test]
    fn other_batch_sizes_are_smaller_but_never_empty() {
        for (usual, random, expected) in [(100, 0.0, 34), (100, 0.999, 99), (2, 0.9, 1), (1, 0.5, 1)] {
            assert_eq!(other_batch_size(usual, random), expected);
        }
    }
}
