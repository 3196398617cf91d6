//! What applies to the whole app: `host.json`, and the app settings that `%NAME%` in the files refers to.
//!
//! Promises the values the host would run with, defaults filled in. Does not know which functions there are.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::retry_policy::{RetryBlock, RetryPolicy};
use super::syntax::{parse_json, parse_time_span};

const DEFAULT_FUNCTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const DEFAULT_INITIALIZATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the whole app cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`, is this a staged app root?", path = path.display())]
    ReadFile {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// `host.json` is not what the host expects.
    #[error("cannot use `{path}`: {reason}", path = path.display())]
    InvalidFile {
        /// The file.
        path: PathBuf,
        /// The key and what is wrong with it, or where the file is not JSON.
        reason: String,
    },
    /// The real host loads no function at all when two folders are named so.
    #[error("cannot load functions `{0}` and `{1}`: the names of their folders differ only in case")]
    NamesDifferInCase(String, String),
}

/// The settings of `host.json` that this host honours.
#[derive(Debug, Clone)]
pub(crate) struct HostJson {
    pub(crate) handler: HandlerDescription,
    /// The limit for one attempt; `None` is no limit.
    pub(crate) function_timeout: Option<Duration>,
    pub(crate) event_hubs: EventHubOptions,
    /// The first segments of every HTTP route, without slashes at either end; may be empty.
    pub(crate) route_prefix: String,
    /// Applies to functions without a `retry` block of their own.
    pub(crate) retry: Option<RetryPolicy>,
    /// When present, only the functions in this list are loaded.
    pub(crate) functions: Option<Vec<String>>,
}

/// How the handler is started and spoken to.
#[derive(Debug, Clone)]
pub(crate) struct HandlerDescription {
    /// As in the file: a path below the app root, or the name of a program on the `PATH`.
    pub(crate) executable: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) working_directory: PathBuf,
    pub(crate) initialization_timeout: Duration,
    pub(crate) http_mode: HttpMode,
}

/// How requests of plain HTTP functions reach the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpMode {
    /// As a JSON envelope, like the calls of all other functions.
    Envelope,
    /// Unchanged, with their own method, path and query.
    Forwarded,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EventHubOptions {
    /// Events per batch.
    pub(crate) max_event_batch_size: usize,
    /// Batches per checkpoint.
    pub(crate) batch_checkpoint_frequency: u32,
}

impl Default for EventHubOptions {
    fn default() -> Self {
        Self { max_event_batch_size: 100, batch_checkpoint_frequency: 1 }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HostFile {
    custom_handler: Option<CustomHandler>,
    function_timeout: Option<String>,
    #[serde(default)]
    extensions: Extensions,
    retry: Option<RetryBlock>,
    functions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomHandler {
    description: Description,
    initialization_timeout: Option<String>,
    #[serde(default)]
    enable_forwarding_http_request: bool,
    #[serde(default)]
    enable_proxying_http_request: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    default_executable_path: String,
    #[serde(default)]
    arguments: Vec<String>,
    working_directory: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Extensions {
    event_hubs: EventHubOptions,
    http: HttpOptions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HttpOptions {
    route_prefix: Option<String>,
}

/// Reads `<root>/host.json`.
///
/// # Errors
/// When the file is missing, is not JSON, describes no custom handler or has a value that the host refuses.
pub(crate) fn read_host_json(root: &Path, settings: &AppSettings) -> Result<HostJson, AppError> {
    let path = root.join("host.json");
    let text = std::fs::read_to_string(&path).map_err(|source| AppError::ReadFile { path: path.clone(), source })?;
    let refused = |reason: String| AppError::InvalidFile { path: path.clone(), reason };
    let file: HostFile = parse_json(&text).map_err(|error| refused(error.to_string()))?;
    let custom_handler = file.custom_handler.ok_or_else(|| refused("`customHandler` is missing".to_owned()))?;
    let handler = handler_description(custom_handler, root, settings).map_err(refused)?;
    let retry = file.retry.map(|block| block.policy()).transpose();
    Ok(HostJson {
        handler,
        function_timeout: function_timeout(file.function_timeout.as_deref()).map_err(refused)?,
        event_hubs: file.extensions.event_hubs,
        route_prefix: file.extensions.http.route_prefix.map_or("api".to_owned(), |p| p.trim_matches('/').to_owned()),
        retry: retry.map_err(|reason| refused(format!("`retry`: {reason}")))?,
        functions: file.functions,
    })
}

fn handler_description(file: CustomHandler, root: &Path, settings: &AppSettings) -> Result<HandlerDescription, String> {
    let initialization_timeout = match file.initialization_timeout.as_deref() {
        None => DEFAULT_INITIALIZATION_TIMEOUT,
        Some(text) => parse_time_span(text)
            .ok_or_else(|| format!("`initializationTimeout` is `{text}`, not of the form hh:mm:ss"))?,
    };
    let forwarded = file.enable_forwarding_http_request || file.enable_proxying_http_request;
    Ok(HandlerDescription {
        executable: file.description.default_executable_path,
        // As on the real host: arguments are joined with spaces, without quotes, and one that refers to a missing
        // setting is left out.
        arguments: file.description.arguments.iter().flat_map(|text| words(text, settings)).collect(),
        working_directory: file.description.working_directory.map_or(root.to_owned(), |path| root.join(path)),
        initialization_timeout,
        http_mode: if forwarded { HttpMode::Forwarded } else { HttpMode::Envelope },
    })
}

fn words(argument: &str, settings: &AppSettings) -> Vec<String> {
    let expanded = settings.expand(argument).unwrap_or_default();
    expanded.split_whitespace().map(str::to_owned).collect()
}

fn function_timeout(text: Option<&str>) -> Result<Option<Duration>, String> {
    match text {
        None => Ok(Some(DEFAULT_FUNCTION_TIMEOUT)),
        Some("-1") => Ok(None),
        Some(text) => parse_time_span(text)
            .map(Some)
            .ok_or_else(|| format!("`functionTimeout` is `{text}`, neither hh:mm:ss nor -1")),
    }
}

/// The app settings: those of the caller, then those in the environment of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppSettings {
    own: BTreeMap<String, String>,
}

/// A file refers to a setting that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("app setting `{0}` is referred to as `%{0}%` but not set")]
pub(crate) struct MissingSetting(pub String);

impl AppSettings {
    /// A setting in `own` overrides one of the same name in the environment.
    pub(crate) fn new(own: BTreeMap<String, String>) -> Self {
        Self { own }
    }

    /// The settings that the caller added to the environment.
    pub(crate) fn own(&self) -> &BTreeMap<String, String> {
        &self.own
    }

    /// The value of a setting.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.own.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    /// Whether `AzureWebJobs.<function>.Disabled` is set. There is no other way to disable a function of a custom
    /// handler: the host ignores `disabled` in its `function.json`.
    pub(crate) fn disables(&self, function: &str) -> bool {
        [format!("AzureWebJobs.{function}.Disabled"), format!("AzureWebJobs_{function}_Disabled")]
            .iter()
            .filter_map(|name| self.get(name))
            .any(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    /// Replaces every `%NAME%` in `text`.
    ///
    /// # Errors
    /// The first name for which there is no setting.
    pub(crate) fn expand(&self, text: &str) -> Result<String, MissingSetting> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, (name, after))) =
            rest.split_once('%').and_then(|(before, tail)| Some((before, tail.split_once('%')?)))
        {
            expanded.push_str(before);
            expanded.push_str(&self.get(name).ok_or_else(|| MissingSetting(name.to_owned()))?);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> AppSettings {
        AppSettings::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn references_are_replaced_and_a_missing_one_is_named() {
        let settings = settings(&[("HUB", "clicks"), ("GROUP", "g1")]);
        assert_eq!(settings.expand("%HUB%-%GROUP%"), Ok("clicks-g1".to_owned()));
        assert_eq!(settings.expand("100%"), Ok("100%".to_owned()));
        assert_eq!(settings.expand("%NO_SUCH_SETTING%"), Err(MissingSetting("NO_SUCH_SETTING".to_owned())));
    }

    #[test]
    fn a_function_is_disabled_by_its_setting() {
        assert!(settings(&[("AzureWebJobs.tick.Disabled", "True")]).disables("tick"));
        assert!(!settings(&[("AzureWebJobs.tick.Disabled", "false")]).disables("tick"));
        assert!(!settings(&[("AzureWebJobs.tick.Disabled", "true")]).disables("tock"));
    }
}
