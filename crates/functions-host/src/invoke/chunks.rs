//! Cuts a body into the chunks the host sends it in: one for every 1,024 UTF-16 code units, wherever that falls.

use bytes::Bytes;

const UNITS_PER_CHUNK: usize = 1_024;

/// The chunks of a UTF-8 text, lazily and without copying.
pub fn chunks(body: Bytes) -> impl Iterator<Item = Bytes> + Send {
    let mut rest = body;
    // A surrogate pair across a boundary goes to the next chunk as a whole, which then has one unit more.
    let mut units_owed = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (length, owed) = chunk_length(&rest, UNITS_PER_CHUNK + units_owed);
        units_owed = owed;
        Some(rest.split_to(length))
    })
}

/// The bytes of the first `units` code units, and how many units were left out because they are half a character.
fn chunk_length(text: &[u8], units: usize) -> (usize, usize) {
    if text.len() <= units || text[..units].is_ascii() {
        return (units.min(text.len()), 0);
    }
    let mut length = 0;
    let mut left = units;
    while length < text.len() {
        let (bytes, units) = match text[length] {
            0x00..=0x7f => (1, 1),
            0x80..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            0xf0..=0xff => (4, 2),
        };
        if units > left {
            break;
        }
        length += bytes;
        left -= units;
    }
    (length.min(text.len()), if length < text.len() { left } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Vec<usize> {
        let chunks: Vec<Bytes> = chunks(Bytes::from(text.to_owned())).collect();
        assert_eq!(chunks.concat(), text.as_bytes());
        assert!(chunks.iter().all(|chunk| std::str::from_utf8(chunk).is_ok()));
        chunks.iter().map(Bytes::len).collect()
    }

    #[test]
    fn chunks_are_counted_in_utf16_units() {
        assert_eq!(lengths(""), [0; 0]);
        assert_eq!(lengths(&"a".repeat(2_100)), [1_024, 1_024, 52]);
        assert_eq!(lengths(&("ż".to_owned() + &"a".repeat(2_100))), [1_025, 1_024, 53]);
        assert_eq!(lengths(&("a".repeat(1_023) + "😀" + &"a".repeat(1_023))), [1_023, 4 + 1_023]);
        assert_eq!(lengths(&"😀".repeat(512)), [2_048]);
    }
}
