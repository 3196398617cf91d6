//! The Event Hubs endpoint of `clickstream local`, as the official clients see it.

use crate::support::limit::Watchdog;
use crate::support::listening::{Listening, Publishing, with_handler};
use crate::support::process::clickstream;
use crate::support::senders::{SENDERS, Sender};
use clickstream::bronze;
use clickstream::lake::arrow::array::{Array, Int64Array, StringArray};
use clickstream::lake::snapshot::Replay;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use clickstream::lineage;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Of each client, in the documented run.
const EVENTS: usize = 100_000;
/// More than fit into a message of a megabyte: the clients cut their batches by the limit that they are told.
const AS_MANY_AS_FIT: usize = 100_000;

/// Where an event is: partition and sequence number.
type Position = (usize, i64);

/// The id of each event in bronze. Fails when two have the same position.
async fn in_bronze(lake: &Path) -> BTreeMap<Position, String> {
    let lake = Lake::open(&lake.to_string_lossy(), &BTreeMap::new()).expect("a folder opens");
    let table = Table::at(&lake, bronze::schema::table(), &Workers::new(2));
    let mut found = BTreeMap::new();
    for add in table.snapshot(Replay::TxnsAndFiles).await.expect("a table").files.values() {
        let columns = [bronze::schema::EVENT_ID, lineage::PARTITION_ID, lineage::SEQUENCE_NUMBER];
        for batch in table.read(add, &columns).await.expect("the file can be read") {
            let text =
                |name| batch.column_by_name(name).and_then(|c| c.as_any().downcast_ref::<StringArray>().cloned());
            let numbers = batch.column_by_name(lineage::SEQUENCE_NUMBER).expect("there").as_any();
            let numbers = numbers.downcast_ref::<Int64Array>().expect("numbers");
            let ids = text(bronze::schema::EVENT_ID).expect("texts");
            let partitions = text(lineage::PARTITION_ID).expect("texts");
            for row in 0..batch.num_rows() {
                let partition = partitions.value(row).parse().expect("a number");
                let position = (partition, numbers.value(row));
                let id = if ids.is_null(row) { String::new() } else { ids.value(row).to_owned() };
                assert_eq!(found.insert(position, id), None, "{position:?} is there twice");
            }
        }
    }
    found
}

/// An event as the host handed it to the function.
struct Seen {
    sender: Sender,
    number: usize,
    line: Value,
}

impl Seen {
    fn new(line: Value) -> Self {
        let (name, number) = line["body"]["event_id"].as_str().and_then(|id| id.split_once('-')).expect("an id");
        let sender = SENDERS.into_iter().find(|sender| sender.name() == name).expect("a sender");
        Seen { sender, number: number.parse().expect("a number"), line }
    }

    fn position(&self) -> Position {
        let number = |name: &str| self.line[name].as_i64().expect("a number");
        (number("partition") as usize, number("sequence_number"))
    }

    fn id(&self) -> &str {
        self.line["body"]["event_id"].as_str().expect("an id")
    }

    /// What its program said about it reaches the function.
    fn check(&self) {
        let properties = &self.line["properties"];
        assert_eq!(properties["sender"], self.sender.name(), "{}", self.line);
        assert_eq!(properties["number"].as_u64(), Some(self.number as u64), "{}", self.line);
        assert_eq!(properties["half"].as_f64(), Some(self.number as f64 / 2.0), "{}", self.line);
        assert_eq!(properties["even"].as_bool(), Some(self.number.is_multiple_of(2)), "{}", self.line);
        assert_eq!(self.line["content_type"], "application/json", "{}", self.line);
        let route = self.line["body"]["referral_source"].as_str().expect("a route");
        let key = route.starts_with("key-").then_some(route);
        assert_eq!(self.line["partition_key"].as_str(), key, "{}", self.line);
        if let Some(partition) = route.strip_prefix("partition-") {
            assert_eq!(self.position().0.to_string(), partition, "{}", self.line);
        }
    }
}

/// What the host handed over, each position once.
fn read_seen(path: &Path) -> BTreeMap<Position, Seen> {
    let mut seen: BTreeMap<Position, Seen> = BTreeMap::new();
    for line in std::fs::read_to_string(path).expect("it was written").lines() {
        let event = Seen::new(serde_json::from_str(line).expect("a JSON object"));
        if let Some(before) = seen.get(&event.position()) {
            assert_eq!(before.line, event.line, "delivered again, it was another");
        }
        seen.insert(event.position(), event);
    }
    seen
}

#[tokio::test(crate = "crate::support::limit")]
async fn a_hundred_thousand_events_of_each_official_client_arrive_once_in_order_and_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, seen) = (folder.path().join("lake"), folder.path().join("seen.ndjson"));
    let mut program = Command::new(with_handler(folder.path(), "tests/senders/handler.py"));
    program.env_remove("CARGO").env_remove("LAKE_URL");
    program.env("REAL_HANDLER", env!("CARGO_BIN_EXE_handler")).env("EVENTS_SEEN", &seen);
    let listening = Listening::start_as(program, &lake);
    let publishing: Vec<_> =
        SENDERS.map(|sender| Publishing::start(sender, &listening, EVENTS, AS_MANY_AS_FIT)).into_iter().collect();
    for mut publishing in publishing {
        assert!(publishing.all_acknowledged().into_iter().eq(0..EVENTS), "{:?}", publishing.sender);
        publishing.succeed();
    }
    let outcome = listening.drain();
    assert_eq!(outcome["events"], 2 * EVENTS);
    assert_eq!(outcome["audit"]["holds"], true, "{}", outcome["audit"]["problems"]);

    let seen = read_seen(&seen);
    seen.values().for_each(Seen::check);
    let mut last: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut next: BTreeMap<usize, i64> = BTreeMap::new();
    for ((partition, sequence_number), event) in &seen {
        let before = last.insert((*partition, event.sender.name()), event.number);
        assert!(before.is_none_or(|before| before < event.number), "{} is out of order", event.line);
        let expected = next.entry(*partition).or_insert(0);
        assert_eq!(sequence_number, expected, "of partition {partition}");
        *expected += 1;
    }
    let ids: BTreeSet<&str> = seen.values().map(Seen::id).collect();
    assert_eq!(ids.len(), 2 * EVENTS);
    let stored = in_bronze(&lake).await;
    assert!(stored.iter().map(|(at, id)| (*at, id.as_str())).eq(seen.iter().map(|(at, event)| (*at, event.id()))));
}

/// The conditions are those of the service; each client has its own names for them.
#[test]
fn what_the_service_refuses_is_refused_with_the_same_errors() {
    let _limit = Watchdog::of_this_test();
    let folder = tempfile::tempdir().expect("a folder");
    let listening = Listening::start(&folder.path().join("lake"));
    for sender in SENDERS {
        let output = sender.command().args(["refusals", &listening.connection_string]).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let expected: &[(&str, &[&str])] = match sender {
            Sender::Python => &[
                ("wrong hub", &["404", "'sb://localhost/another' could not be found"]),
                ("wrong key", &["AuthenticationError", "401", "InvalidSignature"]),
                ("beyond the limit it was told", &["ValueError", "frame size limit"]),
                ("too large", &["LinkMessageSizeExceeded", "exceeds the limit (1048576 bytes)"]),
                ("receiver", &["amqp:not-implemented"]),
                ("wrong partition", &["Invalid partition 99"]),
                ("afterwards", &["it worked"]),
            ],
            Sender::JavaScript => &[
                ("wrong hub", &["MessagingEntityNotFoundError", "'sb://localhost/another' could not be found"]),
                ("wrong key", &["UnauthorizedError", "InvalidSignature"]),
                ("too large", &["MessageTooLargeError", "exceeds the limit (1048576 bytes)"]),
                ("receiver", &["NotImplementedError"]),
                ("wrong partition", &["ArgumentOutOfRangeError", "between 0 and 3"]),
                ("afterwards", &["it worked"]),
            ],
        };
        for (case, words) in expected {
            let said = found[case].as_str().expect("a case of the program");
            assert!(words.iter().all(|word| said.contains(word)), "{sender:?}, {case}: {said}");
        }
    }
}

/// SIGKILL while programs send, again and again on the same lake; then all of it, to the end.
#[tokio::test(crate = "crate::support::limit")]
async fn killed_while_programs_send_nothing_that_was_acknowledged_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    // Each of a client's programs numbers its events from the start.
    let mut acknowledged: BTreeMap<String, usize> = BTreeMap::new();
    for (sender, batches) in [(Sender::Python, 1), (Sender::JavaScript, 15), (Sender::Python, 40)] {
        let listening = Listening::start(&lake);
        let mut publishing = Publishing::start(sender, &listening, 1_000_000, 20);
        let mut numbers = Vec::new();
        for _ in 0..batches {
            numbers.extend(publishing.next_acknowledged().expect("it goes on"));
        }
        listening.kill();
        numbers.extend(publishing.all_acknowledged());
        for number in numbers {
            *acknowledged.entry(format!("{}-{number}", sender.name())).or_default() += 1;
        }
    }
    let outcome = Listening::start(&lake).drain();
    assert_eq!(outcome["audit"]["holds"], true, "{}", outcome["audit"]["problems"]);
    let stored = in_bronze(&lake).await;
    assert_eq!(outcome["events"], stored.len());
    for id in stored.values() {
        acknowledged.entry(id.clone()).and_modify(|count| *count = count.saturating_sub(1));
    }
    let missing: Vec<&String> = acknowledged.iter().filter(|(_, count)| **count > 0).map(|(id, _)| id).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
}

#[test]
fn who_asks_for_what_cannot_be_gets_a_sentence() {
    let _limit = Watchdog::of_this_test();
    for (arguments, sentence) in [
        (&["--listen", "0.0.0.0:5672"][..], "not a loopback address"),
        (&["--listen", "--input", "file.ndjson"], "cannot be used with"),
        (&["--hub", "clicks"], "--listen"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = clickstream().arg("local").args(arguments).arg("--lake").arg(folder.path()).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(sentence), "{arguments:?}: {said}");
    }
}

/// The generator publishes by the official client for Rust; its partition key is the session.
#[tokio::test(crate = "crate::support::limit")]
async fn a_hundred_thousand_events_of_the_generator_arrive_once_and_each_session_in_its_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, input) = (folder.path().join("lake"), folder.path().join("events.ndjson"));
    let generate = |arguments: &[&str]| {
        let mut generate = clickstream();
        generate.arg("generate").args(arguments);
        generate
    };
    let number = EVENTS.to_string();
    let written = generate(&["--events", &number, "--out", &input.to_string_lossy()]).status().expect("it starts");
    assert!(written.success());
    let listening = Listening::start(&lake);
    let mut publish = generate(&["--to", "eventhub", "--hub", "clickstream", "--input", &input.to_string_lossy()]);
    let published =
        publish.env("EVENTHUB_CONNECTION_STRING", &listening.connection_string).output().expect("it starts");
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));
    listening.drain();

    let sent: Vec<Value> = std::fs::read_to_string(&input)
        .expect("it was written")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let session_of: BTreeMap<String, String> =
        sent.iter().map(|event| (text(event, "event_id"), text(event, "session_id"))).collect();
    let by_session = |ids: &mut dyn Iterator<Item = String>| {
        let mut sessions: BTreeMap<&String, Vec<String>> = BTreeMap::new();
        ids.for_each(|id| sessions.entry(&session_of[&id]).or_default().push(id));
        sessions
    };
    let stored = in_bronze(&lake).await;
    assert_eq!(stored.len(), sent.len());
    let as_sent = by_session(&mut sent.iter().map(|event| text(event, "event_id")));
    assert_eq!(by_session(&mut stored.into_values()), as_sent);
}
