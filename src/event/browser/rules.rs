//! Ordered rules that name what a text matches. The first rule that matches decides.
//!
//! Promises that a new process compiles only what it needs: a rule's regular expression is compiled when one of the
//! words occurs that it cannot match without. Knows nothing of browsers.

use super::words::WordIndex;
use regex_automata::meta::{Config, Regex};
use std::sync::OnceLock;

/// The rules of one file in `rules/`, about 100 bytes each until they are compiled.
pub(super) struct Rules {
    rules: Vec<Rule>,
    words: WordIndex,
    /// Rules that need no word, to be tried on every text.
    without_word: Vec<usize>,
}

/// One line: the pattern, the name that it stands for, and the words in lower case of which one occurs in all that it
/// matches. In a name `$1` is the pattern's first group, which is also the name where none is given. A rule without a
/// pattern matches its name.
struct Rule {
    pattern: &'static str,
    name: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Rules {
    pub(super) fn of(file: &'static str) -> Rules {
        let (mut rules, mut words, mut without_word) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in file.lines().enumerate() {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            let rule = Rule { pattern: column(), name: column(), compiled: OnceLock::new() };
            let words_before = words.len();
            words.extend(columns.map(|word| (word, number)));
            if words.len() == words_before {
                without_word.push(number);
            }
            rules.push(rule);
        }
        Rules { rules, words: WordIndex::new(words), without_word }
    }

    /// What each rule that matches says, in their order: its name, or else the text that it matched.
    pub(super) fn matches(&self, text: &str) -> impl Iterator<Item = String> {
        let mut candidates = self.words.rules_with_a_word_in(text);
        candidates.extend(&self.without_word);
        candidates.sort_unstable();
        candidates.into_iter().filter_map(move |number| self.rules[number].name_in(text))
    }

    /// What the first rule that matches says.
    pub(super) fn first_match(&self, text: &str) -> Option<String> {
        self.matches(text).next()
    }
}

impl Rule {
    fn name_in(&self, text: &str) -> Option<String> {
        if self.pattern.is_empty() {
            return text.contains(self.name).then(|| self.name.to_owned());
        }
        let regex = self.regex()?;
        let mut groups = regex.create_captures();
        regex.captures(text, &mut groups);
        groups.get_match()?;
        let group = |number| groups.get_group(number).map_or("", |span| &text[span]);
        Some(match self.name {
            "" if groups.group_len() > 1 => group(1).to_owned(),
            "" => group(0).to_owned(),
            name if name.contains("$1") => name.replace("$1", group(1)),
            name => name.to_owned(),
        })
    }

    /// Nothing for a pattern that does not compile. A test shows that all do. Automata would match long texts faster, but
    /// take longer to build than they save on the few texts that are not in the memo.
    fn regex(&self) -> Option<&Regex> {
        let engines = Config::new().dfa(false).hybrid(false).onepass(false);
        let compile = || Regex::builder().configure(engines).build(&cheaper(self.pattern)).ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// The pattern as `ua-parser` compiles it: classes are of ASCII, and a repetition that is bounded by 100 or more is not
/// bounded. Both make it many times smaller, and user agents are short.
fn cheaper(pattern: &str) -> String {
    let pattern = pattern.replace(r"\d", "[0-9]").replace(r"\w", "[A-Za-z0-9_]");
    unbounded(&unbounded(&pattern, "{0,", "*"), "{1,", "+")
}

fn unbounded(pattern: &str, start: &str, instead: &str) -> String {
    let mut parts = pattern.split(start);
    let first = parts.next().unwrap_or_default();
    parts.fold(first.to_owned(), |before, part| match part.split_once('}') {
        Some((bound, after)) if bound.len() >= 3 && bound.bytes().all(|byte| byte.is_ascii_digit()) => {
            before + instead + after
        }
        _ => before + start + part,
    })
}
