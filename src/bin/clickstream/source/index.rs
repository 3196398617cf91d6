//! Where the events of a text are, and in which partition: lines, or JSON values wherever they start and end.
//!
//! Promises: the sequence number of an event depends only on the text before it. Memory is 16 bytes for each event, whatever its
//! length. Does not know what an event says beyond its session.

use super::values::{Cut, Step, ValueCutter, ValueScanner};
use crate::command::cannot;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// The longest event that is read. The functions reject a much shorter one, but as an event, with a reason.
const MAX_EVENT_BYTES: usize = 16 << 20;

const BUFFER_BYTES: usize = 1 << 20;
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a text is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each line is an event. A line with several JSON objects is several.
    Lines,
    /// Each JSON value is an event, on as many lines as it has. The elements of a list are events.
    Values,
}

/// Where an event is in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub offset: u64,
    pub length: u32,
    /// The line on which it starts, from 1.
    line: u32,
}

const _: () = assert!(size_of::<Span>() == 16);

/// Where a person finds an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    pub line: u32,
    /// Its number among the events of the text, from 1; `None` where each line is an event.
    pub event: Option<usize>,
}

/// Where the events of a text are, by partition.
#[derive(Debug)]
pub struct Index {
    layout: Layout,
    /// In the order of the text. The index in the list is the sequence number.
    partitions: Vec<Vec<Span>>,
    /// Equal for equal texts that are cut alike.
    pub content_hash: u64,
}

impl Index {
    pub fn empty(layout: Layout, partitions: usize) -> Self {
        Index { layout, partitions: vec![Vec::new(); partitions], content_hash: 0 }
    }

    /// Reads `text` to its end. Writes the bytes to `copy` as well, if there is one.
    pub fn read(text: impl Read, layout: Layout, partitions: usize, copy: Option<Copy<'_>>) -> io::Result<Self> {
        let mut index = Index::empty(layout, partitions);
        let mut events = EventReader::new(Tee { text, hasher: Xxh3Default::new(), copy }, layout);
        while events.advance(|span, key| index.add(span, key))? {}
        index.content_hash = events.content_hash();
        Ok(index)
    }

    pub fn add(&mut self, span: Span, key: &[u8]) {
        let partition = (xxh3_64(key) % self.partitions.len() as u64) as usize;
        self.partitions[partition].push(span);
    }

    pub fn events(&self) -> usize {
        self.partitions.iter().map(Vec::len).sum()
    }

    /// In the order of their sequence numbers.
    pub fn partition(&self, partition: usize) -> &[Span] {
        &self.partitions[partition]
    }

    pub fn place(&self, partition: usize, sequence: usize) -> Option<Place> {
        let span = self.partitions.get(partition)?.get(sequence)?;
        let before = |spans: &Vec<Span>| spans.partition_point(|other| other.offset < span.offset);
        let event = (self.layout == Layout::Values).then(|| self.partitions.iter().map(before).sum::<usize>() + 1);
        Some(Place { line: span.line, event })
    }
}

/// Where the text is written to while it is read.
#[derive(Debug, Clone, Copy)]
pub struct Copy<'a> {
    pub file: &'a File,
    pub path: &'a Path,
}

/// A text whose bytes are hashed and copied as they are read.
struct Tee<'a, R> {
    text: R,
    hasher: Xxh3Default,
    copy: Option<Copy<'a>>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.text.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        if let Some(Copy { mut file, path }) = self.copy {
            file.write_all(&buffer[..length]).map_err(cannot("write", path))?;
        }
        Ok(length)
    }
}

/// Reads a text event by event.
pub struct EventReader<'a, R> {
    text: BufReader<Tee<'a, R>>,
    offset: u64,
    /// Lines before `offset`, where lines are events.
    lines: u64,
    /// `None` where lines are events.
    values: Option<ValueCutter>,
    event: Vec<u8>,
    /// A line had several events. Earlier versions took such a line as one event, so its text must be another source.
    has_divided_lines: bool,
}

impl<'a, R: Read> EventReader<'a, R> {
    /// A reader that copies what it reads.
    pub fn copying(text: R, layout: Layout, copy: Copy<'a>) -> Self {
        Self::new(Tee { text, hasher: Xxh3Default::new(), copy: Some(copy) }, layout)
    }

    fn new(text: Tee<'a, R>, layout: Layout) -> Self {
        EventReader {
            text: BufReader::with_capacity(BUFFER_BYTES, text),
            offset: 0,
            lines: 0,
            values: (layout == Layout::Values).then(ValueCutter::new),
            event: Vec::new(),
            has_divided_lines: false,
        }
    }

    /// Reads one line or value, and calls `add` with each event in it and the key of its partition. False at the end.
    pub fn advance(&mut self, add: impl FnMut(Span, &[u8])) -> io::Result<bool> {
        self.event.clear();
        if self.values.is_some() { self.value(add) } else { self.line(add) }
    }

    fn content_hash(&self) -> u64 {
        let mut hasher = self.text.get_ref().hasher.clone();
        if self.values.is_some() || self.has_divided_lines {
            hasher.update(b"values");
        }
        hasher.digest()
    }

    fn line(&mut self, mut add: impl FnMut(Span, &[u8])) -> io::Result<bool> {
        let length = (&mut self.text).take(MAX_EVENT_BYTES as u64).read_until(b'\n', &mut self.event)?;
        if length == MAX_EVENT_BYTES && !self.event.ends_with(b"\n") {
            return Err(too_long(self.lines + 1));
        }
        let (offset, line) = (self.offset, self.lines + 1);
        self.offset += length as u64;
        self.lines = line;
        let event = without_end(&self.event);
        // A blank line is not an event.
        if !event.trim_ascii().is_empty() {
            let session = session_id(event);
            let objects = if session.is_some() { Vec::new() } else { several_objects(event) };
            if objects.is_empty() {
                add(span(offset, event, line), session.map_or(event, str::as_bytes));
            }
            self.has_divided_lines |= !objects.is_empty();
            for object in objects {
                let event = &event[object.clone()];
                add(span(offset + object.start as u64, event, line), partition_key(event));
            }
        }
        Ok(length > 0)
    }

    fn value(&mut self, mut add: impl FnMut(Span, &[u8])) -> io::Result<bool> {
        let Some(cutter) = &mut self.values else { return Ok(false) };
        let mut start = None;
        let mut has_ended = false;
        while !has_ended {
            let mut chunk = self.text.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            let mut used = 0;
            if self.offset == 0 && chunk.starts_with(BYTE_ORDER_MARK) {
                used = BYTE_ORDER_MARK.len();
                chunk = &chunk[used..];
            }
            for &byte in chunk {
                let line = cutter.lines + 1;
                let cut = cutter.step(byte);
                has_ended = matches!(cut, Cut::Last | Cut::Ended);
                if cut == Cut::Ended {
                    break;
                }
                if cut != Cut::Between {
                    start.get_or_insert((self.offset + used as u64, line));
                    self.event.push(byte);
                }
                used += 1;
                if has_ended {
                    break;
                }
            }
            self.text.consume(used);
            self.offset += used as u64;
            if let Some((_, line)) = start.filter(|_| self.event.len() > MAX_EVENT_BYTES) {
                return Err(too_long(line));
            }
        }
        let Some((offset, line)) = start else { return Ok(false) };
        let event = self.event.trim_ascii_end();
        add(span(offset, event, line), partition_key(event));
        Ok(true)
    }
}

fn too_long(line: u64) -> io::Error {
    let detail = format!("the event on line {line} has no end within {} MiB", MAX_EVENT_BYTES >> 20);
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

fn span(offset: u64, event: &[u8], line: u64) -> Span {
    // At most `MAX_EVENT_BYTES` and a buffer.
    let length = u32::try_from(event.len()).unwrap_or(u32::MAX);
    Span { offset, length, line: u32::try_from(line).unwrap_or(u32::MAX) }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the objects of a line are that has several of them and nothing else. Empty for any other line.
fn several_objects(line: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut scanner = ValueScanner::default();
    let end = line.iter().position(|&byte| scanner.step(byte) != Step::Inside);
    if end.is_none_or(|end| line[end + 1..].trim_ascii().is_empty()) {
        return Vec::new();
    }
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<BTreeMap<String, serde::de::IgnoredAny>>();
    let (mut found, mut start) = (Vec::new(), 0);
    while let Some(value) = values.next() {
        let end = values.byte_offset();
        if value.is_err() {
            return Vec::new();
        }
        let blanks = line[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        found.push(start + blanks..end);
        start = end;
    }
    if found.len() > 1 { found } else { Vec::new() }
}

/// The session id, so that a session stays in one partition. The whole event if it has none.
fn partition_key(event: &[u8]) -> &[u8] {
    session_id(event).map_or(event, str::as_bytes)
}

/// The member `session_id` of an event, if the event is a JSON object and the member is a string without escapes.
pub fn session_id(event: &[u8]) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Keyed<'a> {
        #[serde(borrow)]
        session_id: Option<&'a str>,
    }
    serde_json::from_slice::<Keyed>(event).ok()?.session_id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of `text` and where a person finds them, in the order of the text.
    fn events(layout: Layout, text: &str) -> Vec<(Place, &str)> {
        let index = Index::read(text.as_bytes(), layout, 3, None).unwrap();
        let mut found: Vec<_> = (0..3)
            .flat_map(|partition| (0..index.partition(partition).len()).map(move |sequence| (partition, sequence)))
            .map(|(partition, sequence)| {
                let Span { offset, length, .. } = index.partition(partition)[sequence];
                let place = index.place(partition, sequence).unwrap();
                (offset, (place, &text[offset as usize..][..length as usize]))
            })
            .collect();
        found.sort_by_key(|(offset, _)| *offset);
        found.into_iter().map(|(_, event)| event).collect()
    }

    fn line(line: u32) -> Place {
        Place { line, event: None }
    }

    fn value(line: u32, event: usize) -> Place {
        Place { line, event: Some(event) }
    }

    #[test]
    fn a_line_is_an_event_whatever_it_says_and_a_line_of_objects_is_several() {
        let text = "{\"session_id\":\"s\"}\r\n\n  \nnot json\n{\"a\":1}{\"b\":2} {}\n{\"a\":1} x\n[1,2]";
        assert_eq!(
            events(Layout::Lines, text),
            [
                (line(1), "{\"session_id\":\"s\"}"),
                (line(4), "not json"),
                (line(5), "{\"a\":1}"),
                (line(5), "{\"b\":2}"),
                (line(5), "{}"),
                (line(6), "{\"a\":1} x"),
                (line(7), "[1,2]")
            ]
        );
    }

    #[test]
    fn a_value_is_an_event_with_its_bytes_as_they_are() {
        let text = "\u{feff}[\n  {\n    \"a\": 1\n  },\n  {}, {\"b\": 2}\n]\n";
        assert_eq!(
            events(Layout::Values, text),
            [(value(2, 1), "{\n    \"a\": 1\n  }"), (value(5, 2), "{}"), (value(5, 3), "{\"b\": 2}")]
        );
    }

    #[test]
    fn what_is_cut_otherwise_is_another_source() {
        let hash = |layout, text: &str| Index::read(text.as_bytes(), layout, 1, None).unwrap().content_hash;
        assert_eq!(hash(Layout::Lines, "{}\n{}"), xxh3_64(b"{}\n{}"), "as it always was");
        assert_ne!(hash(Layout::Values, "[{}]"), hash(Layout::Lines, "[{}]"));
        assert_ne!(hash(Layout::Lines, "{}{}"), xxh3_64(b"{}{}"));
    }

    #[test]
    fn an_event_without_an_end_is_refused_with_its_line() {
        for (layout, end) in [(Layout::Lines, ""), (Layout::Values, "")] {
            let text = format!("{{}}\n{{\"a\":\"{}{end}", "x".repeat(MAX_EVENT_BYTES + BUFFER_BYTES));
            let error = Index::read(text.as_bytes(), layout, 1, None).unwrap_err();
            assert_eq!(error.to_string(), "the event on line 2 has no end within 16 MiB");
        }
    }
}
