//! Where decoding and encoding run: on the blocking pool, so that they never keep the async threads from the commits,
//! and no more of them at once than there are cores.

use super::error::LakeError;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A share of the machine's cores. Clones share it.
#[derive(Debug, Clone)]
pub enum Workers {
    Pool(Arc<Semaphore>),
    /// The caller's thread, which waits: the same calls then happen in the same order. For simulations.
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

    /// Runs `work` as soon as a core is free. A panic in it becomes an error.
    pub async fn run<T, F>(&self, attempt: &'static str, work: F) -> Result<T, LakeError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Workers::Pool(permits) = self else { return Ok(work()) };
        let _permit = permits.acquire().await;
        let work = tokio::task::spawn_blocking(work);
        work.await.map_err(|error| LakeError::Panicked { attempt, detail: error.to_string() })
    }

    /// Runs `work` in the background. The caller does not learn how it ended.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Workers::Pool(_) => drop(tokio::spawn(work)),
            Workers::InPlace => finish_on_another_thread(work),
        }
    }
}

/// On a runtime of its own: deltalake blocks the thread that it is called on, and starts others.
fn finish_on_another_thread(work: impl Future<Output = ()> + Send + 'static) {
    let run = || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(work);
        }
    };
    // A panic ends the work and nothing else, as it would in a task.
    let _ = std::thread::spawn(run).join();
}
