//! Requests recorded from the real host. `examples.txt` has what each must decode to.

use crate::wire::decode_events;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/host-examples")
}

/// The body of a recorded request, without head and chunk framing.
fn body_of(name: &str) -> Vec<u8> {
    let request = fs::read(folder().join(format!("{name}.http"))).unwrap();
    let head_end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let (head, mut rest) = request.split_at(head_end);
    if !String::from_utf8_lossy(head).contains("Transfer-Encoding: chunked") {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line_end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line_end + 2..line_end + 2 + size]);
        rest = &rest[line_end + 2 + size + 2..];
    }
}

fn shown(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) if !text.chars().any(|c| c.is_control() || c == '\u{feff}') => text.to_owned(),
        _ => format!("b\"{}\"", body.escape_ascii()),
    }
}

fn decoded(name: &str) -> String {
    let binding = if name.contains("-many-") || name.starts_with("retry") { "events" } else { "event" };
    let batch = decode_events(body_of(name).into(), binding).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut text = format!("{}\n", batch.source);
    for event in &batch.events {
        let body = shown(&event.body);
        writeln!(text, "{} {} {} {body}", event.sequence_number, event.offset, event.enqueued_at).unwrap();
    }
    text
}

#[test]
fn every_recorded_delivery_decodes_to_what_was_sent() {
    let expected: BTreeMap<&str, &str> = include_str!("examples.txt")
        .split("\n\n")
        .map(|section| section.trim_start_matches("# ").split_once('\n').unwrap())
        .collect();
    let recorded: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".http", ""))
        .filter(|name| ["eh-", "retry-", "coretools-"].iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    assert_eq!(recorded.len(), expected.len(), "each recorded delivery has a section in examples.txt");
    for name in &recorded {
        assert_eq!(decoded(name).trim_end(), expected[name.as_str()].trim_end(), "{name}");
    }
}
