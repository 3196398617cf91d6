//! The entries of `bindings` in `function.json`, and what each kind of trigger has to say.

use serde::Deserialize;

use super::function::{Cardinality, DataType, EventHubTrigger, HttpTrigger, TimerTrigger};
use super::host_json::HttpMode;
use super::route::Route;
use super::schedule::Schedule;
use super::settings::AppSettings;

const DEFAULT_CONSUMER_GROUP: &str = "$Default";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binding {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
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
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    pub(super) fn is_trigger(&self) -> bool {
        self.kind.to_ascii_lowercase().ends_with("trigger")
    }
}

pub(super) fn event_hub(binding: &Binding, settings: &AppSettings) -> Result<EventHubTrigger, String> {
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

pub(super) fn timer(binding: &Binding, settings: &AppSettings) -> Result<TimerTrigger, String> {
    let schedule = expand(binding.schedule.as_deref().ok_or("`schedule` is missing")?, settings)?;
    Ok(TimerTrigger {
        binding: binding.name.clone(),
        schedule: Schedule::parse(&schedule)?,
        use_monitor: binding.use_monitor,
        run_on_startup: binding.run_on_startup,
    })
}

/// Only a function with one `http` output and nothing else may be called as forwarded requests are.
pub(super) fn http(trigger: &Binding, others: &[&Binding], name: &str, mode: HttpMode) -> Result<HttpTrigger, String> {
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
