//! Settings: the only place that reads the environment. Every problem is reported at once, by name.

pub mod duration;
mod problems;

use crate::app;
use crate::event::parse::Limits;
use crate::{gold, ingest};
use duration::Span;
use problems::Reader;
pub use problems::{Invalid, Problem};
use std::collections::BTreeMap;

pub const LAKE_URL: &str = "LAKE_URL";
pub const SESSION_TIMEOUT: &str = "SESSION_TIMEOUT";
pub const ALLOWED_LATENESS: &str = "ALLOWED_LATENESS";
pub const FUTURE_TOLERANCE: &str = "FUTURE_TOLERANCE";
pub const MAX_EVENT_AGE: &str = "MAX_EVENT_AGE";
pub const MAX_EVENT_BYTES: &str = "MAX_EVENT_BYTES";
pub const MAX_SESSION_EVENT_KEYS: &str = "MAX_SESSION_EVENT_KEYS";
pub const SESSIONIZE_MAX_EVENTS: &str = "SESSIONIZE_MAX_EVENTS";
/// Rows of silver that one run of sessionize takes, where nothing else is set.
pub const DEFAULT_SESSIONIZE_MAX_EVENTS: usize = 50_000;
pub const SITE_DOMAIN: &str = "SITE_DOMAIN";
pub const SOURCE_EPOCH: &str = "SOURCE_EPOCH";
pub const HANDLER_PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// Set by the platform on every instance, never by hand.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
const AZURE_CLIENT_ID: &str = "AZURE_CLIENT_ID";
/// Settings of the store's client, passed on as they are.
const AZURE_STORAGE: &str = "AZURE_STORAGE_";

const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;

/// Where settings come from: the process's environment, or a map in a test.
pub trait Environment {
    fn get(&self, name: &str) -> Option<String>;
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Everything `handler` needs to know.
#[derive(Clone)]
pub struct HandlerSettings {
    pub port: u16,
    pub app: app::Settings,
}

pub fn handler(environment: &dyn Environment) -> Result<HandlerSettings, Invalid> {
    let mut reader = Reader::new(environment);
    let port = reader.required(HANDLER_PORT, "the port that the Functions host assigns", |text| {
        text.parse().map_err(|_| "a port number".into())
    });
    let lake = reader.required(LAKE_URL, "where the tables are", |text| Ok(text.to_owned()));
    let app = app_settings(&mut reader, lake.unwrap_or_default());
    reader.finish(HandlerSettings { port: port.unwrap_or_default(), app })
}

/// The settings for a lake that was named by other means than [`LAKE_URL`].
pub fn app(environment: &dyn Environment, lake_url: &str) -> Result<app::Settings, Invalid> {
    let mut reader = Reader::new(environment);
    let settings = app_settings(&mut reader, lake_url.to_owned());
    reader.finish(settings)
}

fn app_settings(reader: &mut Reader, lake_url: String) -> app::Settings {
    app::Settings {
        lake_url,
        storage_options: storage_options(reader.environment()),
        ingest: ingest::Settings { limits: limits(reader), source_epoch: reader.number(SOURCE_EPOCH, 0) },
        gold: gold::Settings {
            windowing: gold::Windowing {
                timeout_micros: reader.span(SESSION_TIMEOUT, 30 * MINUTE_MICROS),
                max_event_keys: reader.number(MAX_SESSION_EVENT_KEYS, 10_000),
            },
            allowed_lateness_micros: reader.span(ALLOWED_LATENESS, 7 * HOUR_MICROS),
            slice_versions: 500,
            slice_rows: reader.number(SESSIONIZE_MAX_EVENTS, DEFAULT_SESSIONIZE_MAX_EVENTS),
            rewrite_bytes: 64 << 20,
            file_rows: 20_000,
        },
    }
}

fn limits(reader: &mut Reader) -> Limits {
    let defaults = Limits::default();
    let max_event_age_micros = match reader.optional(MAX_EVENT_AGE, duration::parse_limit) {
        Some(Span::Unlimited) => None,
        Some(Span::Micros(micros)) => Some(micros),
        None => defaults.max_event_age_micros,
    };
    Limits {
        max_body_bytes: reader.number(MAX_EVENT_BYTES, defaults.max_body_bytes),
        future_tolerance_micros: reader.span(FUTURE_TOLERANCE, defaults.future_tolerance_micros),
        max_event_age_micros,
        site_domain: reader.optional(SITE_DOMAIN, |text| Ok(text.to_lowercase())),
        ..defaults
    }
}

/// On Functions the token endpoint differs from instance to instance; the store's client does not look for it.
fn storage_options(environment: &dyn Environment) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    for name in environment.names().iter().filter(|name| name.starts_with(AZURE_STORAGE)) {
        options.extend(environment.get(name).map(|value| (name.to_lowercase(), value)));
    }
    options.extend(environment.get(IDENTITY_ENDPOINT).map(|value| ("azure_msi_endpoint".to_owned(), value)));
    options.extend(environment.get(AZURE_CLIENT_ID).map(|value| ("azure_client_id".to_owned(), value)));
    options
}
