//! What the commands share: how a command ends, how it opens a lake, and how it runs asynchronous work.
//!
//! Does not know any command.

use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::config::{self, Environment, ProcessEnvironment};
use clickstream::error::{Consequence, Kind, with_causes};
use std::error::Error;
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The result of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// The command found that something is wrong.
    Fails,
}

/// Why a command could not do its work, for the person at the terminal.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A failure, and what a person can do about it, on lines of its own so that it can be copied.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct Advised {
    pub failure: String,
    pub advice: String,
}

/// Prints a failure. The codes are those that `--help` explains; clap also exits with 2 on wrong arguments.
pub fn exit_code(outcome: Result<Verdict, Failure>) -> ExitCode {
    match outcome {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Fails) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("error: {}", with_causes(failure.as_ref()));
            if let Some(Advised { advice, .. }) = failure.downcast_ref() {
                eprintln!("{advice}");
            }
            ExitCode::from(2)
        }
    }
}

/// Adds to an error of the file system what was attempted: `cannot VERB PATH`.
pub fn cannot(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("cannot {verb} `{}`: {error}", path.display()))
}

/// The lake at `url`, with the settings of the environment. A lake that does not exist is created by the first write.
pub fn open_lake(url: &str) -> Result<App, Failure> {
    open_lake_in(&ProcessEnvironment, url)
}

/// The lake at `url`, with the settings of `environment`.
pub fn open_lake_in(environment: &dyn Environment, url: &str) -> Result<App, Failure> {
    let settings = config::app(environment, url)?;
    Ok(App::new(settings, Clock::System)?)
}

/// Prints which names in `environment` are nearly those of settings. They have no effect.
pub fn warn_of_near_names(environment: &dyn Environment) {
    for near in config::near_names(environment) {
        eprintln!("warning: {near}");
    }
}

/// The lake at `url`. A folder must exist, because a command that only looks at a lake must not create one.
pub fn open_existing_lake(url: &str) -> Result<App, Failure> {
    let folder = url.strip_prefix("file://").unwrap_or(url);
    if !folder.contains("://") && !Path::new(folder).is_dir() {
        return Err(format!("cannot open lake `{url}`: there is no such folder; name another one with `--lake`").into());
    }
    open_lake(url)
}

/// Runs `work` to its end.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// How often something that may pass is tried, and the longest wait before another attempt.
const ATTEMPTS: u32 = 12;
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Runs `work` again, after a wait that grows, as long as its error is one that may pass, such as a cut connection.
pub async fn patiently<T, E>(work: impl AsyncFn() -> Result<T, E>) -> Result<T, Failure>
where
    E: Consequence + Send + Sync + 'static,
{
    for attempt in 1..ATTEMPTS {
        match work().await {
            Err(error) if error.kind() == Kind::Retry => eprintln!("{}; trying again", with_causes(&error)),
            outcome => return Ok(outcome?),
        }
        tokio::time::sleep(LONGEST_WAIT.min(Duration::from_millis(50) * 2_u32.pow(attempt))).await;
    }
    Ok(work().await?)
}

/// Parses an argument that must be a number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("must be above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clickstream::lake::LakeError;
    use std::cell::Cell;

    /// Fails twice with `error` and succeeds then. The number of calls, if the last one succeeded.
    fn calls_until_success(error: impl Fn() -> LakeError) -> Option<u32> {
        let calls = Cell::new(0);
        let work = async || {
            calls.set(calls.get() + 1);
            if calls.get() > 2 { Ok(calls.get()) } else { Err(error()) }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(patiently(work)).ok()
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_a_person_has_to_change_is_not() {
        assert_eq!(calls_until_success(|| LakeError::Contended { table: "t".into(), attempts: 1 }), Some(3));
        assert_eq!(calls_until_success(|| LakeError::NoTable { table: "t".into() }), None);
    }
}
