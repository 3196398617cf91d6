//! JSON files as the Functions host reads them: a byte order mark, comments and trailing commas are fine.

use serde::de::DeserializeOwned;

/// Reads `text` as `T`.
///
/// # Errors
/// What is wrong with the JSON, with line and column of the file as it is on disk.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(&strict(text.trim_start_matches('\u{feff}')))
}

/// Blanks out what strict JSON does not allow, so that positions in error messages stay true.
fn strict(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut pending_comma = None;
    let mut at = 0;
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        at = match bytes[at] {
            b'"' => {
                pending_comma = None;
                end_of_string(&bytes, at)
            }
            b'/' if next == Some(b'/') => blank(&mut bytes, at, b"\n"),
            b'/' if next == Some(b'*') => blank(&mut bytes, at, b"*/"),
            b',' => {
                pending_comma = Some(at);
                at + 1
            }
            b']' | b'}' => {
                if let Some(comma) = pending_comma.take() {
                    bytes[comma] = b' ';
                }
                at + 1
            }
            byte => {
                pending_comma = pending_comma.filter(|_| byte.is_ascii_whitespace());
                at + 1
            }
        };
    }
    // Only whole comments and commas were replaced, by ASCII.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn end_of_string(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// Overwrites the comment at `start` with spaces, keeping line ends, and returns the position behind it.
fn blank(bytes: &mut [u8], start: usize, terminator: &[u8]) -> usize {
    let length = bytes[start + 2..].windows(terminator.len()).position(|window| window == terminator);
    let end = length.map_or(bytes.len(), |length| start + 2 + length + terminator.len());
    for byte in &mut bytes[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn marks_comments_and_trailing_commas_are_accepted() {
        let text = "\u{feff}{ // first, }\n \"a\": [1, 2, /* three, */ ],\n \"url\": \"http://x/*,}\\\"//\", }";
        assert_eq!(parse::<Value>(text).unwrap(), json!({"a": [1, 2], "url": "http://x/*,}\"//"}));
    }

    #[test]
    fn errors_keep_their_position() {
        let error = parse::<Value>("{ /* one\n two */ \"a\" 1 }").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, 13));
        assert!(parse::<Value>("[1 2]").is_err());
    }
}
