//! `handler`: the custom handler that the Functions host starts. It serves the functions and does nothing else.
//!
//! The port answers before anything else is ready: the host polls it, and gives up on a handler that answers late. The
//! process keeps little memory and ends with the host; what a function does is not known here.

use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::config::{self, ProcessEnvironment};
use clickstream::functions::{self, answer::AppSlot};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, getppid, pidfd_open};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    clickstream::memory::limit();
    end_with_parent();
    log_to_stdout();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(reason = clickstream::error::with_causes(error.as_ref()), "handler stopped");
            // Not 0: the host restarts a handler that fails, but not one that ends with success.
            ExitCode::FAILURE
        }
    }
}

/// Writes one JSON line for each record: the host reads every line as a message, and those on standard error as errors.
fn log_to_stdout() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stdout).init();
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    for near in config::near_names(&ProcessEnvironment) {
        tracing::warn!("{near}");
    }
    let settings = config::handler(&ProcessEnvironment)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    let slot = AppSlot::default();
    let router = functions::router(slot.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::spawn(ignore_interrupts());
    let app = tokio::task::spawn_blocking(move || App::new(settings.app, Clock::System)).await??;
    // Setting fails only if the slot is set already, and nothing else sets it.
    let _ = slot.set(app);
    server.await??;
    Ok(())
}

/// Ctrl-C under `func start` reaches the whole process group, but the host decides when this process ends.
async fn ignore_interrupts() {
    while tokio::signal::ctrl_c().await.is_ok() {}
}

const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// What the shell reports for a process that SIGKILL ended.
const KILLED: i32 = 137;

/// Ends this process as soon as its parent has ended.
///
/// A host that crashes, or that gave up on a handler, does not end it. Such a handler would hold its port and work on
/// batches that were given to another one. That does no harm to the tables, but nobody would ever stop it.
///
/// `PR_SET_PDEATHSIG` would fire when the *thread* that started us ends, and the host's thread pool ends threads at any
/// time. So a thread of ours waits for the parent process.
#[expect(
    clippy::disallowed_methods,
    reason = "where the kernel cannot notify us of the parent's end, the thread polls"
)]
fn end_with_parent() {
    let Some(parent) = getppid() else { return };
    let wait = move || {
        if let Ok(pidfd) = pidfd_open(parent, PidfdFlags::empty()) {
            let mut ended = [PollFd::new(&pidfd, PollFlags::IN)];
            // An interrupted wait is repeated. If the parent is another process, ours has ended.
            while getppid() == Some(parent) && poll(&mut ended, None).is_err() {}
        }
        while getppid() == Some(parent) {
            std::thread::sleep(POLL_INTERVAL);
        }
        std::process::exit(KILLED);
    };
    // Without the thread, the host's own SIGKILL still ends us unless the host crashes.
    let _ = std::thread::Builder::new().name("parent".into()).spawn(wait);
}
