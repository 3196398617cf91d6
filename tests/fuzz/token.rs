//! JSON's tokens in any bytes: of those that are not JSON it finds some.

/// A value or a name: from its first byte to behind its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub start: usize,
    pub end: usize,
}

/// The strings, numbers, words, lists and objects of `json` in which brackets match, at most `most` of them.
pub fn tokens(json: &[u8], most: usize) -> Vec<Token> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while at < json.len() && found.len() < most {
        let start = at;
        match json[at] {
            b'"' => at = end_of_string(json, at),
            b'[' | b'{' => {
                open.push(at);
                at += 1;
                continue;
            }
            b']' | b'}' => {
                at += 1;
                if let Some(start) = open.pop() {
                    found.push(Token { start, end: at });
                }
                continue;
            }
            byte if is_plain(byte) => {
                while at < json.len() && is_plain(json[at]) {
                    at += 1;
                }
            }
            _ => {
                at += 1;
                continue;
            }
        }
        found.push(Token { start, end: at });
    }
    found
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Behind the quote that closes the one at `start`, or the end.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}
