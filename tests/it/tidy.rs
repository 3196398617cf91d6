//! The rules of the repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with that ending, with their text.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = std::fs::read_to_string(&path).expect("text");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    files("src", ".rs")
}

/// `gold/merge.rs` for a path below `src`.
fn name(path: &Path) -> String {
    path.strip_prefix(root().join("src")).unwrap_or(path).to_string_lossy().into_owned()
}

/// The part before the unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn is_test_file(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("tests.rs")
}

/// Code lines, comments left out.
fn code(text: &str) -> impl Iterator<Item = &str> {
    without_tests(text).lines().map(str::trim_start).filter(|line| !line.starts_with("//"))
}

fn assert_none(rule: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| name(&path));
    assert_none("a file opens with what it promises and what it does not know", silent.collect());
}

#[test]
fn files_stay_short() {
    let long = sources()
        .into_iter()
        .filter(|(path, text)| !is_test_file(&name(path)) && without_tests(text).lines().count() > 400);
    assert_none("a file has at most 400 lines", long.map(|(path, _)| name(&path)).collect());
}

/// Who may import whom, by the first folder or file name below `src`.
#[test]
fn imports_go_one_way() {
    let allowed: &[(&str, &[&str])] = &[
        ("event", &["event"]),
        ("wire", &["wire", "event"]),
        ("lake", &["lake"]),
        ("lineage", &["event", "lake"]),
        ("bronze", &["bronze", "event", "lake", "lineage"]),
        ("silver", &["silver", "event", "lake", "lineage"]),
        ("gold", &["gold", "event", "lake", "silver", "clock"]),
        ("serving", &["serving", "lake", "gold"]),
        ("clock", &["event"]),
    ];
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        let name = name(&path);
        let module = name.split(['/', '.']).next().unwrap_or_default();
        let Some((_, allowed)) = allowed.iter().find(|(of, _)| *of == module) else { continue };
        for line in code(&text).filter(|line| !line.starts_with("use crate::mutants::")) {
            for import in line.split("crate::").skip(1) {
                let imported = import.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                let is_module =
                    root().join("src").join(imported).exists() || root().join(format!("src/{imported}.rs")).exists();
                if is_module && !allowed.contains(&imported) {
                    offenders.push(format!("{name}: {line}"));
                }
            }
        }
    }
    assert_none("imports follow the data", offenders);
}

#[test]
fn gold_reads_silver_by_its_schema_and_serving_gold_by_its() {
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        let name = name(&path);
        let upstream = if name.starts_with("gold/") {
            "crate::silver::"
        } else if name.starts_with("serving/") {
            "crate::gold::"
        } else {
            continue;
        };
        let beyond = code(&text).filter(|line| line.split(upstream).skip(1).any(|rest| !rest.starts_with("schema")));
        offenders.extend(beyond.map(|line| format!("{name}: {line}")));
    }
    assert_none("a layer reads its upstream's schema, never its code", offenders);
}

/// Each of these has one place.
#[test]
fn what_only_one_module_knows() {
    let only: &[(&str, &[&str])] = &[
        ("deltalake::", &["lake/"]),
        ("std::env::var", &["config/", "bin/clickstream/"]),
        ("SystemTime::now", &["clock.rs", "bin/clickstream/"]),
        ("Utc::now", &["clock.rs", "bin/clickstream/"]),
        ("StatusCode::", &["functions/", "bin/clickstream/host/"]),
        ("axum::", &["functions/", "bin/"]),
        ("uuid::", &["lake/store.rs", "bin/clickstream/"]),
        ("rand::", &["lake/store.rs", "bin/clickstream/"]),
    ];
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        let name = name(&path);
        for (word, places) in only {
            let here = code(&text).any(|line| line.contains(word));
            if here && !is_test_file(&name) && !places.iter().any(|place| name.starts_with(place)) {
                offenders.push(format!("{name} knows `{word}`"));
            }
        }
    }
    assert_none("only one module knows", offenders);
}

#[test]
fn column_names_are_constants_of_schemas() {
    let columns: BTreeSet<&str> = BTreeSet::from([
        "session_start_time",
        "session_end_time",
        "total_purchase_value",
        "product_ids_viewed",
        "is_final",
        "event_key",
        "product_index",
        "ingest_date",
        "session_date",
        "parse_error",
        "enqueued_at",
        "sequence_number",
    ]);
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        let name = name(&path);
        if name.starts_with("event/")
            || name.starts_with("wire/")
            || name.starts_with("bin/")
            || name.ends_with("schema.rs")
        {
            continue;
        }
        for line in code(&text).filter(|line| !line.starts_with("pub const")) {
            offenders.extend(
                columns.iter().filter(|column| line.contains(&format!("\"{column}\""))).map(|c| format!("{name}: {c}")),
            );
        }
    }
    assert_none("a column name is a constant, nowhere a literal", offenders);
}

#[test]
fn nothing_that_can_panic_outside_tests() {
    let words = [".unwrap()", "panic!(", "todo!(", "unimplemented!("];
    let mut offenders = Vec::new();
    let (mut expectations, mut lines) = (0, 0);
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test_file(&name(path))) {
        let panics = code(&text).filter(|line| words.iter().any(|word| line.contains(word)));
        offenders.extend(panics.map(|line| format!("{}: {line}", name(&path))));
        // These state the invariant by which they cannot fail.
        expectations +=
            code(&text).filter(|line| line.contains(".expect(\"") || line.contains("unreachable!(\"")).count();
        lines += code(&text).count();
    }
    assert_none("no panic outside tests", offenders);
    assert!(expectations * 1_000 <= lines, "{expectations} stated invariants in {lines} lines, at most 1 in 1,000");
}

/// The settings that the code reads, the example shows and the README explains are the same.
#[test]
fn settings_are_named_alike_everywhere() {
    let config = std::fs::read_to_string(root().join("src/config/mod.rs")).expect("text");
    let example = std::fs::read_to_string(root().join("local.settings.example.json")).expect("text");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("text");
    let mut offenders = Vec::new();
    let settings = config.lines().filter_map(|line| line.strip_prefix("pub const ")?.split('"').nth(1));
    for setting in settings.filter(|setting| !setting.starts_with("FUNCTIONS_")) {
        if !example.contains(&format!("\"{setting}\"")) {
            offenders.push(format!("{setting} is not in local.settings.example.json"));
        }
        if !readme.contains(&format!("`{setting}`")) {
            offenders.push(format!("{setting} is not in README.md"));
        }
    }
    assert_none("settings are named alike", offenders);
}

#[test]
fn function_folders_are_the_routes() {
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("functions"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let routes: BTreeSet<String> = clickstream::functions::NAMES.iter().map(|name| name.to_string()).collect();
    assert_eq!(folders, routes);
}
