//! `handler`: the custom handler that the Functions host starts. Nothing in it but the functions.
//!
//! The port answers before anything else is done: the host polls it, and gives up on what answers late.

mod allocator;
mod parent;

use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::config::{self, ProcessEnvironment};
use clickstream::functions::{self, answer::AppSlot};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    allocator::keep_little();
    parent::die_with_it();
    log_to_stdout();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(reason = clickstream::error::with_causes(error.as_ref()), "handler stopped");
            // Not 0: the host restarts a handler that failed, and leaves alone one that says it is done.
            ExitCode::FAILURE
        }
    }
}

/// One JSON line a record: the host takes each line for a message, and each line on standard error for an error.
fn log_to_stdout() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stdout).init();
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let settings = config::handler(&ProcessEnvironment)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    let slot = AppSlot::default();
    let router = functions::router(slot.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::spawn(ignore_interrupts());
    let app = tokio::task::spawn_blocking(move || App::new(settings.app, Clock::System)).await??;
    // The slot is set once, here.
    let _ = slot.set(app);
    server.await??;
    Ok(())
}

/// Ctrl-C under `func start` reaches the whole process group. The host decides when this process ends.
async fn ignore_interrupts() {
    while tokio::signal::ctrl_c().await.is_ok() {}
}
