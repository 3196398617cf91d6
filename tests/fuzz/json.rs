//! Mutations that mostly leave JSON JSON: a value for another one, members and elements twice or gone, values wrapped,
//! and all of it again inside strings that hold JSON or base64.

use super::chance::Chance;
use super::dictionary::{NAMES, VALUES};
use super::mutation;
use super::token::{Token, tokens};
use base64_simd::STANDARD;

/// Tokens looked at; what lies behind is changed by other mutations.
const MOST_TOKENS: usize = 2_000;
/// Strings in strings.
const MOST_LAYERS: usize = 3;

/// `json` with one change; `donor` is another input of the target.
pub fn mutate(json: &[u8], donor: &[u8], chance: &mut Chance) -> Vec<u8> {
    within(json, donor, chance, MOST_LAYERS)
}

fn within(json: &[u8], donor: &[u8], chance: &mut Chance, layers: usize) -> Vec<u8> {
    let found = tokens(json, MOST_TOKENS);
    let Some(&token) = chance.pick(&found) else { return json.to_vec() };
    let text = &json[token.start..token.end];
    if layers > 0 && text.len() > 8 && text[0] == b'"' && !chance.one_in(4) {
        return spliced(json, token, &inside_string(text, donor, chance, layers - 1));
    }
    match chance.below(8) {
        0..=2 => {
            let value = chance.pick(VALUES).copied().unwrap_or_default();
            spliced(json, token, value)
        }
        3 => {
            let other = chance.pick(&found).copied().unwrap_or(token);
            spliced(json, token, &json[other.start..other.end])
        }
        4 => {
            let theirs = tokens(donor, MOST_TOKENS);
            let other = chance.pick(&theirs).map_or(&b"null"[..], |other| &donor[other.start..other.end]);
            spliced(json, token, other)
        }
        5 => spliced(json, token, &repeated(text, chance)),
        6 => spliced(json, token, &wrapped(text, chance)),
        _ => renamed_or_removed(json, token, chance),
    }
}

/// The string `quoted` with a change to what it holds: base64 of JSON, JSON, or any text.
fn inside_string(quoted: &[u8], donor: &[u8], chance: &mut Chance, layers: usize) -> Vec<u8> {
    let Ok(content) = serde_json::from_slice::<String>(quoted) else { return quoted.to_vec() };
    let decoded = (content.len() > 16).then(|| STANDARD.decode_to_vec(content.as_bytes()).ok()).flatten();
    let changed = match decoded {
        Some(body) => STANDARD.encode_to_string(within(&body, donor, chance, layers)),
        None if content.starts_with(['[', '{', '"']) => {
            String::from_utf8_lossy(&within(content.as_bytes(), donor, chance, layers)).into_owned()
        }
        None => {
            let mut bytes = content.into_bytes();
            mutation::change_bytes(&mut bytes, donor, chance);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    serde_json::to_vec(&changed).expect("a string is JSON")
}

fn spliced(json: &[u8], token: Token, new: &[u8]) -> Vec<u8> {
    [&json[..token.start], new, &json[token.end..]].concat()
}

/// `text` several times, as elements of one list would stand; mostly a few, now and then very many.
fn repeated(text: &[u8], chance: &mut Chance) -> Vec<u8> {
    let times = match chance.below(64) {
        0 => 1_200,
        1..=8 => 40,
        _ => 2 + chance.below(3),
    };
    vec![text; times].join(&b","[..])
}

/// `text` in a list, an object, a string, or very many lists.
fn wrapped(text: &[u8], chance: &mut Chance) -> Vec<u8> {
    match chance.below(8) {
        0 => [&b"{\"a\":"[..], text, b"}"].concat(),
        1 => {
            let depth = [31, 32, 33, 127, 128, 129, 3_000][chance.below(7)];
            [&b"[".repeat(depth)[..], text, &b"]".repeat(depth)].concat()
        }
        2..=4 => serde_json::to_vec(&String::from_utf8_lossy(text)).expect("a string is JSON"),
        _ => [&b"["[..], text, b"]"].concat(),
    }
}

fn renamed_or_removed(json: &[u8], token: Token, chance: &mut Chance) -> Vec<u8> {
    if chance.one_in(2) {
        let name = chance.pick(NAMES).copied().unwrap_or_default();
        return spliced(json, token, &[b"\"", name, b"\""].concat());
    }
    let end = token.end + usize::from(json.get(token.end).is_some_and(|byte| matches!(byte, b',' | b':')));
    spliced(json, Token { end, ..token }, b"")
}
