//! How many programs are found, and how many people are taken for one, in public lists.
//!
//! The rules for programs are made of `crawler-user-agents`, so its own user agents say only that we apply its rules as
//! it means them. `other_programs.txt` and `other_people.txt` are another project's; no rule is made of them.

use super::super::*;

const CRAWLERS: &str = include_str!("crawlers.txt");
const COMMON_BROWSERS: &str = include_str!("common_browsers.txt");
const OTHER_PROGRAMS: &str = include_str!("other_programs.txt");
const OTHER_PEOPLE: &str = include_str!("other_people.txt");

/// Every user agent that we have.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    [CRAWLERS, COMMON_BROWSERS, OTHER_PROGRAMS, OTHER_PEOPLE].into_iter().flat_map(str::lines)
}

/// The percentage that is classified as programs, printed with a list's name.
fn percent_programs(name: &str, list: &str) -> f64 {
    let programs = list.lines().filter(|user_agent| classify(user_agent).is_bot).count();
    let percent = 100.0 * programs as f64 / list.lines().count() as f64;
    println!("{name}: {programs} of {} are programs ({percent:.1} %)", list.lines().count());
    percent
}

#[test]
fn programs_are_found_and_people_are_not() {
    assert!(percent_programs("crawler-user-agents", CRAWLERS) >= 95.0);
    assert_eq!(percent_programs("the hundred commonest browsers", COMMON_BROWSERS), 0.0);
    assert!(percent_programs("programs of CrawlerDetect that crawler-user-agents has not", OTHER_PROGRAMS) >= 75.0);
    assert!(percent_programs("people of CrawlerDetect", OTHER_PEOPLE) <= 0.5);
}

#[test]
fn no_browser_has_a_slash_or_is_other() {
    for user_agent in all() {
        let agent = classify(user_agent);
        let browser = agent.browser.as_deref().unwrap_or("-");
        assert!(!browser.is_empty() && !browser.contains('/') && browser != "Other", "{user_agent}: {browser}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_classified(text in "(?s).{0,1500}", name in "[A-Za-z0-9/(). ]{0,40}") {
        for agent in [classify(&text), classify_browser(&text), classify_browser(&name)] {
            proptest::prop_assert!(agent.browser.as_ref().is_none_or(|name| !name.contains('/')));
        }
    }
}
