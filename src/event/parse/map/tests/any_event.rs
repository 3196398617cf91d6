//! Maps and any event: the walk finds what a naive search finds, own names as paths change nothing, and no bytes are too
//! odd.

use super::super::path::Step;
use super::ready::{GA4, SEGMENT, outcome, settings};
use super::*;
use crate::event::parse::ParseSettings;
use proptest::prelude::*;
use serde_json::Value as Json;

/// What a path leads to, found step by step in the parsed event.
fn search(steps: &[Step], json: Option<&Json>) -> Json {
    let (Some(json), Some((step, rest))) = (json, steps.split_first()) else {
        return json.cloned().unwrap_or(if steps.contains(&Step::Each) { Json::Array(Vec::new()) } else { Json::Null });
    };
    let next = match (step, json) {
        (Step::Member(name), Json::Object(members)) => members.get(name),
        (Step::Member(name), Json::Array(list)) => name.parse().ok().and_then(|position: usize| list.get(position)),
        (Step::Select(selector), Json::Array(list)) => list.iter().find(|element| is_meant(selector, element)),
        (Step::Select(selector), object) => Some(object).filter(|object| is_meant(selector, object)),
        (Step::Each, Json::Array(list)) => {
            let found = list.iter().map(|element| search(rest, Some(element)));
            return match rest.contains(&Step::Each) {
                true => found.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect(),
                false => found.collect(),
            };
        }
        (Step::Each, _) => return Json::Array(Vec::new()),
        (Step::Member(_), _) => None,
    };
    search(rest, next)
}

fn is_meant(selector: &super::super::path::Selector, json: &Json) -> bool {
    let value = json.as_object().and_then(|members| members.get(&selector.member)).filter(|value| !value.is_null());
    value.is_some_and(|value| selector.value.as_ref().is_none_or(|wanted| value.as_str() == Some(wanted)))
}

/// The text of a value with few names, some of them twice.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![Just("null"), Just("1"), Just(r#""a""#), Just(r#""b""#), Just("[]"), Just("{}")];
    scalar.prop_map(str::to_owned).prop_recursive(5, 60, 5, |value| {
        let name = prop_oneof![Just("a"), Just("b"), Just("0"), Just("1")];
        prop_oneof![
            prop::collection::vec(value.clone(), 0..5).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((name, value), 0..5).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("a|b|0|1|\\*|\\[a=a\\]|\\[a=b\\]|\\[b\\]", 1..6)
        .prop_map(|steps| format!("/{}", steps.join("/")))
}

proptest! {
    #[test]
    fn the_walk_finds_what_a_naive_search_finds(
        paths in prop::collection::vec(path(), 1..8),
        values in prop::collection::vec(json(), 2),
    ) {
        let event = format!(r#"{{"a":{},"b":{}}}"#, values[0], values[1]);
        let paths: Vec<Path> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        let mut tree = Tree::new();
        let places: Vec<Place> = paths.iter().map(|path| tree.insert(path)).collect();
        let tree = tree.finish();
        let (found, _) = tree.walk(&event).unwrap();
        let parsed: Json = serde_json::from_str(&event).unwrap();
        for (path, place) in paths.iter().zip(places) {
            let read = |text: Option<&str>| text.map_or(Json::Null, |text| serde_json::from_str(text).unwrap());
            let walked = match place {
                Place::Node(_) => read(found.text(place).first().copied().flatten()),
                Place::List(_) => found.text(place).into_iter().map(read).collect(),
            };
            prop_assert_eq!(walked, search(path.steps(), Some(&parsed)), "{} in {}", path, event);
        }
    }

    #[test]
    fn any_bytes_give_one_answer(
        row in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let rows: Vec<&str> = GA4.lines().chain(SEGMENT.lines()).collect();
        let mut body = row.get(&rows).as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if is_cut {
            body.truncate(cut.index(body.len()));
        }
        for map in ["ga4", "segment"] {
            let settings = settings(map);
            prop_assert_eq!(outcome(&body, &settings), outcome(&body, &settings));
        }
    }

    #[test]
    fn paths_to_their_own_names_change_nothing(
        members in prop::collection::vec((any::<prop::sample::Index>(), json()), 0..20),
        is_session_sent in any::<bool>(),
    ) {
        let names = Field::ALL.iter().filter(|field| field.main() == **field);
        let entries = names.map(|field| {
            let paths: Vec<String> = field.names().map(|name| format!("/{}", name.name())).collect();
            (field.name(), paths)
        });
        let entries: BTreeMap<_, _> = entries.collect();
        let with_map = settings(&serde_json::to_string(&entries).unwrap());
        let without = ParseSettings { map: EventMap::default(), ..with_map.clone() };
        let mut event = r#"{"user_id":"u","timestamp":1715940303,"event_type":"x""#.to_owned();
        for (field, value) in members {
            event += &format!(r#","{}":{value}"#, field.get(Field::ALL).name());
        }
        event += if is_session_sent { r#","session_id":"s"}"# } else { r#","session_id":7}"# };
        prop_assert_eq!(outcome(event.as_bytes(), &with_map), outcome(event.as_bytes(), &without));
    }
}
