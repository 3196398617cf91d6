//! The texts of a map: from the settings, and back.
//!
//! Promises that each message names its entry, and that all wrong entries are reported at once.

use super::super::field::Field;
use super::super::split::each_member;
use super::path::Path;
use crate::event::spelling;
use std::collections::BTreeMap;
use std::fmt;

/// A map with its own name, written as a person would write it.
struct Ready {
    name: &'static str,
    fields: &'static str,
    types: &'static str,
}

const READY: [Ready; 2] = [
    // The BigQuery export of Google Analytics 4.
    Ready { name: "ga4", fields: include_str!("ga4_fields.json"), types: include_str!("ga4_types.json") },
    // Track, page and screen calls of Segment's spec.
    Ready { name: "segment", fields: include_str!("segment_fields.json"), types: include_str!("segment_types.json") },
];

/// The entry that names the ready map to start from.
const EXTENDS: &str = "extends";
const MAX_PATHS: usize = 32;
/// Of a map, with its ready map written out.
const MAX_MAP_BYTES: usize = 64 << 10;
/// Of the name of an event.
const MAX_NAME_BYTES: usize = 512;

type Fields = BTreeMap<Field, Vec<Path>>;

/// What the sender's names of events mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventTypes(BTreeMap<String, String>);

impl EventTypes {
    /// Reads the text of `EVENT_TYPES`: a JSON object from the sender's names to ours.
    ///
    /// # Errors
    /// All entries that are wrong, each with what is wrong.
    pub fn read(text: &str) -> Result<EventTypes, Vec<String>> {
        let (mut types, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, json) in entries(text, r#"a JSON object such as `{"begin_checkout":"checkout"}`"#)? {
            let meaning = serde_json::from_str::<String>(json).map(|meaning| meaning.trim().to_owned());
            let problem = match meaning {
                Err(_) => Some("expected the name of an event".to_owned()),
                Ok(meaning) if meaning.is_empty() || folded(&name).is_empty() => Some("a name is empty".to_owned()),
                Ok(meaning) if meaning.len().max(folded(&name).len()) > MAX_NAME_BYTES => {
                    Some(format!("a name has more than {MAX_NAME_BYTES} bytes"))
                }
                Ok(meaning) => types.insert(folded(&name), meaning).map(|_| "is there twice".to_owned()),
            };
            problems.extend(problem.map(|problem| format!("entry `{name}`: {problem}")));
        }
        let types = EventTypes(types);
        finish(problems, &types.to_string())?;
        Ok(types)
    }

    /// Looks up a name in any case.
    pub(super) fn of(&self, name: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&folded(name)).map(String::as_str)
    }

    pub(super) fn extend(&mut self, others: EventTypes) {
        self.0.extend(others.0);
    }
}

/// As the setting has them; empty without types.
impl fmt::Display for EventTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "{}", serde_json::json!(self.0)) }
    }
}

/// The form in which names of events are compared.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Reads the text of `EVENT_FIELDS`, and gives the event types of the ready map that it names.
pub(super) fn fields(text: &str) -> Result<(Fields, EventTypes), Vec<String>> {
    if let Some(ready) = ready(text) {
        return Ok((fields(ready.fields)?.0, EventTypes::read(ready.types)?));
    }
    let expected = format!(r#"{} or a JSON object such as `{{"user_id":"/user/id"}}`"#, ready_names());
    let entries = entries(text, &expected)?;
    let (mut map, mut problems) = ((Fields::new(), EventTypes::default()), Vec::new());
    for (_, json) in entries.iter().filter(|(name, _)| name == EXTENDS) {
        match serde_json::from_str::<String>(json).ok().as_deref().and_then(ready) {
            Some(ready) => map = (fields(ready.fields)?.0, EventTypes::read(ready.types)?),
            None => problems.push(format!("entry `{EXTENDS}`: expected {}", ready_names())),
        }
    }
    let mut seen = Vec::new();
    for (name, json) in entries.iter().filter(|(name, _)| name != EXTENDS) {
        let entry = match seen.contains(&name) {
            true => Err("is there twice".to_owned()),
            false => field(name).and_then(|field| Ok((field, paths(json)?))),
        };
        seen.push(name);
        match entry {
            Ok((field, paths)) => drop(map.0.insert(field, paths)),
            Err(problem) => problems.push(format!("entry `{name}`: {problem}")),
        }
    }
    finish(problems, &fields_text(&map.0))?;
    Ok(map)
}

/// The fields as the setting has them; empty without fields.
pub(super) fn fields_text(fields: &Fields) -> String {
    let texts = |paths: &Vec<Path>| paths.iter().map(Path::to_string).collect::<Vec<_>>();
    let by_name: BTreeMap<&str, Vec<String>> =
        fields.iter().map(|(field, paths)| (field.name(), texts(paths))).collect();
    if by_name.is_empty() { String::new() } else { serde_json::json!(by_name).to_string() }
}

/// The members of the JSON object `text`, in order.
fn entries<'a>(text: &'a str, expected: &str) -> Result<Vec<(String, &'a str)>, Vec<String>> {
    let mut entries = Vec::new();
    let take = |name, json| entries.push((name, json));
    match each_member(text, |name| Some(String::from_utf8_lossy(name).into_owned()), take) {
        Ok(()) => Ok(entries),
        Err(error) if text.trim_start().starts_with('{') => Err(vec![format!("is not JSON: {error}")]),
        Err(_) => {
            let shown: String = text.chars().take(80).collect();
            Err(vec![format!("is `{shown}`, expected {expected}")])
        }
    }
}

fn finish(problems: Vec<String>, written: &str) -> Result<(), Vec<String>> {
    if problems.is_empty() && written.len() > MAX_MAP_BYTES {
        return Err(vec![format!("has {} bytes when written out, more than {MAX_MAP_BYTES}", written.len())]);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn ready(name: &str) -> Option<&'static Ready> {
    READY.iter().find(|ready| ready.name.eq_ignore_ascii_case(name.trim()))
}

fn ready_names() -> String {
    READY.map(|ready| format!("`{}`", ready.name)).join(", ")
}

/// The field of that name, or what is wrong with the name.
fn field(name: &str) -> Result<Field, String> {
    match Field::from_name(name.as_bytes()) {
        Some(field) if field.main() == field => Ok(field),
        Some(second) => Err(format!("is another name of `{}`, name that", second.main().name())),
        None => {
            let main = Field::ALL.iter().filter(|field| field.main() == **field);
            let nearest = main.min_by_key(|field| spelling::distance(&name.to_lowercase(), field.name()));
            let proposal = nearest.map_or("", |field| field.name());
            Err(format!("is no field, did you mean `{proposal}`?"))
        }
    }
}

/// One path, or a list of them.
fn paths(json: &str) -> Result<Vec<Path>, String> {
    let texts = serde_json::from_str::<String>(json)
        .map(|path| vec![path])
        .or_else(|_| serde_json::from_str::<Vec<String>>(json))
        .map_err(|_| "expected a path or a list of paths".to_owned())?;
    if texts.len() > MAX_PATHS {
        return Err(format!("has {} paths, more than {MAX_PATHS}", texts.len()));
    }
    let path = |text: &String| {
        let shown: String = text.chars().take(80).collect();
        Path::parse(text).map_err(|problem| format!("path `{shown}` {problem}"))
    };
    texts.iter().map(path).collect()
}
