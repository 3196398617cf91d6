//! Opening a lake from the command line.

use super::Failure;
use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::config::{self, ProcessEnvironment};
use std::future::Future;

/// The lake at `url`, with the settings of the environment.
pub fn open(url: &str) -> Result<App, Failure> {
    let settings = config::app(&ProcessEnvironment, url)?;
    Ok(App::new(settings, Clock::System)?)
}

/// The lake at `url`, which is there already: looking at a lake must not make one.
pub fn open_existing(url: &str) -> Result<App, Failure> {
    let folder = url.strip_prefix("file://").unwrap_or(url);
    if !folder.contains("://") && !std::path::Path::new(folder).is_dir() {
        return Err(format!("cannot open lake `{url}`: there is no such folder").into());
    }
    open(url)
}

/// Runs `work` to its end.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
