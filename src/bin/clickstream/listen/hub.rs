//! The one event hub that this endpoint has.

use super::journal::Journal;
use functions_host::EventSource;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xxhash_rust::xxh3::xxh3_64;

pub struct Hub {
    pub journal: Arc<Journal>,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    next: AtomicUsize,
}

impl Hub {
    pub fn new(journal: Arc<Journal>, created_at_ms: i64) -> Self {
        Hub { journal, created_at_ms, next: AtomicUsize::new(0) }
    }

    /// The partition of `key`, always the same one for as long as the hub has as many; without a key, each in turn.
    pub fn partition_for(&self, key: Option<&str>) -> usize {
        let partitions = self.journal.partition_count();
        match key {
            Some(key) => (xxh3_64(key.as_bytes()) % partitions as u64) as usize,
            None => self.next.fetch_add(1, Ordering::Relaxed) % partitions,
        }
    }
}
