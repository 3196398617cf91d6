//! How often each event hub was recreated under its old name, as an operator says.
//!
//! A recreated hub numbers its events from the start again, so they need an epoch of their own. It belongs to one hub:
//! another epoch for a healthy one would write its redelivered events a second time.

use crate::event::ids::SourcePartition;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Tables hold an epoch as a signed number of 32 bits.
const MAX_EPOCH: u32 = i32::MAX as u32;

/// The epochs of namespaces and of single hubs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceEpochs {
    /// By `<namespace>` or `<namespace>/<hub>` in lower case, since case means nothing in the names of hosts and hubs.
    epochs: BTreeMap<String, u32>,
}

impl SourceEpochs {
    /// Reads a JSON object such as `{"ns1.servicebus.windows.net/clicks": 1}`.
    ///
    /// # Errors
    /// All entries that are wrong, each with what is wrong.
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        let Entries(entries) = serde_json::from_str(text).map_err(|error| vec![not_an_object(text, &error)])?;
        let (mut epochs, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, value) in entries {
            let problem = match (is_source(&name), epoch(&value)) {
                (false, _) => Some("expected `<namespace>` or `<namespace>/<hub>` as its name".to_owned()),
                (_, None) => Some(format!("is `{value}`, expected a whole number from 0 to {MAX_EPOCH}")),
                (true, Some(epoch)) => {
                    epochs.insert(name.to_lowercase(), epoch).map(|_| "is there twice; case means nothing".to_owned())
                }
            };
            problems.extend(problem.map(|problem| format!("entry `{name}`: {problem}")));
        }
        if problems.is_empty() { Ok(SourceEpochs { epochs }) } else { Err(problems) }
    }

    /// That of the hub if it has one, else that of its namespace, else 0.
    pub fn of(&self, source: &SourcePartition) -> u32 {
        if self.epochs.is_empty() {
            return 0;
        }
        let epoch = |name: String| self.epochs.get(&name.to_lowercase()).copied();
        epoch(hub(source)).or_else(|| epoch(source.namespace().to_owned())).unwrap_or_default()
    }

    /// The entry that starts the next epoch of the hub of `source`, as an operator writes it.
    pub fn next_entry(&self, source: &SourcePartition) -> String {
        format!("{}: {}", Value::String(hub(source)), self.of(source).saturating_add(1))
    }
}

fn hub(source: &SourcePartition) -> String {
    format!("{}/{}", source.namespace(), source.event_hub())
}

fn is_source(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.contains(|c: char| c == '/' || c.is_whitespace());
    name.split_once('/').map_or_else(|| is_part(name), |(namespace, hub)| is_part(namespace) && is_part(hub))
}

fn epoch(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok().filter(|&epoch| epoch <= MAX_EPOCH)
}

fn not_an_object(text: &str, error: &serde_json::Error) -> String {
    if error.is_syntax() || error.is_eof() {
        return format!("is not JSON: {error}");
    }
    let shown: String = text.chars().take(80).collect();
    format!(r#"is `{shown}`, expected a JSON object such as `{{"<namespace>/<hub>": 1}}`"#)
}

/// The members of a JSON object, in order and with those that are there twice.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(namespace: &str, hub: &str) -> SourcePartition {
        SourcePartition::new(namespace.into(), hub.into(), "$Default".into(), "0".into()).expect("no part is empty")
    }

    fn problems(text: &str) -> String {
        SourceEpochs::read(text).expect_err("it is wrong").join("; ")
    }

    #[test]
    fn the_entry_of_the_hub_wins_over_that_of_its_namespace() {
        let epochs = SourceEpochs::read(r#"{"NS1.example.net": 1, "ns1.example.net/Clicks": 2, "localhost": 3}"#);
        let epochs = epochs.expect("it is right");
        let cases = [
            ("ns1.example.net", "clicks", 2),
            ("Ns1.Example.Net", "CLICKS", 2),
            ("ns1.example.net", "orders", 1),
            ("localhost", "clicks", 3),
            ("ns2.example.net", "clicks", 0),
            ("ns1", "clicks", 0),
        ];
        for (namespace, hub, expected) in cases {
            assert_eq!(epochs.of(&source(namespace, hub)), expected, "{namespace}/{hub}");
        }
        assert_eq!(SourceEpochs::read("{}"), Ok(SourceEpochs::default()));
    }

    #[test]
    fn the_next_entry_is_about_the_hub_alone_and_is_read_back() {
        let epochs = SourceEpochs::read(r#"{"ns1.example.net": 1}"#).expect("it is right");
        let clicks = source("ns1.example.net", "clicks");
        let next = epochs.next_entry(&clicks);
        assert_eq!(next, r#""ns1.example.net/clicks": 2"#);
        assert_eq!(SourceEpochs::read(&format!("{{{next}}}")).expect("it is right").of(&clicks), 2);
    }

    #[test]
    fn each_wrong_entry_is_named() {
        let name = "expected `<namespace>` or `<namespace>/<hub>` as its name";
        for wrong in ["", " ", "/hub", "ns/", "ns/hub/group", "sb://ns/hub", "n s"] {
            assert_eq!(problems(&format!(r#"{{"{wrong}": 1}}"#)), format!("entry `{wrong}`: {name}"));
        }
        for wrong in ["-1", "1.5", "1.0", "\"1\"", "null", "2147483648", "[1]"] {
            let expected = format!("entry `n`: is `{wrong}`, expected a whole number from 0 to 2147483647");
            assert_eq!(problems(&format!(r#"{{"n": {wrong}}}"#)), expected);
        }
        assert_eq!(problems(r#"{"a": 1, "b": -1, "A": 2, "": 3}"#).matches("entry `").count(), 3);
        assert_eq!(problems(r#"{"a": 1, "A": 1}"#), "entry `A`: is there twice; case means nothing");
        assert!(problems(r#"{"a": 1"#).starts_with("is not JSON: "));
        assert!(problems("a=1").starts_with("is not JSON: "));
        let expected = r#"is `1`, expected a JSON object such as `{"<namespace>/<hub>": 1}`"#;
        assert_eq!(problems("1"), expected);
    }
}
