//! Where decoding and encoding run: a bounded part of the blocking pool, so that they never keep the async workers
//! from the commits, and never more of them at once than there are cores.

use super::error::LakeError;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A share of the machine's cores. Clones share it.
#[derive(Debug, Clone)]
pub enum Workers {
    Pool(Arc<Semaphore>),
    /// The caller's thread, which does nothing else meanwhile: the same calls then happen in the same order.
    InPlace,
}

impl Workers {
    pub fn new(at_once: usize) -> Self {
        Workers::Pool(Arc::new(Semaphore::new(at_once.max(1))))
    }

    /// One for each core.
    pub fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Runs `work` when its turn comes. A panic in it is an error here, not an end of the process.
    pub async fn run<T, F>(&self, attempt: &'static str, work: F) -> Result<T, LakeError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Workers::Pool(permits) = self else { return Ok(work()) };
        let _permit = permits.acquire().await;
        let failed = |detail: String| LakeError::Internal { attempt, table: String::new(), detail };
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))
    }

    /// Sees to `work` off the path of the caller, who does not learn how it ended.
    pub fn see_to(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Workers::Pool(_) => drop(tokio::spawn(work)),
            Workers::InPlace => on_a_runtime_of_its_own(work),
        }
    }
}

/// deltalake blocks the thread that it is called on, and starts others.
fn on_a_runtime_of_its_own(work: impl Future<Output = ()> + Send + 'static) {
    let run = || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(work);
        }
    };
    // A panic in it ends it, as it would end a task.
    let _ = std::thread::spawn(run).join();
}
