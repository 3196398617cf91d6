//! Members of an event that have names which this version does not know.
//!
//! Promises their number, and a bounded part of their names; never a value. The names are a sender's text: they are short
//! and have no control characters, and nothing else is known of them.

/// The unknown members of one event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnknownFields {
    count: u32,
    /// Each name is followed by [`END`], so that an event with 50 of them costs one piece of memory.
    names: String,
}

/// A control character, so it is in no name.
const END: char = '\n';

impl UnknownFields {
    pub const MAX_NAMES: u32 = 50;
    pub const MAX_NAME_BYTES: usize = 64;

    /// One more member, with a name that need not be UTF-8.
    #[inline(never)]
    pub fn add(&mut self, name: &[u8]) {
        if self.count < Self::MAX_NAMES {
            let start = self.names.len();
            for character in String::from_utf8_lossy(name).chars() {
                let shown = if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
                if self.names.len() - start + shown.len_utf8() > Self::MAX_NAME_BYTES {
                    break;
                }
                self.names.push(shown);
            }
            self.names.push(END);
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many members are unknown. Of two with one name, both.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The names of the first [`UnknownFields::MAX_NAMES`] members, in the order sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.split_terminator(END)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sent: &[&[u8]]) -> Vec<String> {
        let mut fields = UnknownFields::default();
        sent.iter().for_each(|name| fields.add(name));
        assert_eq!(fields.count() as usize, sent.len());
        fields.names().map(str::to_owned).collect()
    }

    #[test]
    fn names_are_kept_in_order_and_twice_where_they_are_sent_twice() {
        assert_eq!(names(&[]), [""; 0]);
        assert_eq!(names(&[b""]), [""]);
        assert_eq!(names(&[b"b", b"", b"a", b"b"]), ["b", "", "a", "b"]);
    }

    #[test]
    fn a_name_is_cut_between_characters_and_has_no_control_characters() {
        let long = [b"a".repeat(63), "é".repeat(2).into_bytes()].concat();
        assert_eq!(names(&[&long]), ["a".repeat(63)]);
        assert_eq!(names(&[&b"x".repeat(64), &b"x".repeat(65)]), ["x".repeat(64), "x".repeat(64)]);
        assert_eq!(names(&["a\nb\u{7f}c\u{85}".as_bytes(), b"\xff"]), ["a\u{fffd}b\u{fffd}c\u{fffd}", "\u{fffd}"]);
        assert_eq!(names(&[&b"\n".repeat(100)]), ["\u{fffd}".repeat(21)], "as it is kept, within 64 bytes");
    }

    #[test]
    fn fifty_names_are_kept_and_all_members_counted() {
        let mut fields = UnknownFields::default();
        (0..60).for_each(|number: u32| fields.add(number.to_string().as_bytes()));
        assert_eq!((fields.count(), fields.names().count(), fields.names().last()), (60, 50, Some("49")));
    }
}
