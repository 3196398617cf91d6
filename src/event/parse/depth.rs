//! How deep JSON is nested, before any parser looks at it.
//!
//! One pass, no recursion. Takes any bytes: of those that are not JSON it gives some answer, and the parser the reason.

/// Whether more than `max_depth` objects and lists are open at one time.
pub(super) fn exceeds(json: &[u8], max_depth: usize) -> bool {
    // Most events have fewer brackets than they may be deep, and those are counted many bytes at a time.
    openings(json) > max_depth && deepest(json) > max_depth
}

/// How many objects and lists begin, those within strings included. Summing bytes in chunks lets it be vectorised.
fn openings(json: &[u8]) -> usize {
    let in_chunk = |chunk: &[u8]| chunk.iter().map(|&byte| u8::from(opens(byte))).sum::<u8>();
    json.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(in_chunk(chunk))).sum()
}

fn deepest(json: &[u8]) -> usize {
    let mut bytes = json.iter();
    let (mut depth, mut deepest) = (0_usize, 0);
    while let Some(&byte) = bytes.next() {
        if byte == b'"' {
            skip_string(&mut bytes);
        } else if opens(byte) {
            depth += 1;
            deepest = deepest.max(depth);
        } else if matches!(byte, b'}' | b']') {
            depth = depth.saturating_sub(1);
        }
    }
    deepest
}

/// `{` and `[` differ in one bit.
fn opens(byte: u8) -> bool {
    byte | 0x20 == b'{'
}

/// To behind the closing quote.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_open_at_one_time() {
        let cases = [
            ("", 0),
            ("1", 0),
            ("{}", 1),
            ("[[],[],[[]]]", 3),
            (r#"{"a":{"b":[1]}}"#, 3),
            (r#"{"a":"{{{{[[[["}"#, 1),
            (r#"{"a":"\"[[[","b":"\\","c":[]}"#, 2),
            (r#"{"a":"[[["#, 1),
            (r#""\"#, 0),
            ("]]]}}}[", 1),
        ];
        for (json, expected) in cases {
            assert_eq!(deepest(json.as_bytes()), expected, "{json}");
            assert!(!exceeds(json.as_bytes(), expected), "{json}");
        }
    }

    #[test]
    fn a_million_brackets_are_no_matter() {
        assert!(exceeds(&vec![b'['; 1 << 20], 32));
        assert!(!exceeds(&b"[]".repeat(1 << 19), 1));
    }
}
