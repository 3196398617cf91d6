//! Which browser, system and kind of device a user agent stands for, and whether it is a bot.
//!
//! The rules are those of uap-core (see `README.md` in this folder). They are compiled when the first user agent
//! arrives, so that a starting process does not wait for them. Knows no versions and no device models.

mod families;
mod device;

use families::Rules;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

pub(super) use device::is_bot_name;

/// What a user-agent string says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    /// Short, the same for phone and desktop: `Chrome`, `Edge`, `Googlebot`; `Other` if no rule matches.
    pub browser: String,
    /// `Windows`, `macOS`, `Android`, ... without a version.
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `tv` or `bot`.
    pub device_type: Option<&'static str>,
    pub is_bot: bool,
}

/// Real user agents have some 120 bytes. Text beyond this length carries no information and only costs time.
const MAX_CLASSIFIED_BYTES: usize = 1_024;

/// Compiling takes about 100 ms, in the first batch with a user agent; many sites send short names and never need it.
static RULES: LazyLock<Rules> = LazyLock::new(Rules::compile);
/// User agents already classified: matching hundreds of patterns takes a hundred times as long as a look-up.
static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

/// Whether a text is a user-agent string rather than the short name of a browser: it has a `product/version` or
/// a comment in parentheses.
pub(super) fn is_user_agent(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'/' | b'('))
}

/// Classifies a user-agent string by its first 1,024 bytes.
pub(super) fn classify(user_agent: &str) -> Arc<Agent> {
    let considered = beginning(user_agent, MAX_CLASSIFIED_BYTES);
    MEMO.get_or_insert_with(considered, || agent_of(considered))
}

/// At most `max_bytes` of `text`, cut between characters.
fn beginning(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

fn agent_of(user_agent: &str) -> Agent {
    let is_bot = device::is_bot(user_agent, &RULES);
    Agent {
        browser: RULES.browser(user_agent).unwrap_or_else(|| "Other".to_owned()),
        os: RULES.os(user_agent),
        device_type: if is_bot { Some("bot") } else { device::device_type(user_agent) },
        is_bot,
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
