//! Several runs on one lake at the same time: the audit at the end of one waits for those that still write.
//!
//! Promises no order between runs. A run that was killed holds nothing up: the system gives its lock back.

use crate::command::{Failure, cannot};
use crate::source::StateFolder;
use std::fs::{File, TryLockError};
use std::path::PathBuf;

/// The lock that a run holds which writes to the lake and ends by itself. Nobody waits for the others, which may never end.
pub struct RunLock {
    file: File,
    path: PathBuf,
}

impl RunLock {
    /// Waits for the audit of another run, if there is one, because this run would change what it reads.
    pub fn shared(state: &StateFolder, ends_by_itself: bool) -> Result<Self, Failure> {
        let path = state.file("running.lock");
        let file = File::options().create(true).append(true).open(&path).map_err(cannot("open", &path))?;
        if ends_by_itself {
            file.lock_shared().map_err(cannot("lock", &path))?;
        }
        Ok(RunLock { file, path })
    }

    /// Waits until no other run writes, and keeps others from starting. Returns what has to be kept meanwhile.
    pub async fn alone(self) -> Result<Self, Failure> {
        let RunLock { file, path } = self;
        // While two runs wait with their shared locks, neither gets the lock alone.
        file.unlock().map_err(cannot("unlock", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(RunLock { file, path }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(cannot("lock", &path)(error).into()),
        }
        eprintln!("waiting for another run on this lake to end, because the audit needs a lake at rest");
        let (locked, waiting) = tokio::sync::oneshot::channel();
        // Not on the pool of the runtime, which would wait for it after Ctrl-C.
        std::thread::spawn(move || {
            let outcome = file.lock().map_err(cannot("lock", &path)).map(|()| RunLock { file, path });
            let _ = locked.send(outcome);
        });
        Ok(waiting.await??)
    }
}
