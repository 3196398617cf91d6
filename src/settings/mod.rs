//! The settings that decide what silver holds, as part of the lake.
//!
//! Two processes with equal settings read an event in the same way; with other settings they may accept what the first
//! rejects. A reader of the lake therefore needs the settings that its rows were made with, and its own environment need
//! not have them. So each distinct set of settings is a row of `control/settings` ([`schema`]), written once, before the
//! first commit that uses it ([`table`]), and each commit of bronze, silver and quarantine carries the id of its set.
//!
//! A set is a JSON object of the names of all settings and their values as a person writes them, defaults included. Its
//! id is the hash of that text. The text is read by the code that reads the environment ([`reader`]), so that a stored
//! setting and one of the environment cannot mean different things.
//!
//! Knows neither the environment nor what an event is.

pub mod reader;
pub mod schema;
pub mod table;

use crate::columns::CommitNote;
use crate::event::parse::{AnonymousEvents, EventMap, EventTypes, Limits, ParseSettings, ProductViewsWithoutProduct};
use crate::lake::log::Commit;
use reader::{Environment, Invalid, Reader};
use std::collections::BTreeMap;
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

pub const ANONYMOUS_EVENTS: &str = "ANONYMOUS_EVENTS";
pub const EVENT_FIELDS: &str = "EVENT_FIELDS";
pub const EVENT_TYPES: &str = "EVENT_TYPES";
pub const FUTURE_TOLERANCE: &str = "FUTURE_TOLERANCE";
pub const MAX_EVENT_AGE: &str = "MAX_EVENT_AGE";
pub const MAX_EVENT_BYTES: &str = "MAX_EVENT_BYTES";
pub const PRODUCT_VIEWS_WITHOUT_PRODUCT: &str = "PRODUCT_VIEWS_WITHOUT_PRODUCT";
pub const SITE_DOMAIN: &str = "SITE_DOMAIN";

/// A further setting stands here, in [`read`] and in [`texts`]. Its default must be what the versions before it did,
/// because the rows that they wrote do not name it.
pub(crate) const NAMES: [&str; 8] = [
    ANONYMOUS_EVENTS,
    EVENT_FIELDS,
    EVENT_TYPES,
    FUTURE_TOLERANCE,
    MAX_EVENT_AGE,
    MAX_EVENT_BYTES,
    PRODUCT_VIEWS_WITHOUT_PRODUCT,
    SITE_DOMAIN,
];

/// Reads the settings of events.
pub fn read(reader: &mut Reader) -> ParseSettings {
    let defaults = ParseSettings::default();
    let max_body_bytes = reader.number(MAX_EVENT_BYTES, defaults.limits.max_body_bytes);
    ParseSettings {
        limits: Limits { max_body_bytes, ..defaults.limits },
        future_tolerance: reader.span(FUTURE_TOLERANCE, defaults.future_tolerance),
        max_event_age: reader.limit(MAX_EVENT_AGE, defaults.max_event_age),
        site_domain: reader.optional(SITE_DOMAIN, |text| Ok(text.to_lowercase())),
        anonymous_events: reader.choice(ANONYMOUS_EVENTS, &AnonymousEvents::ALL.map(|it| (it.as_str(), it))),
        product_views_without_product: reader
            .choice(PRODUCT_VIEWS_WITHOUT_PRODUCT, &ProductViewsWithoutProduct::ALL.map(|it| (it.as_str(), it))),
        map: reader
            .entries(EVENT_FIELDS, EventMap::read_fields)
            .with_types(reader.entries(EVENT_TYPES, EventTypes::read)),
    }
}

/// The inverse of [`read`]: each setting as the environment would have it. A setting without a value is left out.
fn texts(settings: &ParseSettings) -> BTreeMap<&'static str, String> {
    let ParseSettings {
        limits,
        future_tolerance,
        max_event_age,
        site_domain,
        anonymous_events,
        product_views_without_product,
        map,
    } = settings;
    let mut texts = BTreeMap::from([
        (ANONYMOUS_EVENTS, anonymous_events.as_str().to_owned()),
        (FUTURE_TOLERANCE, future_tolerance.to_string()),
        (MAX_EVENT_AGE, max_event_age.map_or(reader::NO_LIMIT.to_owned(), |age| age.to_string())),
        (MAX_EVENT_BYTES, limits.max_body_bytes.to_string()),
        (PRODUCT_VIEWS_WITHOUT_PRODUCT, product_views_without_product.as_str().to_owned()),
    ]);
    let of_map = [(EVENT_FIELDS, map.fields_text()), (EVENT_TYPES, map.types_text())];
    texts.extend(of_map.into_iter().filter(|(_, text)| !text.is_empty()));
    texts.extend(site_domain.clone().map(|domain| (SITE_DOMAIN, domain)));
    texts
}

/// Names a set of settings: the hash of its text. Shown as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SettingsId(u64);

impl SettingsId {
    fn of(text: &str) -> Self {
        SettingsId(xxh3_64(text.as_bytes()))
    }

    /// `None` for a text that no id is shown as.
    pub fn parse(text: &str) -> Option<Self> {
        let id = SettingsId(u64::from_str_radix(text, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// The settings that the rows of `commit` were made with, as far as it says.
    pub fn of_commit(commit: &Commit) -> Option<Self> {
        Self::parse(commit.info()?.get(schema::COMMIT_INFO)?.as_str()?)
    }

    /// What a commit says of the settings that its rows were made with.
    pub fn note(self) -> CommitNote {
        CommitNote { name: schema::COMMIT_INFO, value: self.to_string() }
    }
}

impl fmt::Display for SettingsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A set of settings with its text and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSettings {
    pub id: SettingsId,
    pub text: String,
    pub parse: ParseSettings,
}

/// Why a stored text is not settings of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is not a JSON object of texts")]
    NotJson,
    #[error("this version does not know the setting `{0}`")]
    UnknownSetting(String),
    #[error("{}", .0.problems())]
    Invalid(Invalid),
}

impl StoredSettings {
    pub fn of(parse: ParseSettings) -> Self {
        // The keys are sorted and the values are texts, so equal settings have one text.
        let members = texts(&parse).into_iter().map(|(name, text)| (name.to_owned(), text.into()));
        let text = serde_json::Value::Object(members.collect()).to_string();
        StoredSettings { id: SettingsId::of(&text), text, parse }
    }

    /// Reads a text that this or another version has stored. A setting that it does not name has its default.
    ///
    /// # Errors
    /// For a setting that this version does not know, and for a value that it cannot read.
    pub fn from_text(text: &str) -> Result<Self, Unreadable> {
        let texts: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| Unreadable::NotJson)?;
        if let Some(unknown) = texts.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(Unreadable::UnknownSetting(unknown.clone()));
        }
        let environment: &dyn Environment = &texts;
        let mut reader = Reader::new(environment);
        let parse = read(&mut reader);
        let parse = reader.finish(parse).map_err(Unreadable::Invalid)?;
        Ok(StoredSettings { id: SettingsId::of(text), text: text.to_owned(), parse })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A value for each setting that is not its default.
    const OTHERS: [(&str, &str); 8] = [
        (ANONYMOUS_EVENTS, "reject"),
        (EVENT_FIELDS, r#"{"user_id":"/visitor"}"#),
        (EVENT_TYPES, r#"{"buy":"purchase"}"#),
        (FUTURE_TOLERANCE, "90s"),
        (MAX_EVENT_AGE, "none"),
        (MAX_EVENT_BYTES, "1000"),
        (PRODUCT_VIEWS_WITHOUT_PRODUCT, "keep"),
        (SITE_DOMAIN, "Shop.Example"),
    ];

    fn of(settings: &[(&str, &str)]) -> StoredSettings {
        let settings: BTreeMap<String, String> =
            settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let mut reader = Reader::new(&settings);
        let parse = read(&mut reader);
        StoredSettings::of(reader.finish(parse).expect("the settings are right"))
    }

    #[test]
    fn each_setting_is_stored_and_read_back() {
        assert_eq!(OTHERS.map(|(name, _)| name), NAMES);
        let defaults = of(&[]);
        for other in OTHERS {
            let changed = of(&[other]);
            assert_ne!(changed.parse, defaults.parse, "{other:?}");
            assert_ne!(changed.id, defaults.id, "{other:?}");
            assert_eq!(StoredSettings::from_text(&changed.text), Ok(changed));
        }
        let all = of(&OTHERS);
        assert_eq!(StoredSettings::from_text(&all.text), Ok(all));
    }

    /// Logs and tables that exist hold these names.
    #[test]
    fn the_stored_form_stays() {
        let all = of(&OTHERS);
        let stored = r#"{"ANONYMOUS_EVENTS":"reject","EVENT_FIELDS":"{\"user_id\":[\"/visitor\"]}","EVENT_TYPES":"{\"buy\":\"purchase\"}","FUTURE_TOLERANCE":"90s","MAX_EVENT_AGE":"none","MAX_EVENT_BYTES":"1000","PRODUCT_VIEWS_WITHOUT_PRODUCT":"keep","SITE_DOMAIN":"shop.example"}"#;
        assert_eq!(all.text, stored);
        assert_eq!(SettingsId::parse(&all.id.to_string()), Some(all.id));
        assert_eq!(json!({all.id.note().name: all.id.note().value}), json!({"settings": all.id.to_string()}));
    }

    #[test]
    fn what_this_version_cannot_read_is_named() {
        let read = |text: &str| StoredSettings::from_text(text).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(read("{}"), Ok(()));
        assert_eq!(read("[]"), Err("it is not a JSON object of texts".to_owned()));
        assert_eq!(read(r#"{"NEW": "1"}"#), Err("this version does not know the setting `NEW`".to_owned()));
        let wrong = read(r#"{"MAX_EVENT_BYTES": "many"}"#);
        assert_eq!(wrong, Err("`MAX_EVENT_BYTES` is `many`, expected a whole number, 0 or more".to_owned()));
    }

    #[test]
    fn an_id_has_one_form() {
        for text in ["", "1", "00000000000000001", "000000000000000G", "+00000000000000a", "00000000000000AB"] {
            assert_eq!(SettingsId::parse(text), None, "{text}");
        }
        assert_eq!(SettingsId::parse("00000000000000ab").map(|id| id.to_string()), Some("00000000000000ab".into()));
    }
}
