//! The staged app root as the Functions host reads it: `host.json`, and `function.json` one level below.
//!
//! Promises the settings and functions the host would run with, and for every function it would put in error
//! the reason. Starts nothing and calls nobody.

mod binding;
pub mod function;
pub mod host_json;
mod lenient_json;
mod names;
pub mod retry_policy;
mod route;
pub mod schedule;
pub mod settings;
pub mod time_span;

use std::io;
use std::path::{Path, PathBuf};

use function::{Function, Trigger};
use host_json::HostJson;
use settings::AppSettings;

#[cfg(test)]
mod tests;

/// The app, ready to run.
#[derive(Debug)]
pub struct App {
    pub host_json: HostJson,
    pub functions: Vec<Function>,
    /// Functions the host would not run, each with the reason. The others are not affected.
    pub in_error: Vec<FunctionInError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionInError {
    pub function: String,
    pub reason: String,
}

/// Why the whole app cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("cannot read `{path}`, is this a staged app root?", path = path.display())]
    ReadFile { path: PathBuf, source: io::Error },
    #[error("`{path}` is not usable: {reason}", path = path.display())]
    InvalidFile { path: PathBuf, reason: String },
    #[error("function folders `{0}` and `{1}` differ only in case")]
    NamesDifferInCase(String, String),
}

/// Reads the app staged at `root`.
///
/// # Errors
/// When `host.json` is unusable, or two function folders differ only in case, which makes the host fail as a whole.
pub fn read(root: &Path, settings: &AppSettings) -> Result<App, AppError> {
    let host_json = host_json::read(root, settings)?;
    let names = function_folders(root)?;
    let mut app = App { host_json, functions: Vec::new(), in_error: Vec::new() };
    for name in names {
        let listed = app.host_json.functions.as_ref().is_none_or(|listed| listed.contains(&name));
        if !listed || settings.disables(&name) {
            continue;
        }
        let function = function::read(&name, &root.join(&name), settings, &app.host_json)
            .and_then(|function| refuse_rivals(function, &app.functions));
        match function {
            Ok(function) => app.functions.push(function),
            Err(reason) => app.in_error.push(FunctionInError { function: name, reason }),
        }
    }
    Ok(app)
}

/// The names of the folders with a `function.json`, sorted. Links count as folders.
fn function_folders(root: &Path) -> Result<Vec<String>, AppError> {
    let unreadable = |source| AppError::ReadFile { path: root.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().join("function.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_by_key(|name| name.to_lowercase());
    match names.windows(2).find(|pair| pair[0].to_lowercase() == pair[1].to_lowercase()) {
        Some(pair) => Err(AppError::NamesDifferInCase(pair[0].clone(), pair[1].clone())),
        None => Ok(names),
    }
}

/// Two functions cannot share a route. Nor a consumer group: on the real host they would steal each other's
/// partitions and write each other's checkpoints, which is never what was meant.
fn refuse_rivals(function: Function, earlier: &[Function]) -> Result<Function, String> {
    for other in earlier {
        match (&function.trigger, &other.trigger) {
            (Trigger::Http(mine), Trigger::Http(theirs)) if mine.route == theirs.route => {
                return Err(format!("it has the route of function `{}`", other.name));
            }
            (Trigger::EventHub(mine), Trigger::EventHub(theirs))
                if mine.event_hub == theirs.event_hub && mine.consumer_group == theirs.consumer_group =>
            {
                let group = &mine.consumer_group;
                return Err(format!("it reads with consumer group `{group}`, as function `{}` does", other.name));
            }
            _ => {}
        }
    }
    Ok(function)
}
