//! How far bronze got, by what this process wrote: whether a batch simply goes on, or comes as news, again, or from a
//! hub that numbers its events anew.

use crate::event::received::ReceivedBatch;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The last sequence number by source partition; a process has one source epoch. As large as there are partitions.
#[derive(Debug, Default)]
pub struct HighWaterMarks {
    last: Mutex<HashMap<String, i64>>,
}

impl HighWaterMarks {
    /// Whether `batch` goes on behind what bronze took before.
    pub fn is_followed_by(&self, batch: &ReceivedBatch) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.get(&batch.source.to_string());
        batch.events.first().zip(before).is_some_and(|(first, before)| first.sequence_number.0 > *before)
    }

    /// Bronze has taken `batch`.
    pub fn note(&self, batch: &ReceivedBatch) {
        let Some(event) = batch.events.last() else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.entry(batch.source.to_string()).or_insert(i64::MIN);
        *before = event.sequence_number.0.max(*before);
    }
}
