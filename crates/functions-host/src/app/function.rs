//! One `<Function>/function.json`: its trigger and its retry policy, or why the host would put it in error.

use std::path::Path;

use serde::Deserialize;

use super::binding::{self, Binding};
use super::host_json::{HostJson, HttpMode};
use super::lenient_json;
use super::names::{is_binding_name, is_function_name};
use super::retry_policy::{RetryBlock, RetryPolicy};
use super::route::Route;
use super::schedule::Schedule;
use super::settings::AppSettings;

/// A function that can be run.
#[derive(Debug, Clone)]
pub struct Function {
    /// The folder's name, in its own case. The handler is called at `/<name>`.
    pub name: String,
    pub trigger: Trigger,
    pub retry: Option<RetryPolicy>,
}

#[derive(Debug, Clone)]
pub enum Trigger {
    EventHub(EventHubTrigger),
    Timer(TimerTrigger),
    Http(HttpTrigger),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHubTrigger {
    pub binding: String,
    pub event_hub: String,
    pub consumer_group: String,
    pub cardinality: Cardinality,
    pub data_type: DataType,
}

/// Whether a call carries one event or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    One,
    Many,
}

/// What the host turns the body of an event into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// Base64 of the bytes as they are.
    Binary,
    /// Text; what is not UTF-8 is lost.
    String,
    /// Parsed JSON; a body that is not JSON fails its whole batch.
    Unset,
}

#[derive(Debug, Clone)]
pub struct TimerTrigger {
    pub binding: String,
    pub schedule: Schedule,
    /// Whether runs missed while the host was down are made up for.
    pub use_monitor: bool,
    pub run_on_startup: bool,
}

#[derive(Debug, Clone)]
pub struct HttpTrigger {
    pub binding: String,
    pub route: Route,
    /// In upper case; empty for any.
    pub methods: Vec<String>,
    /// The name of the `http` output binding.
    pub output: Option<String>,
    pub mode: HttpMode,
}

#[derive(Deserialize)]
struct FunctionFile {
    bindings: Vec<Binding>,
    retry: Option<RetryBlock>,
}

/// Reads the function in `folder`.
///
/// # Errors
/// Why this function alone is in error.
pub fn read(name: &str, folder: &Path, settings: &AppSettings, host: &HostJson) -> Result<Function, String> {
    if !is_function_name(name) {
        return Err("the name has to be a letter followed by at most 127 letters, digits, `_` or `-`".to_owned());
    }
    let text = std::fs::read_to_string(folder.join("function.json"))
        .map_err(|error| format!("cannot read `function.json`: {error}"))?;
    let file: FunctionFile = lenient_json::parse(&text).map_err(|error| format!("`function.json`: {error}"))?;
    check_binding_names(&file.bindings)?;
    let own_retry =
        file.retry.map(|block| block.policy()).transpose().map_err(|reason| format!("`retry`: {reason}"))?;
    let trigger = trigger(name, &file.bindings, settings, host)?;
    Ok(Function { name: name.to_owned(), trigger, retry: own_retry.or(host.retry) })
}

fn check_binding_names(bindings: &[Binding]) -> Result<(), String> {
    for (index, binding) in bindings.iter().enumerate() {
        if !is_binding_name(&binding.name) {
            return Err(format!("binding name `{}` has to be a letter followed by letters and digits", binding.name));
        }
        if bindings[..index].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&binding.name)) {
            return Err(format!("two bindings are named `{}`", binding.name));
        }
    }
    Ok(())
}

fn trigger(name: &str, bindings: &[Binding], settings: &AppSettings, host: &HostJson) -> Result<Trigger, String> {
    let (triggers, others): (Vec<&Binding>, Vec<&Binding>) = bindings.iter().partition(|binding| binding.is_trigger());
    let [trigger] = triggers[..] else {
        return Err(format!("it has {} triggers, not one", triggers.len()));
    };
    if let Some(other) = others.iter().find(|binding| !binding.is("http")) {
        return Err(format!("binding type `{}` is not supported by this host", other.kind));
    }
    if trigger.is("eventHubTrigger") {
        binding::event_hub(trigger, settings).map(Trigger::EventHub)
    } else if trigger.is("timerTrigger") {
        binding::timer(trigger, settings).map(Trigger::Timer)
    } else if trigger.is("httpTrigger") {
        binding::http(trigger, &others, name, host.handler.http_mode).map(Trigger::Http)
    } else {
        Err(format!("trigger type `{}` is not supported by this host", trigger.kind))
    }
}
