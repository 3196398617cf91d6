//! What is refused before anything is sent, and how lines become events.

use super::destination::choose;
use super::events::{Event, of_file};
use super::*;
use event_hubs::publisher::Identity;
use std::io::Write;

const KEY: &str = "cGxhbnRlZC1rZXk=";

fn chosen(namespace: Option<&str>, hub: Option<&str>, text: Option<&str>) -> Result<Destination, Failure> {
    choose(namespace.map(str::to_owned), hub.map(str::to_owned), text.map(str::to_owned), Identity::Developer)
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
    let events: Vec<Event> = of_file(file.path()).expect("a file").map(|event| event.expect("a line")).collect();
    let event = |session: Option<&str>, body: &[u8]| Event { session: session.map(str::to_owned), body: body.into() };
    let expected = [
        event(Some("a"), b"{\"session_id\":\"a\"}"),
        event(None, b"not json \xff"),
        event(Some("b"), b"{\"session_id\":\"b\"}"),
    ];
    assert_eq!(events, expected);
}
