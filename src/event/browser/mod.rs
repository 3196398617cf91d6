//! Which browser, system and kind of device a user agent stands for, and whether it is a bot.
//!
//! The rules are those of uap-core (see `README.md` beside this file), compiled at the first user agent and not
//! before: starting the process costs nothing. Knows no versions and no device models.

mod device;
mod memo;
mod names;
mod tables;

use memo::Memo;
use std::sync::{Arc, LazyLock};
use tables::Tables;

pub use names::is_bot_name;

/// What a user-agent string says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Short, the same for phone and desktop: `Chrome`, `Edge`, `Googlebot`; `Other` for one that no rule knows.
    pub browser: String,
    /// `Windows`, `macOS`, `Android`, ... without a version.
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `tv` or `bot`.
    pub device_type: Option<&'static str>,
    pub is_bot: bool,
}

/// Real user agents have some 120 bytes; what a sender puts behind these says nothing and would only cost time.
const MAX_CLASSIFIED_BYTES: usize = 1_024;

/// Compiling takes about 100 ms, in the first batch that has a user agent; many sites send short names and never do.
static TABLES: LazyLock<Tables> = LazyLock::new(Tables::compile);
/// What has been classified already: matching hundreds of patterns takes a hundred times as long as a look-up.
static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

/// Whether a text is a user-agent string rather than the short name of a browser: it has a `product/version` or
/// a comment in parentheses.
pub fn is_user_agent(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'/' | b'('))
}

/// Classifies a user-agent string. The answer depends on nothing but the text's first 1,024 bytes.
pub fn classify(user_agent: &str) -> Arc<Agent> {
    let considered = beginning(user_agent, MAX_CLASSIFIED_BYTES);
    MEMO.get_or_insert_with(considered, || agent_of(considered))
}

/// At most `max_bytes` of `text`, cut between characters.
fn beginning(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

fn agent_of(user_agent: &str) -> Agent {
    let is_bot = device::is_bot(user_agent, &TABLES);
    Agent {
        browser: TABLES.browser_family(user_agent).map_or("Other".to_owned(), |family| names::short_name(&family)),
        os: TABLES.os_family(user_agent).map(|family| names::os_name(&family)),
        device_type: if is_bot { Some("bot") } else { device::device_type(user_agent) },
        is_bot,
    }
}

#[cfg(test)]
mod tests;
