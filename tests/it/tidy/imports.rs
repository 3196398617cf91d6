//! Which module imports which, computed from `use` and from paths that start with `crate`, `super` or `self`.

use super::source::{Source, is_word};
use std::collections::{BTreeMap, BTreeSet};

/// The files of one crate.
pub struct Crate<'a> {
    /// By module path: `["gold", "merge"]`; the root is empty.
    modules: BTreeMap<Vec<String>, &'a Source>,
}

impl<'a> Crate<'a> {
    /// `folder` holds its `lib.rs` or `main.rs`.
    pub fn new(folder: &str, sources: &'a [Source]) -> Self {
        let below = sources.iter().filter_map(|source| Some((source.name.strip_prefix(folder)?, source)));
        // Executables have module trees of their own.
        let below = below.filter(|(name, _)| !name.starts_with("bin/"));
        Crate { modules: below.map(|(name, source)| (module_path(name), source)).collect() }
    }

    pub fn files(&self) -> impl Iterator<Item = (&Vec<String>, &'a Source)> {
        self.modules.iter().map(|(module, source)| (module, *source))
    }

    /// Absolute paths that a file names: line number and path below `crate`.
    pub fn imports(&self, module: &[String]) -> Vec<(usize, Vec<String>)> {
        let code = &self.modules[module].code;
        let paths = used_paths(code).into_iter().chain(inline_paths(code));
        paths.filter_map(|(line, path)| Some((line, absolute(module, &path)?))).collect()
    }

    /// The file that defines what `path` names, with re-exports followed.
    fn file_of(&self, path: &[String]) -> Option<&Vec<String>> {
        let (module, _) = (0..=path.len()).rev().find_map(|length| self.modules.get_key_value(&path[..length]))?;
        let Some(item) = path.get(module.len()) else { return Some(module) };
        let exports = used_paths(&exports_of(&self.modules[module].code));
        let export = exports.into_iter().find(|(_, export)| export.last() == Some(item));
        let defined =
            export.and_then(|(_, export)| absolute(module, &export).or_else(|| Some([&module[..], &export].concat())));
        match defined {
            Some(defined) if defined != path => self.file_of(&defined),
            _ => Some(module),
        }
    }

    /// Groups of files that import one another in a circle. A module and its submodules are one room, so what a submodule
    /// imports from its parent's own file is left out.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let edges: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> = self
            .modules
            .keys()
            .map(|from| {
                let files =
                    self.imports(from).into_iter().filter_map(|(_, path)| self.file_of(&path)).collect::<Vec<_>>();
                let imported = files.into_iter().filter(|to| !from.starts_with(to) && !to.starts_with(from));
                (from, imported.collect())
            })
            .collect();
        let reachable = |start| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
            while let Some(from) = next.pop() {
                next.extend(edges[from].iter().copied().filter(|to| seen.insert(*to)));
            }
            seen
        };
        let reached: BTreeMap<_, _> = edges.keys().map(|from| (*from, reachable(from))).collect();
        let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
        for (from, seen) in &reached {
            let circle = seen.iter().filter(|to| reached[*to].contains(from));
            circles.insert(circle.map(|module| self.modules[*module].name.clone()).collect());
        }
        circles.into_iter().filter(|circle| circle.len() > 1).collect()
    }
}

/// `gold/merge.rs` is `gold::merge`, `gold/mod.rs` is `gold`, `lib.rs` is the root.
fn module_path(name: &str) -> Vec<String> {
    let mut path: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        path.pop();
    }
    path
}

/// `None` for a path into another crate.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let parent = &module[..module.len().checked_sub(1)?];
            match rest.first().is_some_and(|next| next == "super") {
                true => absolute(parent, rest),
                false => Some([parent, rest].concat()),
            }
        }
        _ => None,
    }
}

/// Line number and path of each thing that a `use` names.
fn used_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    for (at, word) in code.match_indices("use ") {
        let starts_item = code[..at].trim_end_matches(' ').bytes().last().is_none_or(|byte| !is_word(byte))
            || code[..at].trim_end().ends_with("pub")
            || code[..at].trim_end().ends_with(')');
        let Some(length) = code[at..].find(';').filter(|_| starts_item) else { continue };
        let line = code[..at].matches('\n').count() + 1;
        let tree: String = code[at + word.len()..at + length].split_whitespace().collect::<Vec<_>>().join(" ");
        paths.extend(expanded(&tree).into_iter().map(|path| (line, path)));
    }
    paths
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`. A name after `as` is the last part, after the one it stands for.
fn expanded(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        let parts = path.split("::").map(str::trim).filter(|part| !part.is_empty() && *part != "*");
        return vec![parts.map(str::to_owned).collect()];
    };
    let prefix: Vec<String> = expanded(tree[..open].trim_end_matches("::")).concat();
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty()).flat_map(expanded);
    parts.map(|rest| prefix.iter().cloned().chain(rest.into_iter().filter(|part| part != "self")).collect()).collect()
}

/// Paths like `crate::gold::schema` in the middle of code.
fn inline_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let is_in_use = code[..at].rfind("use ").is_some_and(|item| !code[item..at].contains(';'));
            let is_start = at == 0 || !is_word(code.as_bytes()[at - 1]) && code.as_bytes()[at - 1] != b':';
            let length =
                code[at..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(code.len() - at);
            let path = code[at..at + length].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            if is_start && !is_in_use {
                paths.push((code[..at].matches('\n').count() + 1, path));
            }
        }
    }
    paths
}

/// Only the `pub use` items.
fn exports_of(code: &str) -> String {
    let items = code.split_inclusive(';').filter_map(|item| item.rfind("pub use ").map(|at| &item[at..]));
    items.collect::<Vec<_>>().join("\n")
}

#[test]
fn paths_are_expanded() {
    let paths: Vec<String> =
        used_paths("pub use a::{self, b::{c, d as e}};").iter().map(|(_, path)| path.join("::")).collect();
    assert_eq!(paths, ["a", "a::b::c", "a::b::d"]);
    let module = ["gold".to_owned(), "merge".to_owned()];
    let path = ["super", "rows", "Row"].map(str::to_owned);
    assert_eq!(absolute(&module, &path), Some(["gold", "rows", "Row"].map(str::to_owned).to_vec()));
}
