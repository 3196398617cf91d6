//! Whether a user agent is a program rather than a person's browser: a crawler, a monitor, the preview of a link, a
//! browser without a window, an HTTP library.
//!
//! Two public lists decide. `crawler-user-agents` knows programs by their names, `isbot` the words that programs use
//! for themselves. Both count `okhttp`, which apps use too, as a library: an app that sends no user agent of its own
//! says nothing of a person.

use super::rules::Rules;
use std::sync::LazyLock;

static KNOWN: LazyLock<Rules> = LazyLock::new(|| Rules::of(include_str!("rules/known_programs.tsv")));
static WORDS: LazyLock<Rules> = LazyLock::new(|| Rules::of(include_str!("rules/program_words.tsv")));

/// Words of devices. Apps on them have names with the words that only programs use elsewhere: `ShopTools/1.0 (iPhone)`.
const HANDHELD: &[&str] = &[
    "Android",
    "iPhone",
    "iPad",
    "iPod",
    "Silk",
    "Kindle",
    "Build/",
    "BlackBerry",
    "Symbian",
    "J2ME",
    "MIDP",
    "BREW",
    "Windows Phone",
    "Windows CE",
    "SmartTV",
    "SMART-TV",
    "webOS",
];

pub(super) fn is_program(user_agent: &str) -> bool {
    let (before, after) = around_device(user_agent);
    [before, after].iter().any(|text| is_known(text) || calls_itself_robot(text))
        || (!is_handheld(user_agent) && WORDS.first_match(user_agent).is_some())
}

/// The name of the program, where it is a known one; no part of its address.
pub(super) fn known_name(user_agent: &str) -> Option<String> {
    let matches = KNOWN.matches(user_agent);
    let mut names = matches.map(|text| text.trim_matches(|char: char| !char.is_alphanumeric()).to_owned());
    names.find(|name| !name.is_empty() && !name.contains(['/', '.']))
}

/// Whether the short name of a browser is that of a program: `Googlebot`, `LumiBot 2.0`, `curl`. `Sogou Explorer` has a
/// crawler's name in it, but says that it is a browser.
pub(super) fn is_program_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let says_browser = ["browser", "explorer"].iter().any(|word| lower.trim_end().ends_with(word));
    calls_itself_robot(name) || (!says_browser && (is_known(name) || is_known(&lower.replace(' ', "-"))))
}

fn is_known(text: &str) -> bool {
    KNOWN.first_match(text).is_some()
}

fn calls_itself_robot(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_robot = |word: &str| {
        ["bot", "bots", "spider", "crawler"].iter().any(|ending| word.ends_with(ending)) || word.starts_with("headless")
    };
    text.split(|char: char| !char.is_alphanumeric()).any(is_robot)
}

fn is_handheld(text: &str) -> bool {
    HANDHELD.iter().any(|word| text.contains(word))
}

/// What stands before and after the comment in which a device names its model: `(Linux; Android 10; CUBOT_X30)`. Models
/// have names like robots. A comment that says `compatible` is a program's that poses as the device.
fn around_device(user_agent: &str) -> (&str, &str) {
    let whole = (user_agent, "");
    let Some(start) = user_agent.find('(') else { return whole };
    let mut depth = 0;
    let end = user_agent[start..].bytes().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let (comment, after) = user_agent[start..].split_at(end.map_or(user_agent.len() - start, |end| end + 1));
    if is_handheld(comment) && !comment.contains("compatible") { (&user_agent[..start], after) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_of_a_device_is_left_out() {
        let cases = [
            ("Mozilla/5.0 (Linux; Android 11; moto g (2022)) Chrome/1", ("Mozilla/5.0 ", " Chrome/1")),
            ("Mozilla/5.0 (Linux; Android 11; HTC Butter", ("Mozilla/5.0 ", "")),
            ("Mozilla/5.0 (X11; Linux) Chrome/1", ("Mozilla/5.0 (X11; Linux) Chrome/1", "")),
            ("A (compatible; Googlebot; Android)", ("A (compatible; Googlebot; Android)", "")),
            ("Android", ("Android", "")),
        ];
        for (user_agent, around) in cases {
            assert_eq!(around_device(user_agent), around);
        }
    }
}
