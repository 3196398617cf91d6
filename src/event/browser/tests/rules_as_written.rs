//! The rules mean here what they mean to uap-core: the same regular expressions, in the same order, and none is left
//! out because its words do not occur.

use super::super::*;
use super::lists;
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::BTreeSet;
use ua_parser::{os, user_agent};

const BROWSER_RULES: &str = include_str!("../rules/browsers.tsv");
const SYSTEM_RULES: &str = include_str!("../rules/systems.tsv");
const KNOWN_PROGRAMS: &str = include_str!("../rules/known_programs.tsv");
const PROGRAM_WORDS: &str = include_str!("../rules/program_words.tsv");

/// Pattern and name of each rule.
fn columns(rules: &'static str) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    rules.lines().map(|line| {
        let mut columns = line.split('\t');
        (columns.next().unwrap(), columns.next().filter(|name| !name.is_empty()))
    })
}

#[test]
fn browsers_and_systems_are_those_of_ua_parser() {
    let browsers = columns(BROWSER_RULES).map(|(regex, name)| user_agent::Parser {
        regex: regex.into(),
        family_replacement: name.map(Into::into),
        ..Default::default()
    });
    let browsers = user_agent::Builder::new().push_all(browsers).unwrap().build().unwrap();
    let systems = columns(SYSTEM_RULES).map(|(regex, name)| os::Parser {
        regex: regex.into(),
        os_replacement: name.map(Into::into),
        ..Default::default()
    });
    let systems = os::Builder::new().push_all(systems).unwrap().build().unwrap();
    for user_agent in lists::all() {
        let browser = browsers.extract(user_agent).map(|found| found.family.into_owned());
        assert_eq!(BROWSERS.first_match(user_agent), browser, "{user_agent}");
        let system = systems.extract(user_agent).map(|found| found.os.into_owned());
        assert_eq!(SYSTEMS.first_match(user_agent), system, "{user_agent}");
    }
    println!("{} user agents", lists::all().count());
}

#[test]
fn a_rule_finds_all_that_its_pattern_matches() {
    for line in [BROWSER_RULES, SYSTEM_RULES, KNOWN_PROGRAMS, PROGRAM_WORDS].into_iter().flat_map(str::lines) {
        let rule = Rules::of(line);
        let (pattern, name) = columns(line).next().unwrap();
        if pattern.is_empty() {
            assert_eq!(rule.first_match(name.unwrap()).as_deref(), name);
            continue;
        }
        let regex = regex_automata::meta::Regex::new(pattern).unwrap();
        let parsed = regex_syntax::parse(pattern).unwrap();
        let texts: BTreeSet<String> = (0..200).map(|round| text_of(&parsed, round)).collect();
        let texts: Vec<String> = texts.into_iter().filter(|text| regex.is_match(text.as_str())).collect();
        assert!(!texts.is_empty(), "no example for {line}");
        for text in texts {
            assert!(rule.first_match(&text).is_some(), "`{text}` is not found by {line}");
        }
    }
}

/// A text that the expression matches, where no assertion forbids it. Each round chooses other alternatives.
fn text_of(expression: &Hir, round: usize) -> String {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => String::new(),
        HirKind::Literal(literal) => String::from_utf8_lossy(&literal.0).into_owned(),
        HirKind::Class(Class::Unicode(class)) => {
            // Digits of other scripts are no digits here, as in ua-parser.
            let ranges: Vec<_> = class.ranges().iter().filter(|range| range.start().is_ascii()).collect();
            ranges[round % ranges.len()].start().to_string()
        }
        HirKind::Class(Class::Bytes(_)) => unreachable!("patterns are Unicode"),
        HirKind::Repetition(repetition) => {
            let times = (repetition.min as usize).max(round % 2).min(repetition.max.unwrap_or(1) as usize);
            text_of(&repetition.sub, round).repeat(times)
        }
        HirKind::Capture(capture) => text_of(&capture.sub, round),
        HirKind::Concat(parts) => parts.iter().map(|part| text_of(part, round)).collect(),
        HirKind::Alternation(alternatives) => text_of(&alternatives[round % alternatives.len()], round),
    }
}
