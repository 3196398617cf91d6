//! Several runs on one lake at the same time: the audit at the end of one waits for those that still write.
//!
//! Promises no order between runs. A run that was killed holds nothing up: the system gives its lock back.

use crate::command::{Failure, cannot};
use crate::source::StateFolder;
use std::fs::{File, TryLockError};

/// The lock that a run holds which writes to the lake and ends by itself. Nobody waits for the others, which may never end.
///
/// On a file system without locks, runs at the same time are not coordinated. That does no harm to the tables: only an audit may
/// report what another run has not finished yet.
pub struct RunLock {
    file: File,
}

impl RunLock {
    /// Waits for the audit of another run, if there is one, because this run would change what it reads.
    pub fn shared(state: &StateFolder, ends_by_itself: bool) -> Result<Self, Failure> {
        let path = state.file("running.lock");
        let file = File::options().create(true).append(true).open(&path).map_err(cannot("open", &path))?;
        if ends_by_itself {
            let _ = file.lock_shared();
        }
        Ok(RunLock { file })
    }

    /// Waits until no other run writes, and keeps others from starting. Returns what has to be kept meanwhile.
    pub async fn alone(self) -> Result<Self, Failure> {
        let RunLock { file } = self;
        // While two runs wait with their shared locks, neither gets the lock alone.
        let _ = file.unlock();
        if !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(RunLock { file });
        }
        eprintln!("waiting for another run on this lake to end, because the audit needs a lake at rest");
        let (locked, waiting) = tokio::sync::oneshot::channel();
        // Not on the pool of the runtime, which would wait for it after Ctrl-C.
        std::thread::spawn(move || {
            let _ = file.lock();
            let _ = locked.send(RunLock { file });
        });
        Ok(waiting.await?)
    }
}
