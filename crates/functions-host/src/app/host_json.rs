//! `host.json`: the settings of the whole app that this host honours.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::retry_policy::{RetryBlock, RetryPolicy};
use super::settings::AppSettings;
use super::{AppError, lenient_json, time_span};

const DEFAULT_FUNCTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const DEFAULT_INITIALIZATION_TIMEOUT: Duration = Duration::from_secs(30);

/// What `host.json` says, defaults filled in.
#[derive(Debug, Clone)]
pub struct HostJson {
    pub handler: HandlerDescription,
    /// Per attempt; `None` without limit.
    pub function_timeout: Option<Duration>,
    pub event_hubs: EventHubOptions,
    /// What HTTP routes start with, without slashes; may be empty.
    pub route_prefix: String,
    /// Applies to functions without a `retry` block of their own.
    pub retry: Option<RetryPolicy>,
    /// When present, only these functions are loaded.
    pub functions: Option<Vec<String>>,
}

/// How the handler is started and spoken to.
#[derive(Debug, Clone)]
pub struct HandlerDescription {
    /// As written: a path below the app root, or a name to be found on the `PATH`.
    pub executable: String,
    pub arguments: Vec<String>,
    pub working_directory: PathBuf,
    pub initialization_timeout: Duration,
    pub http_mode: HttpMode,
}

/// How requests of plain HTTP functions reach the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMode {
    /// As the JSON envelope every other function gets.
    Envelope,
    /// As they came, with their own method, path and query.
    Forwarded,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventHubOptions {
    pub max_event_batch_size: usize,
    /// A checkpoint is written every this many batches.
    pub batch_checkpoint_frequency: u32,
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
/// When the file is missing, is not JSON, describes no custom handler or holds a value the host refuses.
pub fn read(root: &Path, settings: &AppSettings) -> Result<HostJson, AppError> {
    let path = root.join("host.json");
    let text = std::fs::read_to_string(&path).map_err(|source| AppError::ReadFile { path: path.clone(), source })?;
    let refused = |reason: String| AppError::InvalidFile { path: path.clone(), reason };
    let file: HostFile = lenient_json::parse(&text).map_err(|error| refused(error.to_string()))?;
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
        Some(text) => time_span::parse(text)
            .ok_or_else(|| format!("`initializationTimeout` is `{text}`, not of the form hh:mm:ss"))?,
    };
    let forwarded = file.enable_forwarding_http_request || file.enable_proxying_http_request;
    Ok(HandlerDescription {
        executable: file.description.default_executable_path,
        // As the host does it: joined with spaces, unquoted, and settings that do not exist vanish.
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
        Some(text) => time_span::parse(text)
            .map(Some)
            .ok_or_else(|| format!("`functionTimeout` is `{text}`, neither hh:mm:ss nor -1")),
    }
}
