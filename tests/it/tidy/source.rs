//! Rust files, read just well enough for the rules: which lines are product code, what they import, which texts they contain.

use std::path::Path;

/// A Rust file.
pub struct Source {
    /// `src/gold/merge.rs`.
    pub name: String,
    pub text: String,
    /// The text with comments, test items and the contents of literals replaced by spaces. Line breaks are kept.
    pub code: String,
    /// Line number and contents of each string literal outside of tests.
    pub literals: Vec<(usize, String)>,
    test_lines: usize,
}

impl Source {
    fn new(name: String, text: String) -> Self {
        let (mut code, mut literals) = without_comments_and_literals(&text);
        let tests = if is_test_file(&name) { vec![(0, code.len())] } else { test_items(&code) };
        for &(start, end) in &tests {
            let blank: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            code.replace_range(start..end, &blank);
        }
        literals.retain(|(at, _)| !tests.iter().any(|(start, end)| (start..end).contains(&at)));
        let literals = literals.into_iter().map(|(at, literal)| (line_at(&text, at), literal)).collect();
        let test_lines = tests.iter().map(|&(start, end)| text[start..end].lines().count()).sum();
        Source { name, text, code, literals, test_lines }
    }

    /// Whether all of the file is tests.
    pub fn is_test(&self) -> bool {
        is_test_file(&self.name)
    }

    /// Whether the file is below one of `rooms`, for example `gold/`.
    pub fn is_below(&self, rooms: &[&str]) -> bool {
        rooms.iter().any(|room| self.name.starts_with(room))
    }

    /// Lines without those of tests.
    pub fn length(&self) -> usize {
        match self.is_test() {
            true => 0,
            false => self.text.lines().count() - self.test_lines,
        }
    }
}

fn is_test_file(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("/tests.rs")
}

/// All Rust files below `folder`, in order.
pub fn rust_files(folder: &str) -> Vec<Source> {
    let files = files(folder, &["rs"]);
    files.into_iter().map(|(name, text)| Source::new(name, text)).collect()
}

/// Names and texts of all files below `folder` with one of these endings, in order. A folder that does not exist has none.
pub fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.is_file() && endings.contains(&ending.as_str()) {
                let text = std::fs::read_to_string(&path).expect("the file is text");
                found.push((name(&path), text));
            }
        }
    }
    found.sort();
    found
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The text with spaces for comments and for what is within quotes, byte for byte, and the string literals with their positions.
fn without_comments_and_literals(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let (mut code, mut literals, mut at) = (bytes.to_vec(), Vec::new(), 0);
    while at < bytes.len() {
        let rest = &text[at..];
        let token = Token::at(rest, at > 0 && is_word(bytes[at - 1]));
        let (open, close, length) = match token {
            Token::Comment(length) => (0, 0, length),
            Token::Quoted { open, close, length } => (open, close, length),
            Token::Other => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
        };
        let (start, end) = (at + open, at + length - close);
        if matches!(token, Token::Quoted { .. }) && bytes[start - 1] != b'\'' {
            literals.push((at, text[start..end].to_owned()));
        }
        code[start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at += length;
    }
    (String::from_utf8(code).expect("only whole characters are replaced"), literals)
}

enum Token {
    Comment(usize),
    /// `open` and `close` are the bytes of the quotes.
    Quoted {
        open: usize,
        close: usize,
        length: usize,
    },
    Other,
}

impl Token {
    /// What starts `rest`.
    fn at(rest: &str, is_within_word: bool) -> Self {
        if rest.starts_with("//") {
            return Token::Comment(rest.find('\n').unwrap_or(rest.len()));
        }
        if rest.starts_with("/*") {
            return Token::Comment(rest.find("*/").map_or(rest.len(), |end| end + 2));
        }
        if rest.starts_with('\'') {
            return char_literal(rest);
        }
        let prefix = if is_within_word { 0 } else { rest.len() - rest.trim_start_matches(['b', 'c']).len() };
        let after = &rest[prefix.min(1)..];
        if let Some(raw) = after.strip_prefix('r').filter(|_| !is_within_word) {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw[hashes..].starts_with('"') {
                let (open, end) = (prefix.min(1) + 2 + hashes, format!("\"{}", "#".repeat(hashes)));
                let length = rest[open..].find(&end).map_or(rest.len(), |at| open + at + end.len());
                return Token::Quoted { open, close: end.len(), length };
            }
        }
        if !after.starts_with('"') {
            return Token::Other;
        }
        let open = prefix.min(1) + 1;
        let length = end_of_quoted(&rest[open..], '"').map_or(rest.len(), |at| open + at);
        Token::Quoted { open, close: 1, length }
    }
}

/// `'a'`, and not the lifetime `'a`.
fn char_literal(rest: &str) -> Token {
    let mut characters = rest.chars().skip(1);
    let is_literal = match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    };
    match end_of_quoted(&rest[1..], '\'').filter(|_| is_literal) {
        Some(end) => Token::Quoted { open: 1, close: 1, length: end + 1 },
        None => Token::Other,
    }
}

/// The position after the closing quote.
fn end_of_quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return Some(at + quote.len_utf8()),
            _ => {}
        }
    }
    None
}

pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Start and end of each item under `#[cfg(test)]`, its attributes included.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (start, attribute) in code.match_indices("#[cfg(test)]") {
        let is_within = found.last().is_some_and(|(_, end)| start < *end);
        if !is_within {
            found.push((start, end_of_item(code, start + attribute.len())));
        }
    }
    found
}

fn end_of_item(code: &str, start: usize) -> usize {
    let mut at = start;
    // Further attributes.
    while code[at..].trim_start().starts_with("#[") {
        at += code[at..].find(']').map_or(code.len() - at, |end| end + 1);
    }
    let head = code[at..].trim_start().trim_start_matches("pub ");
    let ends_with_semicolon = ["use ", "static ", "const ", "extern "].iter().any(|word| head.starts_with(word));
    let mut depth = 0_usize;
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_end = depth == 0 && (byte == b';' || byte == b'}' && !ends_with_semicolon);
        if is_end {
            return at + offset + 1;
        }
    }
    code.len()
}

#[test]
fn test_items_are_cut_and_what_follows_them_is_kept() {
    let text = "mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"x\"]\npub use a::{b, c};\nfn kept() { \"}\" }\n\
                #[cfg(test)]\nmod tests {\n    fn cut() { '{'; }\n}\nfn also_kept() {}\n";
    let source = Source::new("src/x.rs".into(), text.into());
    let kept: Vec<&str> = source.code.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(kept, ["mod a;", "fn kept() { \" \" }", "fn also_kept() {}"]);
    assert_eq!(source.literals, [(7, "}".to_owned())]);
    assert_eq!(source.length(), 3);
}

#[test]
fn literals_and_comments_are_told_apart() {
    let text =
        "let a = \"// \\\" text\"; // \"comment\"\nlet b = r#\"raw \" text\"#; let c: &'a str = b\"bytes\"; '\"'";
    let literals: Vec<String> =
        Source::new("src/x.rs".into(), text.into()).literals.into_iter().map(|(_, l)| l).collect();
    assert_eq!(literals, ["// \\\" text", "raw \" text", "bytes"]);
}
