//! Where decoding and encoding run: a bounded part of the blocking pool, so that they never keep the async workers
//! from the commits, and never more of them at once than there are cores.

use super::error::LakeError;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A share of the machine's cores. Clones share it.
#[derive(Debug, Clone)]
pub struct Workers {
    permits: Arc<Semaphore>,
}

impl Workers {
    pub fn new(at_once: usize) -> Self {
        Workers { permits: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Runs `work` when its turn comes. A panic in it is an error here, not an end of the process.
    pub async fn run<T, F>(&self, attempt: &'static str, work: F) -> Result<T, LakeError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _permit = self.permits.acquire().await;
        let failed = |detail: String| LakeError::Internal { attempt, table: String::new(), detail };
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))
    }
}
