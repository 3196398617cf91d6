//! Where the fields of an event are when a sender has other names for them, and what its event types mean.
//!
//! A map comes from two settings, each a JSON text. For each field of ours it has paths into the sender's event; the
//! first that leads to a usable value counts. A field that a map does not name keeps its own names. Promises that the
//! texts of a map read back as an equal map, so that they can be stored.
//!
//! Ready maps are in the same language, in JSON files beside this one.

mod path;
mod tree;
mod read;

pub use read::EventTypes;
pub(super) use tree::{Found, Place};

use super::field::Field;
use crate::event::unknown::UnknownFields;
use path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;
use tree::Tree;

/// Where the fields are, and what the event types mean. The default leaves both as they are.
#[derive(Debug, Clone, Default)]
pub struct EventMap {
    /// Main names of fields only.
    fields: BTreeMap<Field, Vec<Path>>,
    types: EventTypes,
    /// What follows from `fields`, unless they are empty.
    compiled: Option<Arc<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    tree: Tree,
    /// For each field the ends of its paths, in the order in which they count.
    places: Vec<Vec<Place>>,
}

impl PartialEq for EventMap {
    fn eq(&self, other: &Self) -> bool {
        (&self.fields, &self.types) == (&other.fields, &other.types)
    }
}

impl Eq for EventMap {}

impl EventMap {
    /// Reads the text of `EVENT_FIELDS`: the name of a ready map, or a JSON object.
    ///
    /// # Errors
    /// All entries that are wrong, each with what is wrong.
    pub fn read_fields(text: &str) -> Result<EventMap, Vec<String>> {
        let (fields, types) = read::fields(text)?;
        let compiled = (!fields.is_empty()).then(|| Arc::new(Compiled::of(&fields)));
        Ok(EventMap { fields, types, compiled })
    }

    /// The map with these event types too, which win over its own.
    #[must_use]
    pub fn with_types(mut self, types: EventTypes) -> EventMap {
        self.types.extend(types);
        self
    }

    /// Whether a setting says where the fields are.
    pub fn names_fields(&self) -> bool {
        self.compiled.is_some()
    }

    /// The fields as `EVENT_FIELDS` has them, in order and with a ready map written out; empty without a map.
    pub fn fields_text(&self) -> String {
        read::fields_text(&self.fields)
    }

    /// The event types as `EVENT_TYPES` has them, in order and with those of a ready map; empty without types.
    pub fn types_text(&self) -> String {
        self.types.to_string()
    }

    /// The name of an event as we have it.
    pub(super) fn event_type<'a>(&'a self, name: &'a str) -> &'a str {
        self.types.of(name).unwrap_or(name)
    }

    /// What the paths lead to in the object `json`, and the members that no path leads to. Fails if the text is not JSON. Finds nothing without fields.
    pub(super) fn walk<'a>(&self, json: &'a str) -> serde_json::Result<(Found<'a>, UnknownFields)> {
        match &self.compiled {
            Some(compiled) => compiled.tree.walk(json),
            None => Tree::new().walk(json),
        }
    }

    /// Where the walk keeps what it finds of a field.
    pub(super) fn places(&self, field: Field) -> &[Place] {
        self.compiled.as_ref().map_or(&[], |compiled| compiled.places[field as usize].as_slice())
    }
}

impl Compiled {
    fn of(fields: &BTreeMap<Field, Vec<Path>>) -> Compiled {
        let mut tree = Tree::new();
        let mut places_of = |field: &Field| -> Vec<Place> {
            match fields.get(field) {
                Some(paths) => paths.iter().map(|path| tree.insert(path)).collect(),
                None if field.main() != *field => Vec::new(),
                None => {
                    let names = field.names();
                    names.map(|name| tree.insert(&Path::to_member(name.name()))).collect()
                }
            }
        };
        let places = Field::ALL.iter().map(&mut places_of).collect();
        Compiled { tree: tree.finish(), places }
    }
}

#[cfg(test)]
mod tests;
