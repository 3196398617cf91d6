//! The staged app root as the Functions host reads it: `host.json`, and `function.json` one level below.
//!
//! Promises the settings and functions that the host would run with, and the reason for every function that it would
//! put in error. Starts no process and calls no function.

pub(crate) mod syntax;
mod retry_policy;
pub(crate) mod route;
pub(crate) mod schedule;
pub(crate) mod settings;
pub(crate) mod function;

use std::path::Path;

use function::{Function, Trigger, read_function};
pub use settings::AppError;
use settings::{AppSettings, HostJson, read_host_json};

#[cfg(test)]
mod tests;

/// An app that can be run.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) host_json: HostJson,
    pub(crate) functions: Vec<Function>,
    /// Functions that the host would not run. The others are not affected.
    pub(crate) in_error: Vec<FunctionInError>,
}

/// A function that the host would not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionInError {
    /// The name of its folder.
    pub(crate) function: String,
    /// What a person has to change.
    pub(crate) reason: String,
}

/// Reads the app staged at `root`.
///
/// # Errors
/// When `host.json` cannot be used, or the names of two function folders differ only in case.
pub(crate) fn read_app(root: &Path, settings: &AppSettings) -> Result<App, AppError> {
    let host_json = read_host_json(root, settings)?;
    let names = function_folders(root)?;
    let mut app = App { host_json, functions: Vec::new(), in_error: Vec::new() };
    for name in names {
        let listed = app.host_json.functions.as_ref().is_none_or(|listed| listed.contains(&name));
        if !listed || settings.disables(&name) {
            continue;
        }
        let function = read_function(&name, &root.join(&name), settings, &app.host_json)
            .and_then(|function| refuse_conflicts(function, &app.functions));
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

/// Two functions cannot have the same route. They cannot have the same consumer group either: on the real host they
/// would steal each other's partitions and write each other's checkpoints, which nobody wants.
fn refuse_conflicts(function: Function, earlier: &[Function]) -> Result<Function, String> {
    for other in earlier {
        match (&function.trigger, &other.trigger) {
            (Trigger::Http(mine), Trigger::Http(theirs)) if mine.route == theirs.route => {
                return Err(format!("its route is that of function `{}`", other.name));
            }
            (Trigger::EventHub(mine), Trigger::EventHub(theirs))
                if mine.event_hub == theirs.event_hub && mine.consumer_group == theirs.consumer_group =>
            {
                let group = &mine.consumer_group;
                return Err(format!("its consumer group `{group}` is that of function `{}`", other.name));
            }
            _ => {}
        }
    }
    Ok(function)
}
