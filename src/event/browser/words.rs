//! Finds which of many words occur in a text, in whatever case, so that few rules are tried on it.
//!
//! The time is linear in the length of the text. Knows nothing of rules but their numbers.

/// The letters that a word is looked up by. No word is shorter.
const KEY_LETTERS: usize = 3;

/// Words in lower case, each with the number of its rule.
pub(super) struct WordIndex {
    /// In ascending order.
    entries: Vec<(&'static str, usize)>,
    /// Whether a word may start with the letters that have this hash. At most places of a text none does.
    starts: Box<[bool; 1 << HASH_BITS]>,
}

const HASH_BITS: u32 = 13;

impl WordIndex {
    /// Words are ASCII in lower case, and at least three letters long.
    pub(super) fn new(mut entries: Vec<(&'static str, usize)>) -> WordIndex {
        entries.sort_unstable();
        let mut starts = Box::new([false; 1 << HASH_BITS]);
        for (word, _) in &entries {
            starts[hash(key_of(word))] = true;
        }
        WordIndex { entries, starts }
    }

    /// The numbers of the rules of which a word occurs, each once, in ascending order.
    pub(super) fn rules_with_a_word_in(&self, text: &str) -> Vec<usize> {
        let text = text.to_ascii_lowercase();
        let mut rules = Vec::new();
        for at in 0..text.len().saturating_sub(KEY_LETTERS - 1) {
            let rest = &text.as_bytes()[at..];
            let key = &rest[..KEY_LETTERS];
            if !self.starts[hash(key)] {
                continue;
            }
            let first = self.entries.partition_point(|(word, _)| key_of(word) < key);
            let same_key = self.entries[first..].iter().take_while(|(word, _)| key_of(word) == key);
            rules.extend(same_key.filter(|(word, _)| rest.starts_with(word.as_bytes())).map(|(_, rule)| *rule));
        }
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

fn key_of(word: &str) -> &[u8] {
    &word.as_bytes()[..KEY_LETTERS.min(word.len())]
}

fn hash(key: &[u8]) -> usize {
    let hash = key.iter().fold(0_u32, |hash, byte| (hash << 5).wrapping_add(hash) ^ u32::from(*byte));
    (hash & ((1 << HASH_BITS) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_anywhere_in_any_case() {
        let index = WordIndex::new(vec![("safari", 2), ("chrome/", 1), ("chr", 0), ("chrome/", 7)]);
        assert_eq!(index.rules_with_a_word_in("Safari CHROME/1"), [0, 1, 2, 7]);
        assert_eq!(index.rules_with_a_word_in("chrom"), [0]);
        assert_eq!(index.rules_with_a_word_in("ch"), [0; 0]);
        assert_eq!(index.rules_with_a_word_in("häßlich"), [0; 0]);
        assert_eq!(WordIndex::new(Vec::new()).rules_with_a_word_in("chrome"), [0; 0]);
    }
}
