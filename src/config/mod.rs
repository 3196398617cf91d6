//! Settings: the only place that reads the environment.
//!
//! Promises that all problems are reported at once, each with the name of its setting. Does not know what the settings
//! are used for. Those that decide what an event becomes are read by [`settings`], since the lake has them too.

mod near_names;

use crate::app;
use crate::event::time::Span;
use crate::ingest::SourceEpochs;
use crate::settings::reader::Reader;
pub use crate::settings::reader::{Environment, Invalid};
use crate::{gold, ingest, settings};
pub use near_names::NearName;
use std::collections::BTreeMap;

/// The environment of this process.
pub struct ProcessEnvironment;

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

pub const LAKE_URL: &str = "LAKE_URL";
pub const SESSION_TIMEOUT: &str = "SESSION_TIMEOUT";
pub const ALLOWED_LATENESS: &str = "ALLOWED_LATENESS";
pub const MAX_SESSION_EVENTS: &str = "MAX_SESSION_EVENTS";
pub const SESSIONIZE_MAX_EVENTS: &str = "SESSIONIZE_MAX_EVENTS";
/// Rows of silver that one run of sessionize reads, unless `SESSIONIZE_MAX_EVENTS` says otherwise.
pub const DEFAULT_SESSIONIZE_MAX_EVENTS: usize = 50_000;
pub const SOURCE_EPOCHS: &str = "SOURCE_EPOCHS";
pub const HANDLER_PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// What `SOURCE_EPOCHS` replaces.
const FORMER_SOURCE_EPOCH: &str = "SOURCE_EPOCH";

/// Set by the platform on every instance, never by hand.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
const AZURE_CLIENT_ID: &str = "AZURE_CLIENT_ID";
/// Settings whose names start with this are passed on to the store's client as they are.
const AZURE_STORAGE: &str = "AZURE_STORAGE_";

/// Settings that a person gives besides those of events: those above and those that only the Functions host or the tool
/// reads.
const NAMES: &[&str] = &[
    LAKE_URL,
    SESSION_TIMEOUT,
    ALLOWED_LATENESS,
    MAX_SESSION_EVENTS,
    SESSIONIZE_MAX_EVENTS,
    SOURCE_EPOCHS,
    HANDLER_PORT,
    "EVENTHUB_NAME",
    "EVENTHUB_CONSUMER_GROUP",
    "EVENTHUB_CONNECTION_STRING",
    "SESSIONIZE_SCHEDULE",
    "REBUILD_SCHEDULE",
];

/// Names in `environment` that are not settings, but nearly. They are worth a warning and never an error, since they may belong to
/// another program.
pub fn near_names(environment: &dyn Environment) -> Vec<NearName> {
    near_names::near_names(&environment.names(), &all_names())
}

fn all_names() -> Vec<&'static str> {
    NAMES.iter().chain(&settings::NAMES).copied().collect()
}

/// The settings of the `handler` executable.
#[derive(Clone)]
pub struct HandlerSettings {
    pub port: u16,
    pub app: app::Settings,
}

/// Reads all settings of the `handler` executable.
///
/// # Errors
/// All settings that are missing or cannot be read.
pub fn handler(environment: &dyn Environment) -> Result<HandlerSettings, Invalid> {
    let mut reader = Reader::new(environment);
    let port = reader.required(HANDLER_PORT, "the port that the Functions host assigns", |text| {
        text.parse().map_err(|_| "a port number, at most 65535".into())
    });
    let lake = reader
        .required(LAKE_URL, "the URL of the folder or container that holds the tables", |text| Ok(text.to_owned()));
    let app = app_settings(&mut reader, lake.unwrap_or_default());
    reader.finish(HandlerSettings { port: port.unwrap_or_default(), app })
}

/// The settings for the lake at `lake_url`, whatever [`LAKE_URL`] says.
///
/// # Errors
/// All settings that cannot be read.
pub fn app(environment: &dyn Environment, lake_url: &str) -> Result<app::Settings, Invalid> {
    let mut reader = Reader::new(environment);
    let settings = app_settings(&mut reader, lake_url.to_owned());
    reader.finish(settings)
}

fn app_settings(reader: &mut Reader, lake_url: String) -> app::Settings {
    app::Settings {
        lake_url,
        storage_options: storage_options(reader.environment()),
        ingest: ingest::Settings { parse: settings::read(reader), epochs: source_epochs(reader) },
        gold: gold::Settings {
            windowing: gold::Windowing {
                timeout: reader.span(SESSION_TIMEOUT, Span::from_minutes(30)),
                max_events: reader.number(MAX_SESSION_EVENTS, 10_000),
            },
            allowed_lateness: reader.span(ALLOWED_LATENESS, Span::from_hours(7)),
            max_slice_versions: 500,
            max_slice_bytes: 12 << 20,
            max_slice_rows: reader.number(SESSIONIZE_MAX_EVENTS, DEFAULT_SESSIONIZE_MAX_EVENTS),
            max_rewrite_bytes: 64 << 20,
            max_file_rows: 20_000,
        },
    }
}

/// An epoch for all sources would restart the numbering of healthy hubs too, so one that is still set must not be ignored.
fn source_epochs(reader: &mut Reader) -> SourceEpochs {
    reader.optional(FORMER_SOURCE_EPOCH, |text| match text.parse() {
        Ok(0) => Ok(()),
        epoch => Err(format!(
            "no value, since each source has its own epoch: remove it, and set `{SOURCE_EPOCHS}` to \
             `{{\"<namespace>\": {}}}`, with an entry for each namespace that is read",
            epoch.unwrap_or(1)
        )),
    });
    reader.entries(SOURCE_EPOCHS, SourceEpochs::read)
}

/// What the store's client needs. On Functions each instance has a token endpoint of its own, which the client does not
/// read from the environment.
fn storage_options(environment: &dyn Environment) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    for name in environment.names().iter().filter(|name| name.starts_with(AZURE_STORAGE)) {
        options.extend(environment.get(name).map(|value| (name.to_lowercase(), value)));
    }
    options.extend(environment.get(IDENTITY_ENDPOINT).map(|value| ("azure_msi_endpoint".to_owned(), value)));
    options.extend(environment.get(AZURE_CLIENT_ID).map(|value| ("azure_client_id".to_owned(), value)));
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_in_the_list_of_names() {
        let constants = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("pub const "));
        let settings = constants.filter_map(|constant| constant.split('"').nth(1));
        let missing: Vec<&str> = settings.filter(|setting| !NAMES.contains(setting)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_former_epoch_of_all_sources_names_its_successor() {
        let read = |name: &str, value: &str| {
            let settings = app(&BTreeMap::from([(name.to_owned(), value.to_owned())]), "memory:///lake");
            settings.map(|settings| settings.ingest.epochs).map_err(|invalid| invalid.to_string())
        };
        for nothing in ["", "0", " 00 "] {
            assert_eq!(read("SOURCE_EPOCH", nothing), Ok(SourceEpochs::default()));
        }
        let expected = "cannot start, 1 setting is wrong: `SOURCE_EPOCH` is `2`, expected no value, since each source has its \
                        own epoch: remove it, and set `SOURCE_EPOCHS` to `{\"<namespace>\": 2}`, with an entry for each \
                        namespace that is read";
        assert_eq!(read("SOURCE_EPOCH", "2"), Err(expected.to_owned()));
        assert!(read("SOURCE_EPOCH", "two").is_err_and(|message| message.contains(": 1}`")));
        let expected = "cannot start, 1 setting is wrong: `SOURCE_EPOCHS` entry `ns/hub`: is `-1`, expected a whole number \
                        from 0 to 2147483647";
        assert_eq!(read("SOURCE_EPOCHS", r#"{"ns/hub": -1}"#), Err(expected.to_owned()));
    }

    #[test]
    fn a_setting_is_never_nearly_another_one() {
        let environment: BTreeMap<String, String> =
            all_names().iter().map(|name| (name.to_string(), String::new())).collect();
        assert_eq!(near_names(&environment), []);
    }
}
