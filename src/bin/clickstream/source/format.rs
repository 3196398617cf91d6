//! What a file is, by its first bytes: text with events, something compressed, or something else, with its name and the command
//! that makes text of it.
//!
//! Promises that what cannot hold an event is recognised before anything is written. Does not open or unpack files.

use super::index::{BYTE_ORDER_MARK, Layout};
use super::values::{Step, ValueScanner};
use chrono::{SecondsFormat, Utc};
use std::collections::BTreeMap;

/// What starts with certain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Gzip,
    Zstd,
    Events(Layout),
    Foreign(Foreign),
}

/// A format that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Csv,
    Parquet,
    Avro,
    Orc,
    Arrow,
    Sqlite,
    Excel,
    Zip,
    SevenZip,
    Tar,
    Bzip2,
    Xz,
    Lz4,
    /// Its encoding, as `iconv` names it.
    Wide(&'static str),
    Markup,
    Binary,
    Folder,
}

const SIGNATURES: &[(&[u8], Found)] = &[
    (b"\x1f\x8b", Found::Gzip),
    (b"\x28\xb5\x2f\xfd", Found::Zstd),
    (b"PAR1", Found::Foreign(Foreign::Parquet)),
    (b"Obj\x01", Found::Foreign(Foreign::Avro)),
    (b"ORC", Found::Foreign(Foreign::Orc)),
    (b"ARROW1", Found::Foreign(Foreign::Arrow)),
    (b"SQLite format 3\0", Found::Foreign(Foreign::Sqlite)),
    (b"PK\x03\x04", Found::Foreign(Foreign::Zip)),
    (b"7z\xbc\xaf\x27\x1c", Found::Foreign(Foreign::SevenZip)),
    (b"BZh", Found::Foreign(Foreign::Bzip2)),
    (b"\xfd7zXZ\0", Found::Foreign(Foreign::Xz)),
    (b"\x04\x22\x4d\x18", Found::Foreign(Foreign::Lz4)),
    (b"\xff\xfe\0\0", Found::Foreign(Foreign::Wide("UTF-32"))),
    (b"\0\0\xfe\xff", Found::Foreign(Foreign::Wide("UTF-32"))),
    (b"\xff\xfe", Found::Foreign(Foreign::Wide("UTF-16"))),
    (b"\xfe\xff", Found::Foreign(Foreign::Wide("UTF-16"))),
];

/// Where a tar archive says that it is one.
const TAR_AT: usize = 257;

/// What `head` is the beginning of. `None` when that takes more bytes, of which there are no more if `is_whole`.
pub fn detect(head: &[u8], is_whole: bool) -> Option<Found> {
    let starts = |(signature, _): &&(&[u8], Found)| head.starts_with(signature);
    let may_start = |(signature, _): &(&[u8], Found)| signature.len() > head.len() && signature.starts_with(head);
    if !is_whole && SIGNATURES.iter().any(may_start) {
        return None;
    }
    if let Some((_, found)) = SIGNATURES.iter().find(starts) {
        return Some(match found {
            Found::Foreign(Foreign::Zip) if contains(head, b"[Content_Types].xml") => Found::Foreign(Foreign::Excel),
            found => *found,
        });
    }
    match head {
        [1..=255, 0, 1..=255, 0, ..] => return Some(Found::Foreign(Foreign::Wide("UTF-16LE"))),
        [0, 1..=255, 0, 1..=255, ..] => return Some(Found::Foreign(Foreign::Wide("UTF-16BE"))),
        _ if head.len() < 4 && !is_whole => return None,
        _ => {}
    }
    let mut lines = Lines { rest: head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head), is_whole };
    let Some(line) = lines.next() else { return is_whole.then_some(Found::Events(Layout::Lines)) };
    if head.iter().take(line.as_ptr() as usize - head.as_ptr() as usize + line.len()).any(|&byte| byte == 0) {
        let is_tar = head.get(TAR_AT..).is_some_and(|rest| rest.starts_with(b"ustar"));
        return Some(Found::Foreign(if is_tar { Foreign::Tar } else { Foreign::Binary }));
    }
    match line.trim_ascii_start() {
        [b'{', ..] => layout_of_object(line, lines).map(Found::Events),
        [b'[', rest @ ..] => layout_of_list(rest, lines).map(Found::Events),
        [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..] => Some(Found::Foreign(Foreign::Markup)),
        _ => Some(if is_csv(line, lines)? { Found::Foreign(Foreign::Csv) } else { Found::Events(Layout::Lines) }),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The lines of a head that are not blank.
struct Lines<'a> {
    rest: &'a [u8],
    is_whole: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    /// The next line, with its end. `None` also where the head ends within the line, unless there is no more.
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let length = match self.rest.iter().position(|&byte| byte == b'\n') {
                Some(end) => end + 1,
                None if self.is_whole && !self.rest.is_empty() => self.rest.len(),
                None => return None,
            };
            let (line, rest) = self.rest.split_at(length);
            self.rest = rest;
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
    }
}

/// How far the first value of a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    WithinLine,
    /// Another object follows it on the line.
    BeforeAnother,
    BeyondLine,
    NotJson,
}

fn extent(line: &[u8]) -> Extent {
    let mut scanner = ValueScanner::default();
    let line = line.trim_ascii_start();
    for (at, &byte) in line.iter().enumerate() {
        match scanner.step(byte) {
            Step::Inside => {}
            Step::Last if line[at + 1..].trim_ascii_start().starts_with(b"{") => return Extent::BeforeAnother,
            Step::Last | Step::Ended => return Extent::WithinLine,
            Step::Broken => return Extent::NotJson,
        }
    }
    // A line without an end is the last one, or longer than anybody looks.
    if line.ends_with(b"\n") { Extent::BeyondLine } else { Extent::NotJson }
}

/// Values one after another have two of them on the first line, or start with a line that ends within a value and with one that
/// continues it. Otherwise the first line is just an event that was cut off.
fn layout_of_object(line: &[u8], mut lines: Lines) -> Option<Layout> {
    match extent(line) {
        Extent::WithinLine | Extent::NotJson => return Some(Layout::Lines),
        Extent::BeforeAnother => return Some(Layout::Values),
        Extent::BeyondLine => {}
    }
    match lines.next() {
        Some(next) if next.starts_with(b"{") && extent(next) == Extent::WithinLine => Some(Layout::Lines),
        Some(_) => Some(Layout::Values),
        None => lines.is_whole.then_some(Layout::Lines),
    }
}

/// A list of objects, as `rest` and the lines after it show. Others are not events, and neither are lines of a log that start
/// with a bracket.
fn layout_of_list(rest: &[u8], mut lines: Lines) -> Option<Layout> {
    let first = match rest.trim_ascii_start().first() {
        Some(first) => Some(first),
        None => lines.next().and_then(|line| line.trim_ascii_start().first()),
    };
    match first {
        Some(b'{' | b']') => Some(Layout::Values),
        Some(_) => Some(Layout::Lines),
        None => lines.is_whole.then_some(Layout::Lines),
    }
}

/// Whether the first line is a header with names of members, or as many cells as the second line has. `None` when that takes a
/// second line.
fn is_csv(line: &[u8], mut lines: Lines) -> Option<bool> {
    let members: BTreeMap<String, String> = serde_json::from_str(&example_event()).unwrap_or_default();
    let of = |line: &[u8]| String::from_utf8_lossy(line).trim().to_owned();
    let header = of(line);
    let tables: Vec<(char, Vec<&str>)> = [',', ';', '\t', '|']
        .into_iter()
        .map(|separator| (separator, cells(&header, separator)))
        .filter(|(_, cells)| cells.len() > 1)
        .collect();
    let has_names = |(_, cells): &(char, Vec<&str>)| {
        cells.iter().filter(|cell| members.contains_key(&cell.trim_matches(['"', ' ']).to_lowercase())).count() > 1
    };
    if tables.is_empty() || tables.iter().any(has_names) {
        return Some(!tables.is_empty());
    }
    let Some(next) = lines.next().map(of) else { return lines.is_whole.then_some(false) };
    let is_name = |cell: &&str| {
        let cell = cell.trim_matches(['"', ' ']);
        cell.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && cell.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c))
    };
    let matches = |(separator, header): &(char, Vec<&str>)| {
        cells(&next, *separator).len() == header.len() && (header.len() > 2 || header.iter().all(is_name))
    };
    Some(!next.starts_with(['{', '[']) && tables.iter().any(matches))
}

/// The cells of a line; a separator within quotes is text.
fn cells(line: &str, separator: char) -> Vec<&str> {
    let mut is_quoted = false;
    line.split(|c| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    })
    .collect()
}

/// One event with the members that are required, as of now.
pub fn example_event() -> String {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(r#"{{"user_id": "u-17", "session_id": "s-1", "timestamp": "{now}", "event_type": "page_view"}}"#)
}

/// What an event looks like, for a person who has sent something else.
pub fn what_an_event_is() -> String {
    format!("an event is one JSON object with at least these members:\n{}", example_event())
}

impl Foreign {
    pub fn name(self) -> &'static str {
        match self {
            Foreign::Csv => "CSV, a table as text",
            Foreign::Parquet => "a Parquet file",
            Foreign::Avro => "an Avro file",
            Foreign::Orc => "an ORC file",
            Foreign::Arrow => "an Arrow file",
            Foreign::Sqlite => "an SQLite database",
            Foreign::Excel => "an Excel workbook or another Office document",
            Foreign::Zip => "a zip archive",
            Foreign::SevenZip => "a 7z archive",
            Foreign::Tar => "a tar archive",
            Foreign::Bzip2 => "compressed with bzip2",
            Foreign::Xz => "compressed with xz",
            Foreign::Lz4 => "compressed with lz4",
            Foreign::Wide("UTF-32") => "text in UTF-32",
            Foreign::Wide(_) => "text in UTF-16",
            Foreign::Markup => "HTML or XML",
            Foreign::Binary => "binary data",
            Foreign::Folder => "a folder",
        }
    }

    /// The command that makes events of `file`, where there is one; `head` are its first bytes.
    pub fn command(self, file: &str, head: &[u8]) -> Option<String> {
        let is_plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
        let file = if is_plain && file != "-" { file } else { "FILE" };
        let duckdb = |read: String| Some(format!("duckdb -c \"COPY (FROM {read}) TO 'events.ndjson' (FORMAT json)\""));
        let piped = |command: String| Some(format!("{command} | clickstream local --input - --drain"));
        match self {
            Foreign::Csv => duckdb(format!("read_csv('{file}', all_varchar = true)")),
            Foreign::Parquet => duckdb(format!("read_parquet('{file}')")),
            // Event Hubs Capture keeps the bytes of each event in `Body`.
            Foreign::Avro if contains(head, b"\"Body\"") => Some(format!(
                "python3 -c \"import fastavro, sys; [sys.stdout.buffer.write(event['Body'] + b'\\n') for event in \
                 fastavro.reader(open('{file}', 'rb'))]\" > events.ndjson"
            )),
            Foreign::Avro => Some(format!("fastavro {file} > events.ndjson")),
            Foreign::Excel => Some(format!(
                "duckdb -c \"INSTALL excel; LOAD excel; COPY (FROM read_xlsx('{file}', all_varchar = true)) TO \
                 'events.ndjson' (FORMAT json)\""
            )),
            Foreign::Zip => piped(format!("unzip -p {file}")),
            Foreign::SevenZip => piped(format!("7z e -so {file}")),
            Foreign::Tar => piped(format!("tar -xOf {file}")),
            Foreign::Bzip2 => piped(format!("bzip2 -dc {file}")),
            Foreign::Xz => piped(format!("xz -dc {file}")),
            Foreign::Lz4 => piped(format!("lz4 -dc {file}")),
            Foreign::Folder => piped(format!("cat {}/*", file.trim_end_matches('/'))),
            Foreign::Wide(encoding) => Some(format!("iconv -f {encoding} -t UTF-8 {file} > events.ndjson")),
            Foreign::Orc | Foreign::Arrow | Foreign::Sqlite | Foreign::Markup | Foreign::Binary => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(head: &[u8]) -> Found {
        detect(head, true).unwrap()
    }

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn events_are_lines_or_values() {
        for text in [
            "",
            "\n \n",
            "{\"a\":1}",
            "\u{feff}{\"a\":1}\n{\"a\":2}\n",
            "{\"a\": \"cut off\n{\"a\":2}\n",
            "{\"a\": 1,\n{\"a\":2}\n",
            "{\"a\": \"no end",
            "not json\n{\"a\":1}\n",
            "a, b, c\n{\"a\":1}\n",
            "[2024-05-01] GET /\n[2024-05-01] GET /\n",
            "127.0.0.1 - - [01/May/2024] \"GET / HTTP/1.1\" 200\n127.0.0.1 - - [01/May/2024] \"GET /\"\n",
            "null",
        ] {
            assert_eq!(whole(text.as_bytes()), Found::Events(Layout::Lines), "{text}");
        }
        for text in [
            "{\"a\":1}{\"a\":2}\n{\"a\":3}",
            "[{\"a\":1},{\"a\":2}]",
            " [\n\n  {\"a\": 1}\n]",
            "[]",
            "{\n  \"a\": 1\n}\n{\n",
            "\u{feff}[{",
        ] {
            assert_eq!(whole(text.as_bytes()), Found::Events(Layout::Values), "{text}");
        }
    }

    #[test]
    fn what_is_not_read_is_recognised() {
        for (head, expected) in [
            (&b"PAR1\x15\x04"[..], Foreign::Parquet),
            (b"Obj\x01\x04\x14avro.codec", Foreign::Avro),
            (b"PK\x03\x04\x14\0events.ndjson", Foreign::Zip),
            (b"PK\x03\x04\x14\0[Content_Types].xml", Foreign::Excel),
            (b"\xff\xfe{\0\"\0", Foreign::Wide("UTF-16")),
            (b"\xff\xfe\0\0{\0\0\0", Foreign::Wide("UTF-32")),
            (&wide("{\"a\": 1}", u16::to_le_bytes), Foreign::Wide("UTF-16LE")),
            (&wide("{\"a\": 1}", u16::to_be_bytes), Foreign::Wide("UTF-16BE")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\n", Foreign::Binary),
            (b"<!DOCTYPE html>\n<html>", Foreign::Markup),
            (b"user_id,session_id,timestamp,event_type\n", Foreign::Csv),
            (b"\xef\xbb\xbf\"User_ID\";\"Session_ID\"", Foreign::Csv),
            (b"visitor\twhen\nv1\t2024-05-01\n", Foreign::Csv),
            (b"u1,s1,2024-05-01T10:00:00Z,page_view\nu1,s1,\"May 1, 2024\",purchase\n", Foreign::Csv),
        ] {
            let shown = String::from_utf8_lossy(head).into_owned();
            let found = whole(head);
            let is_binary_after_a_line = found == Found::Events(Layout::Lines) && expected == Foreign::Binary;
            assert!(found == Found::Foreign(expected) || is_binary_after_a_line, "{shown}: {found:?}");
        }
        let mut tar = vec![b'a'; 512];
        tar[100..110].fill(0);
        tar[TAR_AT..][..5].copy_from_slice(b"ustar");
        assert_eq!(whole(&tar), Found::Foreign(Foreign::Tar));
    }

    #[test]
    fn bytes_that_arrive_one_by_one_are_the_same_in_the_end() {
        for text in ["PAR1xxxx", "{\"a\":1}\n", "[\n{}]\n", "a,b\n1,2\n", "{\n\"a\":\n1}\n", "\x1f\u{8b}", "oops\n"] {
            let head = text.as_bytes();
            let first = (0..=head.len()).find_map(|length| detect(&head[..length], false));
            assert_eq!(first.unwrap_or_else(|| whole(head)), whole(head), "{text:?}");
        }
    }

    #[test]
    fn a_command_names_a_file_only_where_no_shell_misreads_it() {
        let command = |file| Foreign::Csv.command(file, b"").unwrap();
        assert!(command("a/b-1.csv").contains("read_csv('a/b-1.csv',"));
        assert!(command("it's; rm.csv").contains("read_csv('FILE',"));
        assert!(Foreign::Avro.command("x.avro", b"{\"name\":\"Body\"}").unwrap().contains("event['Body']"));
    }
}
