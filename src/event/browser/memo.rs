//! Remembers answers, within bounds. Knows nothing of how they are found.

use super::Agent;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// User agents kept. A day of a large shop sees a few thousand; above, it starts anew, which costs milliseconds.
const MAX_ENTRIES: usize = 10_000;
/// A longer text is classified each time: with the entry limit this bounds the memory to about 7 MB.
const MAX_KEY_BYTES: usize = 512;

#[derive(Default)]
pub(super) struct Memo {
    known: Mutex<HashMap<Box<str>, Arc<Agent>>>,
}

impl Memo {
    /// The answer remembered for `user_agent`, else the one that `classify` gives. Holds no lock while it does.
    pub(super) fn get_or_insert_with(&self, user_agent: &str, classify: impl FnOnce() -> Agent) -> Arc<Agent> {
        if user_agent.len() > MAX_KEY_BYTES {
            return Arc::new(classify());
        }
        // A panic elsewhere cannot have left half an entry: inserting is the last step.
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
mod tests {
    use super::*;

    fn agent(name: &str) -> Agent {
        Agent { browser: name.to_owned(), os: None, device_type: None, is_bot: false }
    }

    #[test]
    fn asks_once_for_each_text() {
        let memo = Memo::default();
        memo.get_or_insert_with("a/1", || agent("A"));
        assert_eq!(memo.get_or_insert_with("a/1", || unreachable!("it is known")).browser, "A");
        assert_eq!(memo.get_or_insert_with("b/1", || agent("B")).browser, "B");
    }

    #[test]
    fn stays_within_its_bounds() {
        let memo = Memo::default();
        let long = "x".repeat(MAX_KEY_BYTES + 1);
        memo.get_or_insert_with(&long, || agent("long"));
        assert_eq!(memo.known.lock().unwrap().len(), 0);
        for number in 0..=MAX_ENTRIES {
            memo.get_or_insert_with(&number.to_string(), || agent("short"));
        }
        assert_eq!(memo.known.lock().unwrap().len(), 1);
    }
}
