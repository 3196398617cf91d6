//! Which browser, system and kind of device a user agent stands for, and whether it is a program's.
//!
//! The rules are those of public lists (see `README.md` in this folder). Each is compiled when the first text arrives that
//! it may match, so that a starting process does not wait for them. Knows no versions and no device models.

mod words;
mod rules;
mod names;
mod programs;
mod device;

use rules::Rules;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// What a user-agent string says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    /// Short, the same for phone and desktop: `Chrome`, `Edge`, `Googlebot`. Never holds a `/`.
    pub browser: Option<String>,
    /// `Windows`, `macOS`, `Android`, ... without a version.
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `tv` or `bot`.
    pub device_type: Option<&'static str>,
    pub is_bot: bool,
}

/// Real user agents have some 120 bytes. Text beyond this length carries no information and only costs time.
const MAX_CLASSIFIED_BYTES: usize = 1_024;

static BROWSERS: LazyLock<Rules> = LazyLock::new(|| Rules::of(include_str!("rules/browsers.tsv")));
static SYSTEMS: LazyLock<Rules> = LazyLock::new(|| Rules::of(include_str!("rules/systems.tsv")));
/// Texts already classified: trying the rules takes a hundred times as long as a look-up.
static USER_AGENTS: LazyLock<Memo> = LazyLock::new(Memo::default);
static BROWSER_NAMES: LazyLock<Memo> = LazyLock::new(Memo::default);
/// Nearly all events name one of these as it stands here, and need no look-up, which waits for other threads.
static COMMONEST: LazyLock<Vec<Arc<Agent>>> = LazyLock::new(|| {
    let names = ["Chrome", "Safari", "Edge", "Firefox", "Samsung Internet", "Opera"];
    names.iter().map(|name| Arc::new(agent_named(name))).collect()
});

/// Classifies a user-agent string by its first 1,024 bytes.
pub(super) fn classify(user_agent: &str) -> Arc<Agent> {
    let considered = beginning(user_agent, MAX_CLASSIFIED_BYTES);
    USER_AGENTS.get_or_insert_with(considered, || agent_of(considered))
}

/// Classifies what a sender calls the browser, which may be a user-agent string. A name that nobody knows stays as it
/// is.
pub(super) fn classify_browser(text: &str) -> Arc<Agent> {
    if let Some(agent) = COMMONEST.iter().find(|agent| agent.browser.as_deref() == Some(text)) {
        return Arc::clone(agent);
    }
    if is_user_agent(text) { classify(text) } else { BROWSER_NAMES.get_or_insert_with(text, || agent_named(text)) }
}

/// Whether a text is a user-agent string rather than the short name of a browser: it has a `product/version` or a
/// comment with several parts, unlike `Safari (in-app)`.
fn is_user_agent(text: &str) -> bool {
    text.contains('/') || text.split_once('(').is_some_and(|(_, comment)| comment.contains(';'))
}

/// At most `max_bytes` of `text`, cut between characters.
fn beginning(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

fn agent_of(user_agent: &str) -> Agent {
    let is_bot = programs::is_program(user_agent);
    Agent {
        browser: browser_of(user_agent),
        os: SYSTEMS.first_match(user_agent).filter(|os| !os.is_empty()).map(renamed_system),
        device_type: if is_bot { Some("bot") } else { device::device_type(user_agent) },
        is_bot,
    }
}

/// The family that the rules give. Where they give none, or part of an address, the name of a known program or of the
/// first product.
fn browser_of(user_agent: &str) -> Option<String> {
    let family = BROWSERS.first_match(user_agent).map(|family| names::same_on_every_device(&family).to_owned());
    let is_name = |name: &String| !name.is_empty() && !name.contains('/');
    let program = || programs::known_name(user_agent);
    family.filter(is_name).or_else(program).or_else(|| names::of_product(user_agent))
}

fn agent_named(name: &str) -> Agent {
    let considered = beginning(name, MAX_CLASSIFIED_BYTES);
    let browser = names::known(considered).unwrap_or(name).to_owned();
    Agent { browser: Some(browser), os: None, device_type: None, is_bot: programs::is_program_name(considered) }
}

/// Names of uap-core for one system.
fn renamed_system(os: String) -> String {
    match os.as_str() {
        "Mac OS X" | "Mac OS" => "macOS".to_owned(),
        "ATV OS X" => "tvOS".to_owned(),
        _ => os,
    }
}

/// User agents kept. A day of a large shop has a few thousand; a full memo is emptied, which costs milliseconds.
const MAX_ENTRIES: usize = 10_000;
/// A longer text is classified each time: with the entry limit this bounds the memory to about 7 MB.
const MAX_KEY_BYTES: usize = 512;

/// Remembers a bounded number of answers.
#[derive(Default)]
struct Memo {
    known: Mutex<HashMap<Box<str>, Arc<Agent>>>,
}

impl Memo {
    /// The answer remembered for `user_agent`, else the one that `classify` gives. Holds no lock while `classify` runs.
    fn get_or_insert_with(&self, user_agent: &str, classify: impl FnOnce() -> Agent) -> Arc<Agent> {
        if user_agent.len() > MAX_KEY_BYTES {
            return Arc::new(classify());
        }
        // A panic cannot leave half an entry under the lock, so a poisoned lock is as good as any.
        if let Some(agent) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(user_agent) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(classify());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ENTRIES {
            known.clear();
        }
        known.insert(user_agent.into(), Arc::clone(&agent));
        agent
    }
}

#[cfg(test)]
mod tests;
