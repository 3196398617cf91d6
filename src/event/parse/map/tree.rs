//! All paths of a map as one tree, and the values that they lead to in one event.
//!
//! The tree is built once. Each object of an event is split once, whatever the number of paths, and once more for each
//! selector that chooses it; what no path leads to is skipped. The walk is no deeper than the longest path. Does not know which field a path belongs to.

use super::super::split::{each_element, each_member};
use super::super::value::Value;
use super::path::{Path, Selector, Step};
use crate::event::unknown::UnknownFields;
use std::borrow::Cow;

/// The tree. Its nodes are numbered; the first is the event.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// How many paths lead through `*`.
    lists: usize,
}

const EVENT: usize = 0;

/// Where a path ends in the tree.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Place {
    Node(usize),
    /// Of a path through `*`, which leads to a list of values.
    List(usize),
}

/// What the steps so far lead to, with the steps that follow. Everything but `list` counts in nodes.
#[derive(Debug, Clone, Default)]
struct Node {
    members: Names,
    children: Vec<usize>,
    /// Those of `children` that are more than a value to be kept as it is.
    entered: Vec<usize>,
    indices: Vec<(usize, usize)>,
    each: Option<usize>,
    selects: Vec<Select>,
    /// The list to which this value belongs.
    list: Option<usize>,
    /// The lists that get one value from each element that this node stands for.
    collects: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Select {
    selector: Selector,
    /// The member of the object that the selector is about.
    member: usize,
    then: usize,
}

impl Node {
    fn has_steps(&self) -> bool {
        !self.children.is_empty() || self.each.is_some() || !self.selects.is_empty()
    }
}

impl Tree {
    pub fn new() -> Self {
        Tree { nodes: vec![Node::default()], lists: 0 }
    }

    /// Adds a path, which may be there already.
    pub fn insert(&mut self, path: &Path) -> Place {
        let (mut at, mut each) = (EVENT, None);
        for step in path.steps() {
            at = self.after(at, step);
            each = if *step == Step::Each { Some(at) } else { each };
        }
        let Some(each) = each else { return Place::Node(at) };
        let list = self.nodes[at].list.unwrap_or_else(|| {
            self.lists += 1;
            self.nodes[each].collects.push(self.lists - 1);
            self.lists - 1
        });
        self.nodes[at].list = Some(list);
        Place::List(list)
    }

    /// The node to which `step` leads.
    fn after(&mut self, at: usize, step: &Step) -> usize {
        match step {
            Step::Member(name) => self.member(at, name),
            Step::Each => self.nodes[at].each.unwrap_or_else(|| {
                let node = self.add();
                self.nodes[at].each = Some(node);
                node
            }),
            Step::Select(selector) => {
                let known = self.nodes[at].selects.iter().find(|select| select.selector == *selector);
                if let Some(known) = known {
                    return known.then;
                }
                let (member, then) = (self.member(at, &selector.member), self.add());
                let selects = &mut self.nodes[at].selects;
                selects.push(Select { selector: selector.clone(), member, then });
                selects.sort_by_key(|select| select.member);
                then
            }
        }
    }

    fn member(&mut self, at: usize, name: &str) -> usize {
        if let Some(known) = self.nodes[at].members.find(name.as_bytes()) {
            return known;
        }
        let node = self.add();
        let parent = &mut self.nodes[at];
        parent.members.insert(name, node);
        parent.children.push(node);
        if let Some(position) = position(name) {
            parent.indices.push((position, node));
        }
        node
    }

    fn add(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// To be called when all paths are there.
    pub fn finish(mut self) -> Self {
        for at in 0..self.nodes.len() {
            let is_entered = |&child: &usize| self.nodes[child].has_steps() || self.nodes[child].list.is_some();
            self.nodes[at].entered = self.nodes[at].children.iter().copied().filter(is_entered).collect();
        }
        self
    }

    /// What the paths lead to in the object `json`, and the members that no path leads to. Fails if the text is not JSON.
    pub fn walk<'a>(&self, json: &'a str) -> serde_json::Result<(Found<'a>, UnknownFields)> {
        let found = Found { nodes: vec![None; self.nodes.len()], lists: vec![Vec::new(); self.lists] };
        let mut walk = Walk { nodes: &self.nodes, found };
        let mut unknown = UnknownFields::default();
        walk.object(&self.nodes[EVENT], json, |name| unknown.add(name))?;
        Ok((walk.found, unknown))
    }
}

/// A position of a list as a pointer has it: digits without leading zeros.
fn position(name: &str) -> Option<usize> {
    let position: usize = name.parse().ok()?;
    (position.to_string() == name).then_some(position)
}

/// The JSON texts to which the paths lead in one event.
pub(in super::super) struct Found<'a> {
    nodes: Vec<Option<&'a str>>,
    lists: Vec<Vec<Option<&'a str>>>,
}

impl<'a> Found<'a> {
    pub fn value(&'a self, place: Place) -> Value<'a> {
        match place {
            Place::Node(node) => self.nodes[node].map_or(Value::Absent, Value::of),
            Place::List(list) => Value::collected(&self.lists[list]),
        }
    }

    /// Whether one of the paths led anywhere.
    pub fn has(&self, places: &[Place]) -> bool {
        places.iter().any(|place| match *place {
            Place::Node(node) => self.nodes[node].is_some(),
            Place::List(list) => !self.lists[list].is_empty(),
        })
    }

    #[cfg(test)]
    pub fn text(&self, place: Place) -> Vec<Option<&'a str>> {
        match place {
            Place::Node(node) => vec![self.nodes[node]],
            Place::List(list) => self.lists[list].clone(),
        }
    }
}

struct Walk<'t, 'a> {
    nodes: &'t [Node],
    found: Found<'a>,
}

impl<'a> Walk<'_, 'a> {
    /// Keeps the value of a node, and walks on where more steps follow.
    fn enter(&mut self, at: usize, json: &'a str) {
        let node = &self.nodes[at];
        self.found.nodes[at] = Some(json);
        if let Some(value) = node.list.and_then(|list| self.found.lists[list].last_mut()) {
            *value = Some(json);
        }
        match json.as_bytes().first() {
            Some(b'{') if node.has_steps() => {
                // The text is known to be valid, so there is no error to report.
                let _ = self.object(node, json, |_| {});
            }
            Some(b'[') if node.has_steps() => self.list(node, json),
            _ => {}
        }
    }

    /// Calls `unknown` with the name of each member that no step leads to. A member counts once all are known, because the
    /// last of two counts.
    fn object(&mut self, node: &Node, json: &'a str, mut unknown: impl FnMut(&[u8])) -> serde_json::Result<()> {
        for &child in &node.children {
            self.found.nodes[child] = None;
        }
        let known = |name: &[u8]| {
            let child = node.members.find(name);
            if child.is_none() {
                unknown(name);
            }
            child
        };
        each_member(json, known, |child, json| self.found.nodes[child] = Some(json))?;
        for &child in &node.entered {
            if let Some(json) = self.found.nodes[child] {
                self.enter(child, json);
            }
        }
        for select in &node.selects {
            if is_selected(&select.selector, self.found.nodes[select.member].and_then(named).as_deref()) {
                self.enter(select.then, json);
            }
        }
        Ok(())
    }

    fn list(&mut self, node: &Node, json: &'a str) {
        let mut is_done = vec![false; node.selects.len()];
        let mut position = 0;
        each_element(json, |element| {
            if let Some(each) = node.each {
                for &list in &self.nodes[each].collects {
                    self.found.lists[list].push(None);
                }
                self.enter(each, element);
            }
            if let Some((_, child)) = node.indices.iter().find(|(index, _)| *index == position) {
                self.enter(*child, element);
            }
            position += 1;
            self.select(node, element, &mut is_done);
        });
    }

    /// Follows the selectors that choose this element and have chosen none before.
    fn select(&mut self, node: &Node, element: &'a str, is_done: &mut [bool]) {
        if !element.starts_with('{') {
            return;
        }
        // Selectors of one member follow each other, so that each member is looked for once.
        let mut member: Option<(usize, Option<Cow<'a, str>>)> = None;
        for (select, is_done) in node.selects.iter().zip(is_done) {
            if *is_done {
                continue;
            }
            let (_, value) = match member.take().filter(|(known, _)| *known == select.member) {
                Some(known) => member.insert(known),
                None => member.insert((select.member, member_of(element, &select.selector.member).and_then(named))),
            };
            *is_done = is_selected(&select.selector, value.as_deref());
            if *is_done {
                self.enter(select.then, element);
            }
        }
    }
}

/// Whether a selector chooses an object whose member has this value.
fn is_selected(selector: &Selector, value: Option<&str>) -> bool {
    value.is_some_and(|value| selector.value.as_ref().is_none_or(|wanted| wanted == value))
}

/// The text by which a selector names a value. That of an object or a list is empty, which no selector asks for.
fn named(json: &str) -> Option<Cow<'_, str>> {
    match Value::of(json) {
        Value::Absent => None,
        Value::List(_) | Value::Object(_) => Some(Cow::Borrowed("")),
        value @ Value::Bool(_) => value.into_text(),
        value => value.into_name(),
    }
}

/// The value of a member of a valid object.
fn member_of<'a>(object: &'a str, member: &str) -> Option<&'a str> {
    let mut found = None;
    let take = |(), json| found = Some(json);
    // The text is known to be valid, so there is no error to report.
    let _ = each_member(object, |name| (name == member.as_bytes()).then_some(()), take);
    found
}

/// Names of members and their nodes, found by hash: at most half of the table is occupied.
#[derive(Debug, Clone, Default)]
struct Names {
    table: Vec<Option<(Box<str>, usize)>>,
    count: usize,
}

impl Names {
    #[inline]
    fn find(&self, name: &[u8]) -> Option<usize> {
        let last = self.table.len().checked_sub(1)?;
        let mut at = hash(name) & last;
        while let Some((known, node)) = &self.table[at] {
            if known.as_bytes() == name {
                return Some(*node);
            }
            at = (at + 1) & last;
        }
        None
    }

    /// Adds a name that is not there.
    fn insert(&mut self, name: &str, node: usize) {
        self.count += 1;
        if self.count * 2 > self.table.len() {
            let larger = vec![None; (self.count * 2).next_power_of_two()];
            for (name, node) in std::mem::replace(&mut self.table, larger).into_iter().flatten() {
                self.put(name, node);
            }
        }
        self.put(name.into(), node);
    }

    fn put(&mut self, name: Box<str>, node: usize) {
        let last = self.table.len() - 1;
        let mut at = hash(name.as_bytes()) & last;
        while self.table[at].is_some() {
            at = (at + 1) & last;
        }
        self.table[at] = Some((name, node));
    }
}

/// Of the length and of the first and last eight bytes, which tell most names apart. The names of a map are few and its
/// owner's own, so nobody gains by names that collide.
#[inline]
fn hash(name: &[u8]) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (first, last) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (name.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), 0),
    };
    let mixed = (first ^ last.rotate_left(29) ^ name.len() as u64).wrapping_mul(ODD);
    (mixed >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each path leads to in the event, as JSON; and how many members no path leads to.
    fn walked(paths: &[&str], json: &str) -> (Vec<String>, u32) {
        let mut tree = Tree::new();
        let places: Vec<Place> = paths.iter().map(|path| tree.insert(&Path::parse(path).unwrap())).collect();
        let (found, unknown) = tree.finish().walk(json).unwrap();
        let text = |text: &Option<&str>| text.unwrap_or("null").to_owned();
        let shown = places.iter().map(|place| match place {
            Place::Node(_) => text(&found.text(*place)[0]),
            Place::List(_) => format!("[{}]", found.text(*place).iter().map(text).collect::<Vec<_>>().join(",")),
        });
        (shown.collect(), unknown.count())
    }

    fn values(paths: &[&str], json: &str) -> Vec<String> {
        walked(paths, json).0
    }

    #[test]
    fn members_and_positions() {
        let json = r#"{"a":{"b":[10,{"c":"x"}],"0":1},"d~/":2,"":{"":3},"e":4,"f":5}"#;
        let paths = ["/a/b/0", "/a/b/1/c", "/a/0", "/a/b", "/d~0~1", "//", "/a/b/2", "/a/b/01", "/e/x", "/a/b/0"];
        let (found, unknown) = walked(&paths, json);
        assert_eq!(found, ["10", "\"x\"", "1", "[10,{\"c\":\"x\"}]", "2", "3", "null", "null", "null", "10"]);
        assert_eq!(unknown, 1);
    }

    #[test]
    fn lists_have_one_value_for_each_element() {
        let json = r#"{"items":[{"sku":"a","price":1},7,{"price":3},{"sku":"b","n":{"x":[1]}}],
            "orders":[{"lines":[{"v":1},{}]},{},{"lines":[]},{"lines":[{"v":2}]}],"flat":[1,null],"one":{"v":1}}"#;
        let paths = ["/items/*/sku", "/items/*/price", "/orders/*/lines/*/v", "/flat/*", "/one/*", "/items/*/n/x/0"];
        let expected = ["[\"a\",null,null,\"b\"]", "[1,null,3,null]", "[1,null,2]", "[1,null]", "[]"];
        let found = values(&paths, json);
        assert_eq!(found[..5], expected);
        assert_eq!(found[5], "[null,null,null,1]");
    }

    #[test]
    fn a_selector_chooses_the_first_element_wherever_its_member_is() {
        let json = r#"{"p":[{"key":"a","v":1},3,{"v":2,"key":"b"},{"key":"b","v":9},{"key":7.0,"v":4},{"k\u0065y":"c","v":5},
            {"key":"x","key":"y","v":6},{"key":true,"v":7},{"key":null,"v":8},{"other":"o","v":10}]}"#;
        let paths = ["/p/[key=a]/v", "/p/[key=b]/v", "/p/[key=7]/v", "/p/[key=c]/v", "/p/[key=x]/v", "/p/[key=y]/v"];
        assert_eq!(values(&paths, json), ["1", "2", "4", "5", "null", "6"]);
        let paths = ["/p/[key=true]/v", "/p/[other]/v", "/p/[key]/v", "/p/[none]/v", "/p/[other=o]"];
        assert_eq!(values(&paths, json), ["7", "10", "1", "null", r#"{"other":"o","v":10}"#]);
    }

    #[test]
    fn a_selector_keeps_an_object_or_nothing() {
        let paths = ["/[type=track]/p/name", "/p/[id]/name", "/[type=page]/p/name", "/type"];
        assert_eq!(values(&paths, r#"{"p":{"name":1},"type":"track"}"#), ["1", "null", "null", "\"track\""]);
        assert_eq!(values(&paths, r#"{"type":"page","p":{"name":2,"id":[]}}"#), ["null", "2", "2", "\"page\""]);
    }

    #[test]
    fn the_last_of_two_members_counts_at_any_depth() {
        let json =
            r#"{"a":{"b":1,"b":2,"c":1},"a":{"b":3},"l":[{"v":1}],"l":[{"v":2,"v":3},{"v":4,"w":{"x":1},"w":5}]}"#;
        let paths = ["/a/b", "/a/c", "/l/*/v", "/l/*/w/x"];
        assert_eq!(values(&paths, json), ["3", "null", "[3,4]", "[null,null]"]);
    }

    #[test]
    fn what_is_of_another_kind_leads_nowhere_and_costs_nothing() {
        let paths = ["/a/b/c", "/a/*/x", "/a/[k=v]/x", "/a/0"];
        for json in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, r#"{"a":null}"#, r#"{"a":{}}"#, r#"{"a":[]}"#, "{}"] {
            assert_eq!(values(&paths, json), ["null", "[]", "null", "null"], "{json}");
        }
    }

    #[test]
    fn many_names_are_found() {
        let mut names = Names::default();
        for number in 0..500 {
            names.insert(&format!("name{number}"), number);
        }
        assert!((0..500).all(|number| names.find(format!("name{number}").as_bytes()) == Some(number)));
        assert_eq!((names.find(b"name500"), Names::default().find(b"")), (None, None));
    }
}
