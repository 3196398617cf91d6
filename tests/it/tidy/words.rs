//! Words and phrases that readers stumbled over, with what to say instead.

use super::source::files;

/// Folders and endings of what is read.
const READ: [(&str, &[&str]); 5] = [
    ("src", &["rs"]),
    ("crates", &["rs", "md", "toml"]),
    ("tests", &["rs", "md", "txt", "py", "cjs"]),
    ("benches", &["rs"]),
    ("infra", &["bicep", "sh", "md", "json", "yaml"]),
];

/// Recorded data, and the list below.
const LEFT_OUT: [&str; 4] =
    ["tests/it/tidy/words.rs", "tests/data/", "tests/fuzz/corpus/", "tests/readers/requirements.txt"];

/// A phrase as it is written, and the advice. A phrase that ends with `_` is the start of a name.
const UNWANTED: [(&str, &str); 11] = [
    ("anew", "say `again`, `recreated` or `restarted`"),
    ("is none", "say what it is: `x is not an event`, `no table has`"),
    ("are none", "say what they are"),
    ("held against", "say `compared with`"),
    ("comes again", "say `is redelivered` or `is repeated`"),
    ("takes leave", "say `removes`"),
    ("sees to it", "say `ensures`"),
    ("is told", "say `is notified`, `receives` or `knows`"),
    ("behind", "say `after`, `newer than` or `following`; `behind` is lag"),
    ("most_", "say `max_`"),
    ("MOST_", "say `MAX_`"),
];

/// Phrases in which `behind` is about lag. The last ones are the number of commits that gold has not read yet, in the report of
/// sessionize, in the alert on it and in the audit.
const LAG: &[&str] = &[
    "falls behind",
    "fall behind",
    "falling behind",
    "fell behind",
    "fallen behind",
    "falls-behind",
    "far behind",
    "lag behind",
    "lags behind",
    "stays behind",
    "may be behind",
    "versions behind",
    "pub behind",
    "behind: 0",
    "(plan, behind)",
    "behind, watermark",
    "report.behind",
    "gold_behind",
];

/// Each unwanted phrase, as `file:line: phrase: advice`.
pub fn offenders() -> Vec<String> {
    let readme = std::fs::read_to_string(super::source::root().join("README.md")).expect("the README");
    let read = READ.iter().flat_map(|(folder, endings)| files(folder, endings));
    let read = read.chain([("README.md".to_owned(), readme)]);
    read.filter(|(name, _)| !LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)))
        .flat_map(|(name, text)| in_text(&text).into_iter().map(move |found| format!("{name}:{found}")))
        .collect()
}

/// `line: phrase: advice` for each.
fn in_text(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(without_comment_marker).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // A phrase may start on this line and end on the next.
        let before = at.checked_sub(1).map_or("", |at| lines[at]);
        let after = lines.get(at + 1).copied().unwrap_or_default();
        let (start, whole) = (before.len() + 1, format!("{before} {line} {after}"));
        for (phrase, advice) in UNWANTED {
            let starts_here = |position: &usize| (start..start + line.len()).contains(position);
            let unwanted = occurrences(&whole, phrase)
                .filter(starts_here)
                .any(|position| phrase != "behind" || !is_lag(&whole, position));
            if unwanted {
                found.push(format!("{}: `{phrase}`: {advice}", at + 1));
            }
        }
    }
    found
}

fn without_comment_marker(line: &str) -> &str {
    line.trim().trim_start_matches(['/', '!', '#']).trim_start()
}

/// Positions of `phrase` that are not parts of longer words.
fn occurrences<'a>(text: &'a str, phrase: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_letter = |character: Option<char>| character.is_some_and(char::is_alphabetic);
    text.match_indices(phrase).map(|(at, _)| at).filter(move |&at| {
        let ends = phrase.ends_with('_') || !is_letter(text[at + phrase.len()..].chars().next());
        ends && !is_letter(text[..at].chars().next_back())
    })
}

fn is_lag(text: &str, behind: usize) -> bool {
    let around = LAG.iter().flat_map(|phrase| occurrences(text, phrase).map(|at| at..at + phrase.len()));
    around.into_iter().any(|range| range.contains(&behind))
}

#[test]
fn phrases_are_found_across_lines_and_lag_is_allowed() {
    let text =
        "/// The writer is\n/// told so. It falls behind.\nlet most_often = silver_behind();\nalmost_there, renewed";
    let found = in_text(text);
    let found: Vec<&str> = found.iter().filter_map(|found| found.rsplit_once(": ")).map(|(place, _)| place).collect();
    assert_eq!(found, ["1: `is told`", "3: `behind`", "3: `most_`"]);
}
