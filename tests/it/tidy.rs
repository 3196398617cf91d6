//! The rules of the repository that neither the compiler nor clippy can check. `clippy.toml` has those on the clock, the
//! environment, chance and the length of functions.

mod imports;
mod source;
mod words;

use crate::support::world;
use imports::Crate;
use source::{Source, root, rust_files};
use std::collections::BTreeSet;

/// Lines of a file without its tests, at most.
const MAX_FILE_LINES: usize = 400;

/// Everything that is built: the library, the executables and the crates.
fn sources() -> Vec<Source> {
    let crates = rust_files("crates").into_iter().filter(|source| source.name.contains("/src/"));
    rust_files("src").into_iter().chain(crates).collect()
}

/// The folders that hold a `lib.rs` or a `main.rs`, with a slash at the end.
fn crate_roots(sources: &[Source]) -> BTreeSet<String> {
    let roots = sources.iter().filter_map(|source| {
        let (folder, file) = source.name.rsplit_once('/')?;
        ["lib.rs", "main.rs"].contains(&file).then(|| format!("{folder}/"))
    });
    roots.collect()
}

fn assert_none(rule: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{rule}: {} offenders\n{}", offenders.len(), offenders.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let sources = sources();
    let silent = sources.iter().filter(|source| !source.text.starts_with("//!")).map(|source| source.name.clone());
    assert_none("a file opens with what it promises and what it does not know", silent.collect());
}

#[test]
fn files_stay_short() {
    let sources = sources();
    let mut lengths: Vec<usize> = sources.iter().filter(|source| !source.is_test()).map(Source::length).collect();
    lengths.sort_unstable();
    println!("{} files, {} lines at the median", lengths.len(), lengths[lengths.len() / 2]);
    let long = sources.iter().filter(|source| source.length() > MAX_FILE_LINES);
    let long = long.map(|source| format!("{}: {} lines", source.name, source.length()));
    assert_none(&format!("a file has at most {MAX_FILE_LINES} lines without its tests"), long.collect());
}

/// What each module of the library may import besides itself, in the order in which the data moves.
const IMPORTS: &[(&str, &[&str])] = &[
    ("memory", &[]),
    ("error", &[]),
    ("event", &[]),
    ("wire", &["event", "error"]),
    ("columns", &["event"]),
    // Ingest, gold and whoever adds up what commits say share these.
    ("counters", &["event"]),
    ("lake", &["columns", "error"]),
    ("settings", &["event", "columns", "lake"]),
    ("lineage", &["event", "columns"]),
    ("bronze", &["event", "columns", "lineage"]),
    ("silver", &["event", "columns", "lineage", "lake"]),
    ("ingest", &["event", "columns", "counters", "lake", "settings", "lineage", "bronze", "silver", "clock", "error"]),
    ("gold", &["event", "columns", "counters", "lake", "lineage", "silver", "clock"]),
    ("serving", &["event", "columns", "lake", "gold"]),
    ("audit", &["event", "columns", "lake", "settings", "lineage", "bronze", "silver", "gold", "app"]),
    ("clock", &["event"]),
    ("app", &["lake", "ingest", "gold", "clock"]),
    ("functions", &["app", "wire", "ingest", "gold", "lake", "error"]),
    ("config", &["event", "settings", "app", "ingest", "gold"]),
];

#[test]
fn imports_follow_the_data() {
    let sources = sources();
    let library = Crate::new("src/", &sources);
    let modules: BTreeSet<&str> =
        library.files().filter_map(|(module, _)| module.first()).map(String::as_str).collect();
    let mut offenders = Vec::new();
    for (module, source) in library.files().filter(|(module, _)| !module.is_empty()) {
        let allowed = IMPORTS.iter().find(|(name, _)| *name == module[0]).map(|(_, allowed)| *allowed);
        let allowed = match allowed {
            Some(allowed) => allowed,
            None if module[0] == "mutants" => &[],
            None => {
                offenders.push(format!("{} has no entry in the table of imports", source.name));
                continue;
            }
        };
        for (line, path) in library.imports(module) {
            let Some(to) = path.first().map(String::as_str).filter(|to| modules.contains(to)) else { continue };
            if to != module[0] && to != "mutants" && !allowed.contains(&to) {
                offenders.push(format!("{}:{line} imports `{to}`", source.name));
            }
        }
    }
    assert_none("a module imports only what the table of imports allows", offenders);
}

/// Files that declare columns, lay out rows or fold events. They become a crate of their own some day.
const PURE: [&str; 6] = ["quarantine.rs", "schema.rs", "rows.rs", "session.rs", "merge.rs", "session_event.rs"];

#[test]
fn declarations_rows_and_folds_do_not_know_the_lake() {
    let sources = sources();
    let library = Crate::new("src/", &sources);
    let is_pure = |source: &Source| {
        source.is_below(&["src/bronze/", "src/silver/", "src/gold/"])
            && PURE.iter().any(|file| source.name.ends_with(&format!("/{file}")))
    };
    let mut offenders = Vec::new();
    for (module, source) in library.files().filter(|(_, source)| is_pure(source)) {
        let imports =
            library.imports(module).into_iter().filter(|(_, path)| path.first().is_some_and(|to| to == "lake"));
        offenders.extend(imports.map(|(line, path)| format!("{}:{line} imports {}", source.name, path.join("::"))));
    }
    assert_none("declarations, rows and folds never import `lake`", offenders);
}

#[test]
fn a_layer_reads_the_schema_of_its_upstream() {
    let sources = sources();
    let library = Crate::new("src/", &sources);
    let mut offenders = Vec::new();
    for (layer, upstream) in [("gold", "silver"), ("serving", "gold")] {
        for (module, source) in library.files().filter(|(module, _)| module.first().is_some_and(|name| name == layer)) {
            let imports = library.imports(module);
            let code = imports
                .into_iter()
                .filter(|(_, path)| path[0] == upstream && path.get(1).is_some_and(|part| part != "schema"));
            offenders.extend(code.map(|(line, path)| format!("{}:{line} imports {}", source.name, path.join("::"))));
        }
    }
    assert_none("a layer reads its upstream's schema, never its code", offenders);
}

#[test]
fn nothing_in_the_tool_imports_its_main_file() {
    let sources = sources();
    let tool = Crate::new("src/bin/clickstream/", &sources);
    let modules: BTreeSet<&str> = tool.files().filter_map(|(module, _)| module.first()).map(String::as_str).collect();
    let mut offenders = Vec::new();
    for (module, source) in tool.files().filter(|(module, _)| !module.is_empty()) {
        let imports = tool
            .imports(module)
            .into_iter()
            .filter(|(_, path)| path.first().is_none_or(|to| !modules.contains(to.as_str())));
        offenders
            .extend(imports.map(|(line, path)| format!("{}:{line} imports crate::{}", source.name, path.join("::"))));
    }
    assert_none("nothing imports the items of `main.rs`", offenders);
}

#[test]
fn no_crate_knows_the_product() {
    let mut offenders = Vec::new();
    for source in rust_files("crates") {
        let lines = source.code.lines().enumerate().filter(|(_, line)| line.contains("clickstream"));
        offenders.extend(lines.map(|(at, line)| format!("{}:{}: {}", source.name, at + 1, line.trim())));
    }
    for (name, text) in source::files("crates", &["toml"]) {
        let dependency = text.lines().any(|line| line.trim_start().starts_with("clickstream"));
        offenders.extend(dependency.then(|| format!("{name} depends on clickstream")));
    }
    assert_none("crates know nothing of clickstream", offenders);
}

#[test]
fn no_files_import_each_other() {
    let sources = sources();
    let circles = crate_roots(&sources).into_iter().flat_map(|root| Crate::new(&root, &sources).circles());
    assert_none("files import each other", circles.map(|circle| circle.join(", ")).collect());
}

/// Each of these has one place. Test code may know all of them.
#[test]
fn what_only_one_module_knows() {
    let only: [(&str, &[&str]); 3] = [
        ("deltalake::", &["src/lake/"]),
        ("StatusCode::", &["src/functions/", "src/bin/clickstream/", "crates/"]),
        ("axum::", &["src/functions/", "src/bin/", "crates/"]),
    ];
    let mut offenders = Vec::new();
    for source in sources() {
        for (word, places) in only {
            if source.code.contains(word) && !source.is_below(places) {
                offenders.push(format!("{} knows `{word}`", source.name));
            }
        }
    }
    assert_none("only one module knows", offenders);
}

/// Where the word for a column is the name of something else, and of what. No words: all names there are of that kind.
const OTHER_NAMES: &[(&str, &[&str], &str)] = &[
    ("src/event/", &[], "members of the JSON that producers send"),
    ("src/wire/", &[], "members of the JSON that the host sends"),
    ("crates/", &[], "a crate does not know the tables"),
    ("src/bin/clickstream/shop/", &[], "members of the JSON that producers send"),
    ("src/bin/clickstream/generate/", &["events", "duplicates"], "counts that the command prints"),
    ("src/bin/clickstream/local/", &["events", "duplicates"], "counts that the command prints"),
    ("src/bin/clickstream/quarantine.rs", &["events", "reason"], "a count that the command prints, and an argument"),
    (
        "src/bin/clickstream/local/status.rs",
        &["late_events", "sessions_written", "watermark", "reason"],
        "members of the reports that functions answer with",
    ),
    ("src/gold/control.rs", &["duration_ms"], "a member of the run that a commit to gold carries"),
    ("src/functions/", &["events"], "the name of the binding in `functions/ingest/function.json`"),
];

#[test]
fn no_literal_names_a_column() {
    let columns = world::column_names();
    let mut offenders = Vec::new();
    for source in sources() {
        for (line, literal) in source.literals.iter().filter(|(_, literal)| columns.contains(literal)) {
            let is_other = OTHER_NAMES.iter().any(|(place, words, _)| {
                source.is_below(&[place]) && (words.is_empty() || words.contains(&literal.as_str()))
            });
            if !is_other && !is_declaration(&source.text, *line) {
                offenders.push(format!("{}:{line}: \"{literal}\"", source.name));
            }
        }
    }
    assert_none("a column is named by its declaration, nowhere by a literal", offenders);
}

/// `PAGE_URL = "page_url"` or `const PAGE_URL: &str = "page_url"`.
fn is_declaration(text: &str, line: usize) -> bool {
    let code = text.lines().nth(line - 1).unwrap_or_default().trim_start().trim_start_matches("pub const ");
    let name = code.split([' ', ':']).next().unwrap_or_default();
    let names_a_constant = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    names_a_constant && code[name.len()..].trim_start_matches(": &str").starts_with(" = \"")
}

/// Clippy forbids the other ways to panic. Of each `expect` the message states the invariant by which it cannot fail; there
/// are few.
#[test]
fn invariants_are_few() {
    let (mut expectations, mut lines) = (0, 0);
    for source in sources() {
        expectations += source.code.matches(".expect(").count() + source.code.matches("unreachable!(").count();
        lines += source.code.lines().filter(|line| !line.trim().is_empty()).count();
    }
    println!("{expectations} stated invariants in {lines} lines");
    assert!(expectations * 1_000 <= lines, "{expectations} stated invariants in {lines} lines, at most 1 in 1,000");
}

/// A test that waits for ever holds up all others.
#[test]
fn every_async_test_has_a_time_limit() {
    let mut offenders = Vec::new();
    for source in rust_files("tests/it") {
        let lines = source.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[tokio::test"));
        let unlimited = lines.filter(|(_, line)| !line.contains("crate = \"crate::support::limit\""));
        offenders.extend(unlimited.map(|(at, _)| format!("{}:{}", source.name, at + 1)));
    }
    assert_none("an async test says `#[tokio::test(crate = \"crate::support::limit\")]`", offenders);
}

#[test]
fn every_test_that_waits_for_a_process_has_a_time_limit() {
    let waits = [".output()", ".status()", "clickstream()", "Compiler::start"];
    let mut offenders = Vec::new();
    for source in rust_files("tests/it").iter().filter(|source| waits.iter().any(|wait| source.code.contains(wait))) {
        let lines: Vec<&str> = source.code.lines().map(str::trim).collect();
        let tests = lines.windows(3).enumerate().filter(|(_, lines)| lines[0] == "#[test]");
        let unlimited = tests.filter(|(_, lines)| !lines[2].contains("Watchdog::of_this_test()"));
        offenders.extend(unlimited.map(|(at, lines)| format!("{}:{}: {}", source.name, at + 2, lines[1])));
    }
    assert_none("a test without a runtime starts with `let _limit = Watchdog::of_this_test();`", offenders);
}

#[test]
fn sentences_are_plain() {
    assert_none("unwanted phrases", words::offenders());
}

/// The settings that the code reads, the example shows and the README explains are the same.
#[test]
fn settings_are_named_alike_everywhere() {
    let text = |name: &str| std::fs::read_to_string(root().join(name)).expect("text");
    let config = text("src/config/mod.rs") + &text("src/settings/mod.rs");
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
