//! Changes that mostly leave JSON valid: another value, members and elements repeated or removed, values wrapped, and
//! the same within strings that hold JSON or base64.

use super::bytes::{self, Rng};
use super::dictionary::{NAMES, VALUES};
use base64_simd::STANDARD;

/// Tokens considered; the rest of an input is changed by other mutations.
const MAX_TOKENS: usize = 2_000;
/// Levels of JSON or base64 within strings.
const MAX_LAYERS: usize = 3;

/// `json` with one change; `donor` is another input of the target.
pub fn change(json: &[u8], donor: &[u8], rng: &mut Rng) -> Vec<u8> {
    within(json, donor, rng, MAX_LAYERS)
}

fn within(json: &[u8], donor: &[u8], rng: &mut Rng, layers: usize) -> Vec<u8> {
    let found = tokens(json, MAX_TOKENS);
    let Some(&token) = rng.pick(&found) else { return json.to_vec() };
    let text = &json[token.start..token.end];
    if layers > 0 && text.len() > 8 && text[0] == b'"' && !rng.one_in(4) {
        return spliced(json, token, &inside_string(text, donor, rng, layers - 1));
    }
    match rng.below(8) {
        0..=2 => {
            let value = rng.pick(VALUES).copied().unwrap_or_default();
            spliced(json, token, value)
        }
        3 => {
            let other = rng.pick(&found).copied().unwrap_or(token);
            spliced(json, token, &json[other.start..other.end])
        }
        4 => {
            let theirs = tokens(donor, MAX_TOKENS);
            let other = rng.pick(&theirs).map_or(&b"null"[..], |other| &donor[other.start..other.end]);
            spliced(json, token, other)
        }
        5 => spliced(json, token, &repeated(text, rng)),
        6 => spliced(json, token, &wrapped(text, rng)),
        _ => renamed_or_removed(json, token, rng),
    }
}

/// The string `quoted` with a change to its content: base64 of JSON, JSON, or any text.
fn inside_string(quoted: &[u8], donor: &[u8], rng: &mut Rng, layers: usize) -> Vec<u8> {
    let Ok(content) = serde_json::from_slice::<String>(quoted) else { return quoted.to_vec() };
    let decoded = (content.len() > 16).then(|| STANDARD.decode_to_vec(content.as_bytes()).ok()).flatten();
    let changed = match decoded {
        Some(body) => STANDARD.encode_to_string(within(&body, donor, rng, layers)),
        None if content.starts_with(['[', '{', '"']) => {
            String::from_utf8_lossy(&within(content.as_bytes(), donor, rng, layers)).into_owned()
        }
        None => {
            let mut bytes = content.into_bytes();
            bytes::change(&mut bytes, donor, rng);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    serde_json::to_vec(&changed).expect("a string is JSON")
}

fn spliced(json: &[u8], token: Token, new: &[u8]) -> Vec<u8> {
    [&json[..token.start], new, &json[token.end..]].concat()
}

/// `text` repeated like the elements of a list, mostly a few times, sometimes very often.
fn repeated(text: &[u8], rng: &mut Rng) -> Vec<u8> {
    let times = match rng.below(64) {
        0 => 1_200,
        1..=8 => 40,
        _ => 2 + rng.below(3),
    };
    vec![text; times].join(&b","[..])
}

/// `text` in a list, an object, a string, or very many nested lists.
fn wrapped(text: &[u8], rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => [&b"{\"a\":"[..], text, b"}"].concat(),
        1 => {
            let depth = [31, 32, 33, 127, 128, 129, 3_000][rng.below(7)];
            [&b"[".repeat(depth)[..], text, &b"]".repeat(depth)].concat()
        }
        2..=4 => serde_json::to_vec(&String::from_utf8_lossy(text)).expect("a string is JSON"),
        _ => [&b"["[..], text, b"]"].concat(),
    }
}

fn renamed_or_removed(json: &[u8], token: Token, rng: &mut Rng) -> Vec<u8> {
    if rng.one_in(2) {
        let name = rng.pick(NAMES).copied().unwrap_or_default();
        return spliced(json, token, &[b"\"", name, b"\""].concat());
    }
    let end = token.end + usize::from(json.get(token.end).is_some_and(|byte| matches!(byte, b',' | b':')));
    spliced(json, Token { end, ..token }, b"")
}

/// A value or a name. `end` is the position after its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    start: usize,
    end: usize,
}

/// The strings, numbers and words of `json`, and the lists and objects whose brackets match; at most `max` of them. Any
/// bytes are accepted.
fn tokens(json: &[u8], max: usize) -> Vec<Token> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while at < json.len() && found.len() < max {
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

/// The position after the quote that closes the one at `start`, or the end.
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
