//! Arguments, files, what is refused before anything is sent, and how lines become events.

use super::publish::{Event, events_of_file, partition_key};
use super::*;
use clap::Parser;
use event_hubs::publisher::MAX_KEY_BYTES;
use std::io::Write;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    arguments: Arguments,
}

fn parsed(arguments: &[&str]) -> Result<Arguments, String> {
    let parsed = CommandLine::try_parse_from(std::iter::once("generate").chain(arguments.iter().copied()));
    parsed.map(|line| line.arguments).map_err(|error| error.to_string())
}

#[test]
fn arguments_have_defaults_and_limits() {
    let defaults = parsed(&[]).unwrap();
    assert_eq!((defaults.events, defaults.seed, defaults.users), (10_000, 1, 1_000));
    assert_eq!(defaults.shop().start, DEFAULT_START);
    for wrong in ["1.1", "-0.1", "NaN"] {
        let message = parsed(&[&format!("--late={wrong}")]).unwrap_err();
        assert!(message.contains("--late") && message.contains("between 0 and 1"), "{message}");
    }
    assert!(parsed(&["--malformed", "half"]).unwrap_err().contains("not a number"));
    assert!(parsed(&["--users", "0"]).is_err());
    assert!(parsed(&["--start", "yesterday"]).unwrap_err().contains("2026-01-05T00:00:00Z"));
}

#[test]
fn a_file_holds_the_stream_and_a_bad_path_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    let arguments = parsed(&["--events", "50", "--out", path.to_str().unwrap()]).unwrap();
    to_file(&arguments).unwrap();
    let mut bytes = Vec::new();
    arguments.shop().write_ndjson(&mut bytes).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);

    let missing = folder.path().join("no/such/folder");
    let error = to_file(&Arguments { out: missing, ..arguments }).unwrap_err();
    assert!(error.to_string().contains("cannot create `") && error.to_string().contains("no/such/folder"));
}

const KEY: &str = "cGxhbnRlZC1rZXk=";

fn chosen(namespace: Option<&str>, hub: Option<&str>, text: Option<&str>) -> Result<Destination, Failure> {
    destination(namespace.map(str::to_owned), hub.map(str::to_owned), text.map(str::to_owned), Identity::Developer)
}

fn refusal(namespace: Option<&str>, hub: Option<&str>, text: Option<&str>) -> String {
    match chosen(namespace, hub, text) {
        Ok(_) => panic!("it was accepted"),
        Err(refusal) => refusal.to_string(),
    }
}

fn connection_string(endpoint: &str, rest: &str) -> String {
    format!("Endpoint={endpoint};SharedAccessKeyName=Root;SharedAccessKey={KEY}{rest}")
}

#[test]
fn an_event_hub_is_named_once() {
    let text = connection_string("sb://shop.servicebus.windows.net/", "");
    assert!(refusal(None, Some("hub"), None).contains("--namespace"));
    assert!(refusal(Some("shop.servicebus.windows.net"), None, None).contains("--hub"));
    assert!(refusal(None, None, Some(&text)).contains("EntityPath"));
    assert!(refusal(Some("shop.servicebus.windows.net"), Some("hub"), Some(&text)).contains("both"));
    let other = connection_string("sb://shop.servicebus.windows.net/", ";EntityPath=other");
    assert!(refusal(None, Some("hub"), Some(&other)).contains("`other`"));
    let same = chosen(None, None, Some(&other)).expect("the connection string has the hub");
    assert_eq!(same.hub(), "other");
}

#[test]
fn a_key_travels_in_the_clear_on_this_machine_only_and_is_never_shown() {
    let emulator = ";UseDevelopmentEmulator=true;";
    for endpoint in ["sb://localhost", "sb://127.0.0.1:5673", "sb://[::1]:5672/"] {
        assert!(chosen(None, Some("hub"), Some(&connection_string(endpoint, emulator))).is_ok(), "{endpoint}");
    }
    let refusals = [
        refusal(None, Some("hub"), Some(&connection_string("sb://example.net", emulator))),
        refusal(None, Some("hub"), Some(&connection_string("", ""))),
        refusal(None, Some("hub"), Some(&format!("SharedAccessKey={KEY}"))),
        refusal(None, Some("hub"), Some(KEY)),
    ];
    for refusal in refusals {
        assert!(!refusal.contains(KEY), "{refusal}");
    }
}

#[test]
fn a_session_is_the_partition_key_if_it_is_short_enough() {
    assert_eq!(partition_key("session_1"), "session_1");
    let long = "s".repeat(MAX_KEY_BYTES + 1);
    assert!(partition_key(&long).len() <= MAX_KEY_BYTES);
    assert_eq!(partition_key(&long), partition_key(&long.clone()));
    assert_ne!(partition_key(&long), partition_key(&format!("{long}s")));
}

#[test]
fn a_line_is_an_event_with_its_bytes_as_they_are() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"{\"session_id\":\"a\"}\r\n\n  \nnot json \xff\n{\"session_id\":\"b\"}").expect("written");
    let events: Vec<Event> = events_of_file(file.path()).expect("a file").map(|event| event.expect("a line")).collect();
    let event = |session: Option<&str>, body: &[u8]| Event { session: session.map(str::to_owned), body: body.into() };
    let expected = [
        event(Some("a"), b"{\"session_id\":\"a\"}"),
        event(None, b"not json \xff"),
        event(Some("b"), b"{\"session_id\":\"b\"}"),
    ];
    assert_eq!(events, expected);
}
