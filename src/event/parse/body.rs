//! The body as text that is safe to hand to a JSON parser.
//!
//! Nesting is measured before parsing, in one pass without recursion, so that no body can overflow the stack of a
//! parser that recurses. Knows nothing of JSON but its brackets and strings: bytes that are not JSON get some depth,
//! and the JSON parser rejects them later.

use super::limits::Limits;
use crate::event::reject::{Reject, RejectReason};

/// The body as text, without its byte order mark. Rejects one that is too long, not UTF-8, or nested too deep.
pub(super) fn checked<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, Reject> {
    if body.len() > limits.max_body_bytes {
        let detail = format!("the body has {} bytes, more than {}", body.len(), limits.max_body_bytes);
        return Err(Reject::new(RejectReason::BodyTooLarge, detail));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Reject::new(RejectReason::NotUtf8, detail)
    })?;
    if is_deeper_than(text.as_bytes(), limits.max_depth) {
        let detail = format!("the body has more than {} objects and lists within each other", limits.max_depth);
        return Err(Reject::new(RejectReason::NestingTooDeep, detail));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Whether more than `max_depth` objects and lists are open at one time.
fn is_deeper_than(json: &[u8], max_depth: usize) -> bool {
    // Most events have fewer brackets than `max_depth`, and counting brackets reads many bytes at a time.
    openings(json) > max_depth && deepest(json) > max_depth
}

/// How many brackets open, those within strings included. Summing bytes in chunks lets the compiler vectorise it.
fn openings(json: &[u8]) -> usize {
    let in_chunk = |chunk: &[u8]| chunk.iter().map(|&byte| u8::from(opens(byte))).sum::<u8>();
    json.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(in_chunk(chunk))).sum()
}

/// The largest number of objects and lists that are open at one time.
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

/// Whether a byte is `{` or `[`, which differ in one bit.
fn opens(byte: u8) -> bool {
    byte | 0x20 == b'{'
}

/// Advances past the closing quote.
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
            assert!(!is_deeper_than(json.as_bytes(), expected), "{json}");
        }
    }

    #[test]
    fn a_million_brackets_do_not_overflow_the_stack() {
        assert!(is_deeper_than(&vec![b'['; 1 << 20], 32));
        assert!(!is_deeper_than(&b"[]".repeat(1 << 19), 1));
    }
}
