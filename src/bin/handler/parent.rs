//! Dying with the host. A host that crashes, or that gave up on a handler, leaves it behind, holding its port and
//! working on batches that another one has been given. That does no harm to the tables, but nobody would ever stop it.
//!
//! `PR_SET_PDEATHSIG` would fire when the *thread* that started us ends, which the host's thread pool does at will. So a
//! thread of ours waits for the process itself.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, getppid, pidfd_open};
use std::time::Duration;

const POLL_EVERY: Duration = Duration::from_millis(200);

/// Ends this process, by SIGKILL's exit code, as soon as its parent has ended.
#[expect(
    clippy::disallowed_methods,
    reason = "where the kernel cannot notify us of the parent's end, the thread polls"
)]
pub fn die_with_it() {
    let Some(parent) = getppid() else { return };
    let wait = move || {
        if let Ok(pidfd) = pidfd_open(parent, PidfdFlags::empty()) {
            let mut ended = [PollFd::new(&pidfd, PollFlags::IN)];
            // Interrupted waits are taken up again; once the parent is another one, it has ended.
            while getppid() == Some(parent) && poll(&mut ended, None).is_err() {}
        }
        while getppid() == Some(parent) {
            std::thread::sleep(POLL_EVERY);
        }
        std::process::exit(137);
    };
    // Without the thread the host's own SIGKILL still ends us in all but a crash.
    let _ = std::thread::Builder::new().name("parent".into()).spawn(wait);
}
