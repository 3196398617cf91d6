//! One `<Function>/function.json`: the trigger and the retry policy of a function.
//!
//! Promises the function as the host would index it, or the reason why the host would put it in error. Does not know
//! the other functions of the app.

use std::path::Path;

use serde::Deserialize;

use super::retry_policy::{RetryBlock, RetryPolicy};
use super::route::Route;
use super::schedule::Schedule;
use super::settings::{AppSettings, HostJson, HttpMode};
use super::syntax::{is_binding_name, is_function_name, parse_json};

const DEFAULT_CONSUMER_GROUP: &str = "$Default";

/// A function that the host runs.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// The name of the folder, with its upper and lower case. The path of a call is `/<name>`.
    pub(crate) name: String,
    pub(crate) trigger: Trigger,
    /// Its own policy, or that of `host.json`.
    pub(crate) retry: Option<RetryPolicy>,
}

#[derive(Debug, Clone)]
pub(crate) enum Trigger {
    EventHub(EventHubTrigger),
    Timer(TimerTrigger),
    Http(HttpTrigger),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventHubTrigger {
    pub(crate) binding: String,
    pub(crate) event_hub: String,
    pub(crate) consumer_group: String,
    pub(crate) cardinality: Cardinality,
    pub(crate) data_type: DataType,
}

/// Whether a call carries one event or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cardinality {
    One,
    Many,
}

/// How the host hands over the body of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataType {
    /// The bytes in base64, without loss.
    Binary,
    /// Text. Bytes that are not UTF-8 are replaced.
    String,
    /// Parsed JSON. A body that is not JSON fails its whole batch.
    Unset,
}

#[derive(Debug, Clone)]
pub(crate) struct TimerTrigger {
    pub(crate) binding: String,
    pub(crate) schedule: Schedule,
    /// Whether a run that was missed while the host was down is made up for.
    pub(crate) use_monitor: bool,
    /// Whether it runs at every start of the host.
    pub(crate) run_on_startup: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct HttpTrigger {
    pub(crate) binding: String,
    pub(crate) route: Route,
    /// In upper case; empty allows every method.
    pub(crate) methods: Vec<String>,
    /// The name of the `http` output binding, if there is one.
    pub(crate) output: Option<String>,
    pub(crate) mode: HttpMode,
}

#[derive(Deserialize)]
struct FunctionFile {
    bindings: Vec<Binding>,
    retry: Option<RetryBlock>,
}

/// One entry of `bindings`, of whatever type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    event_hub_name: Option<String>,
    consumer_group: Option<String>,
    cardinality: Option<String>,
    data_type: Option<String>,
    schedule: Option<String>,
    #[serde(default = "enabled")]
    use_monitor: bool,
    #[serde(default)]
    run_on_startup: bool,
    route: Option<String>,
    #[serde(default)]
    methods: Vec<String>,
}

fn enabled() -> bool {
    true
}

impl Binding {
    fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    fn is_trigger(&self) -> bool {
        self.kind.to_ascii_lowercase().ends_with("trigger")
    }
}

/// Reads the function in `folder`.
///
/// # Errors
/// The reason why this function is in error. Other functions are not affected.
pub(crate) fn read_function(
    name: &str,
    folder: &Path,
    settings: &AppSettings,
    host: &HostJson,
) -> Result<Function, String> {
    if !is_function_name(name) {
        return Err("its name must be a letter and at most 127 letters, digits, `_` or `-`".to_owned());
    }
    let text = std::fs::read_to_string(folder.join("function.json"))
        .map_err(|error| format!("cannot read `function.json`: {error}"))?;
    let file: FunctionFile = parse_json(&text).map_err(|error| format!("cannot parse `function.json`: {error}"))?;
    check_binding_names(&file.bindings)?;
    let own_retry =
        file.retry.map(|block| block.policy()).transpose().map_err(|reason| format!("`retry`: {reason}"))?;
    let trigger = trigger(name, &file.bindings, settings, host)?;
    Ok(Function { name: name.to_owned(), trigger, retry: own_retry.or(host.retry) })
}

fn check_binding_names(bindings: &[Binding]) -> Result<(), String> {
    for (index, binding) in bindings.iter().enumerate() {
        if !is_binding_name(&binding.name) {
            return Err(format!("binding name `{}` must be a letter and at most 127 letters or digits", binding.name));
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
        event_hub(trigger, settings).map(Trigger::EventHub)
    } else if trigger.is("timerTrigger") {
        timer(trigger, settings).map(Trigger::Timer)
    } else if trigger.is("httpTrigger") {
        http(trigger, &others, name, host.handler.http_mode).map(Trigger::Http)
    } else {
        Err(format!("trigger type `{}` is not supported by this host", trigger.kind))
    }
}

fn event_hub(binding: &Binding, settings: &AppSettings) -> Result<EventHubTrigger, String> {
    let event_hub = binding.event_hub_name.as_deref().ok_or("`eventHubName` is missing")?;
    let consumer_group = binding.consumer_group.as_deref().unwrap_or(DEFAULT_CONSUMER_GROUP);
    Ok(EventHubTrigger {
        binding: binding.name.clone(),
        event_hub: expand(event_hub, settings)?,
        consumer_group: expand(consumer_group, settings)?,
        cardinality: cardinality(binding.cardinality.as_deref())?,
        data_type: data_type(binding.data_type.as_deref())?,
    })
}

fn cardinality(text: Option<&str>) -> Result<Cardinality, String> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("one") => Ok(Cardinality::One),
        Some("many") => Ok(Cardinality::Many),
        Some(other) => Err(format!("`cardinality` is `{other}`, neither `one` nor `many`")),
    }
}

fn data_type(text: Option<&str>) -> Result<DataType, String> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(DataType::Unset),
        Some("binary") => Ok(DataType::Binary),
        Some("string") => Ok(DataType::String),
        Some(other) => Err(format!("`dataType` is `{other}`, neither `binary` nor `string`")),
    }
}

fn timer(binding: &Binding, settings: &AppSettings) -> Result<TimerTrigger, String> {
    let schedule = expand(binding.schedule.as_deref().ok_or("`schedule` is missing")?, settings)?;
    Ok(TimerTrigger {
        binding: binding.name.clone(),
        schedule: Schedule::parse(&schedule)?,
        use_monitor: binding.use_monitor,
        run_on_startup: binding.run_on_startup,
    })
}

/// Requests are forwarded only to a function whose single other binding is an `http` output.
fn http(trigger: &Binding, others: &[&Binding], name: &str, mode: HttpMode) -> Result<HttpTrigger, String> {
    Ok(HttpTrigger {
        binding: trigger.name.clone(),
        route: Route::parse(trigger.route.as_deref().unwrap_or(name))?,
        methods: trigger.methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
        output: others.first().map(|output| output.name.clone()),
        mode: if others.len() == 1 { mode } else { HttpMode::Envelope },
    })
}

fn expand(text: &str, settings: &AppSettings) -> Result<String, String> {
    settings.expand(text).map_err(|missing| missing.to_string())
}
