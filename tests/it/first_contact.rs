//! What a person meets who runs `clickstream` on events of their own for the first time: input in any shape, mistakes, and what
//! the screen says about them.

use crate::support::limit::Watchdog;
use crate::support::listening::with_handler;
use crate::support::process::clickstream;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How a command ended, and what it said.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran {
            code: output.status.code().expect("it was not killed"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.err, self.out);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not one JSON object: {}\n{}", self.out, self.err))
    }
}

/// A folder with a lake and files.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Desk { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).expect("written");
        self.path(name)
    }

    fn local(&self, lake: &str, input: &Path) -> Command {
        let mut command = clickstream();
        command.args(["local", "--port", "0", "--drain", "--lake"]).arg(self.path(lake)).arg("--input").arg(input);
        command
    }

    fn run(&self, lake: &str, input: &Path) -> Ran {
        Ran::of(self.local(lake, input).output().expect("it starts"))
    }

    fn run_json(&self, lake: &str, input: &Path) -> Ran {
        Ran::of(self.local(lake, input).arg("--json").output().expect("it starts"))
    }

    fn quarantine(&self, lake: &str, arguments: &[&str]) -> Ran {
        let mut command = clickstream();
        command.args(["quarantine", "--lake"]).arg(self.path(lake)).args(arguments);
        Ran::of(command.output().expect("it starts"))
    }
}

fn event(number: usize) -> Value {
    json!({"user_id": "u1", "session_id": "s1", "timestamp": format!("2024-05-01T10:0{number}:00Z"), "event_type": "page_view",
        "page_url": format!("https://shop.example/{number}"), "note": "}{ ][ \"quoted\\"})
}

fn events() -> Vec<String> {
    (0..3).map(|number| event(number).to_string()).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("encoded");
    encoder.finish().expect("encoded")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("a level");
    encoder.include_checksum(true).expect("it knows checksums");
    encoder.write_all(text).expect("encoded");
    encoder.finish().expect("encoded")
}

#[test]
fn whatever_the_json_comes_in_the_events_are_the_same() {
    let _limit = Watchdog::of_this_test();
    let lines = events().join("\n");
    let pretty: Vec<String> =
        (0..3).map(|number| serde_json::to_string_pretty(&event(number)).expect("JSON")).collect();
    let (head, tail) = lines.split_at(lines.find('\n').expect("a line") + 1);
    let list = format!("[{}]", events().join(", "));
    let inputs: [(&str, Vec<u8>); 13] = [
        ("one-json-array.json", include_bytes!("field/one-json-array.json").to_vec()),
        ("lines.ndjson", lines.clone().into()),
        ("list.json", list.clone().into()),
        ("pretty-list.json", serde_json::to_string_pretty(&[event(0), event(1), event(2)]).expect("JSON").into()),
        ("pretty.json", pretty.join("\n").into()),
        ("crlf.json", pretty.join("\n\n").replace('\n', "\r\n").into()),
        ("concatenated.json", events().concat().into()),
        ("mark.json", format!("\u{feff}{list}").into()),
        ("lines.ndjson.gz", gzip(lines.as_bytes())),
        ("members.gz", [gzip(head.as_bytes()), gzip(tail.as_bytes())].concat()),
        ("list.json.zst", zstd(list.as_bytes())),
        ("frames.zst", [zstd(head.as_bytes()), zstd(tail.as_bytes())].concat()),
        ("no-ending", gzip(&zstd(pretty.concat().as_bytes()))),
    ];
    let desk = Desk::new();
    for (name, content) in inputs {
        let outcome = desk.run_json(&format!("lake-{name}"), &desk.file(name, content)).exits(0).json();
        assert_eq!((&outcome["events"], &outcome["accepted"]), (&json!(3), &json!(3)), "{name}");
        assert_eq!((&outcome["gold"]["sessions"], &outcome["gold"]["events"]), (&json!(1), &json!(3)), "{name}");
    }
}

#[test]
fn a_file_its_compressed_copy_and_a_pipe_that_is_repeated_are_one_source() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let lines = events().join("\n");
    desk.run("lake", &desk.file("web.ndjson", &lines)).exits(0);
    let again = desk.run("lake", &desk.file("web.ndjson.gz", gzip(lines.as_bytes()))).exits(0);
    assert!(again.out.contains("nothing was added"), "{}", again.out);
    let pipe = desk.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it starts").success());
    for is_first in [true, false] {
        let writer = std::thread::spawn({
            let (pipe, lines) = (pipe.clone(), lines.clone());
            move || std::fs::write(pipe, lines)
        });
        let piped = desk.run("lake", &pipe).exits(0);
        writer.join().expect("no panic").expect("written");
        assert_eq!(piped.out.contains("nothing was added"), !is_first, "{}", piped.out);
    }
}

#[test]
fn what_was_rejected_is_listed_with_the_line_on_which_it_happened() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let [good, other, third] = <[String; 3]>::try_from(events()).expect("three");
    let lines = format!("{good}\n\nnot json\n{other}\n{{\"session_id\":\"s\"}}\nnot json either\n{third}\n");
    let ran = desk.run("lines", &desk.file("lines.ndjson", lines)).exits(0);
    let row = ran.out.lines().find(|line| line.contains("not_json")).expect("it is listed");
    assert!(row.contains("2") && row.contains("line 3") && row.contains("the body is not JSON"), "{row}");
    assert!(ran.out.contains("3 events of this source were rejected"), "{}", ran.out);

    let values = format!("[\n{good},\n{{\"user_id\": \"u\" \"lost\": 1}},\n{other}, {{}},\n{third}\n]\n");
    let outcome = desk.run_json("values", &desk.file("values.json", values)).exits(0).json();
    assert_eq!((&outcome["events"], &outcome["accepted"]), (&json!(5), &json!(3)), "{outcome}");
    let first = |reason: &str| {
        let rejected = outcome["rejected"].as_array().expect("a list");
        rejected.iter().find(|rejected| rejected["reason"] == reason).map(|rejected| rejected["first"].clone())
    };
    let not_json = first("not_json").expect("it is listed");
    assert_eq!((&not_json["line"], &not_json["event"]), (&json!(3), &json!(2)));

    // Only those of this source.
    let clean = desk.run("lines", &desk.file("clean.ndjson", &good)).exits(0);
    assert!(!clean.out.contains("rejected"), "{}", clean.out);
}

#[test]
fn when_nothing_was_accepted_the_person_sees_an_event_and_that_one_is_accepted() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let ran = desk.run("lake", &desk.file("log.txt", "GET /a 200\nGET /b 200\n")).exits(1);
    assert!(ran.out.contains("2 events of this source were rejected"), "{}", ran.out);
    let example = ran.err.lines().find(|line| line.starts_with('{')).expect("an example");
    assert!(ran.err.contains("no event was accepted"), "{}", ran.err);
    desk.run("lake", &desk.file("example.ndjson", example)).exits(0);
    // The same input still has nothing that is accepted.
    desk.run("lake", &desk.path("log.txt")).exits(1);
    let empty = desk.run("lake", &desk.file("empty.ndjson", "")).exits(1);
    assert!(empty.err.contains("the source has no events"), "{}", empty.err);
}

#[test]
fn what_cannot_hold_events_is_named_before_anything_is_written() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let text = events().join("\n");
    let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark.to_vec(), text.encode_utf16().flat_map(bytes).collect()].concat()
    };
    let csv = include_bytes!("field/comma-separated.csv").to_vec();
    let inputs: [(&str, Vec<u8>, &str, &str); 9] = [
        ("table.csv", csv.clone(), "it is CSV", "read_csv"),
        ("table.csv.gz", gzip(&csv), "it is CSV", "read_csv"),
        ("table.tsv", b"visitor\tpage\nv1\t/a\n".to_vec(), "it is CSV", "read_csv"),
        ("table.parquet", b"PAR1\x15\x00\x15\x00PAR1".to_vec(), "a Parquet file", "read_parquet"),
        ("marked.json", wide(b"\xff\xfe", u16::to_le_bytes), "UTF-16", "iconv -f UTF-16 "),
        ("unmarked.json", wide(b"", u16::to_be_bytes), "UTF-16", "iconv -f UTF-16BE"),
        ("capture.avro", b"Obj\x01\x04\x14avro.codec\x08null \"Body\"".to_vec(), "an Avro file", "event['Body']"),
        ("events.zip", b"PK\x03\x04\x14\x00\x00\x00".to_vec(), "a zip archive", "unzip -p"),
        ("page.html", b"<!DOCTYPE html>\n<html>".to_vec(), "HTML", "an event is"),
    ];
    for (name, content, what, advice) in inputs {
        let ran = desk.run("lake", &desk.file(name, content)).exits(2);
        let said = ran.err;
        assert!(said.contains(name) && said.contains(what) && said.contains(advice), "{name}: {said}");
        assert!(said.lines().any(|line| serde_json::from_str::<Value>(line).is_ok()), "no example: {said}");
    }
    let ran = desk.run("lake", desk.folder.path()).exits(2);
    assert!(ran.err.contains("it is a folder"), "{}", ran.err);
    let missing = desk.run("lake", &desk.path("missing.ndjson")).exits(2);
    assert!(missing.err.contains("missing.ndjson"), "{}", missing.err);
    assert!(!desk.path("lake").exists(), "a lake was made");
}

#[test]
fn compressed_input_that_was_cut_off_or_damaged_is_refused_as_a_whole() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let text: String =
        (0..2_000).map(|number| event(number % 10).to_string().replace("u1", &format!("u{number}")) + "\n").collect();
    for (name, whole) in [("a.gz", gzip(text.as_bytes())), ("a.zst", zstd(text.as_bytes()))] {
        let cut = desk.run("lake", &desk.file(name, &whole[..whole.len() - 9])).exits(2);
        assert!(cut.err.contains(name) && cut.err.contains("it was cut off"), "{}", cut.err);
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 8].fill(0xff);
        let damaged = desk.run("lake", &desk.file(name, damaged)).exits(2);
        assert!(damaged.err.contains(name) && damaged.err.contains("is damaged"), "{}", damaged.err);
    }
    assert!(!desk.path("lake/bronze").exists(), "events were written");
}

#[test]
fn a_cause_that_cannot_heal_ends_the_run_at_once() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let input = desk.file("a.ndjson", events().join("\n"));
    let bad = |name: &str, value: &str| {
        let ran = Ran::of(desk.local("bad", &input).env(name, value).output().expect("it starts")).exits(2);
        assert!(ran.err.contains(value), "{}", ran.err);
    };
    bad("SESSION_TIMEOUT", "soon");
    bad("SESSIONIZE_SCHEDULE", "often");
    let setting = ["--setting", "MAX_EVENT_AGE=old"];
    let ran = Ran::of(desk.local("bad", &input).args(setting).output().expect("it starts")).exits(2);
    assert!(ran.err.contains("`MAX_EVENT_AGE` is `old`"), "{}", ran.err);

    for table in ["bronze/events", "silver/quarantine", "gold/sessions"] {
        let lake = table.replace('/', "-");
        desk.run(&lake, &desk.file("first.ndjson", &events()[0])).exits(0);
        let log = desk.path(&lake).join(table).join("_delta_log/00000000000000000000.json");
        let text = std::fs::read_to_string(&log).expect("a log");
        std::fs::write(&log, text.replace("\"minReaderVersion\":1", "\"minReaderVersion\":4")).expect("written");
        let refused = desk.run(&lake, &desk.file("second.ndjson", events().join("\nnot json\n"))).exits(2);
        assert!(refused.err.contains(table) && refused.err.contains("reader version 4"), "{}", refused.err);
    }
}

#[test]
fn a_handler_that_cannot_start_ends_the_run_with_what_it_said() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let mut command = Command::new(with_handler(desk.folder.path(), "tests/handlers/broken.sh"));
    command.args(["local", "--port", "0", "--drain", "--events", "10", "--lake"]).arg(desk.path("lake"));
    let ran = Ran::of(command.env_remove("CARGO").output().expect("it starts")).exits(2);
    assert!(ran.err.contains("cannot start the handler") && ran.err.contains("the library is missing"), "{}", ran.err);
}

#[test]
fn a_store_that_is_away_is_on_the_screen_and_the_run_continues() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let mut command = Command::new(with_handler(desk.folder.path(), "tests/handlers/unavailable.py"));
    command.args(["local", "--port", "0", "--drain", "--content-length", "--events", "10", "--lake"]);
    let mut child =
        command.arg(desk.path("lake")).env_remove("CARGO").stderr(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let said = lines.map_while(Result::ok).find(|line| line.contains("cannot reach the store"));
    assert!(said.as_ref().is_some_and(|said| said.contains("503")), "{said:?}");
    assert!(child.try_wait().expect("it can be asked").is_none(), "it gave up");
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn commands_that_scripts_run_explain_their_exit_codes() {
    let _limit = Watchdog::of_this_test();
    for command in ["audit", "rebuild", "quarantine"] {
        let help = Ran::of(clickstream().args([command, "--help"]).output().expect("it starts")).exits(0).out;
        assert!(help.contains("Exit code 0"), "{help}");
    }
}

#[test]
fn a_setting_that_is_nearly_right_is_pointed_out_and_stops_nothing() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let mut command = desk.local("lake", &desk.file("a.ndjson", events().join("\n")));
    command.env("SESION_TIMEOUT", "soon").env("AZURE_CLIENT_IDS", "x").args(["--setting", "MAX_EVENTS_AGE=none"]);
    let ran = Ran::of(command.output().expect("it starts")).exits(0);
    let warnings: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(
        warnings,
        [
            "warning: `MAX_EVENTS_AGE` is not a setting; did you mean `MAX_EVENT_AGE`?",
            "warning: `SESION_TIMEOUT` is not a setting; did you mean `SESSION_TIMEOUT`?"
        ]
    );
}

#[test]
fn first_runs_at_the_same_time_on_a_new_lake_all_end_well() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let (a, b) = (desk.file("a.ndjson", events().join("\n")), desk.file("b.ndjson", events().join("\n\n")));
    let start = |input: &PathBuf| {
        // The usual port, which only one of them can have.
        let mut command = clickstream();
        command.args(["local", "--drain", "--json", "--lake"]).arg(desk.path("lake")).arg("--input").arg(input);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let running = [&a, &b, &a, &b].map(start);
    for child in running {
        let outcome = Ran::of(child.wait_with_output().expect("it ends")).exits(0).json();
        assert_eq!(outcome["accepted"], 3, "{outcome}");
    }
    let audit = clickstream().args(["audit", "--lake"]).arg(desk.path("lake")).output().expect("it starts");
    Ran::of(audit).exits(0);
}

#[test]
fn the_quarantine_is_shown_by_reason_and_event_by_event() {
    let _limit = Watchdog::of_this_test();
    let desk = Desk::new();
    let first = [&b"not json\x1b[2J\nnot json, again\n"[..], events()[0].as_bytes(), b"\n\xff\xfe\xfd!\n"].concat();
    // The second bytes are no mark of UTF-16 at the start of a file.
    desk.run("lake", &desk.file("first.ndjson", first)).exits(0);
    desk.run(
        "lake",
        &desk.file("second.ndjson", format!("{}\n{{\"session_id\": \"s\"}}\n{{\"a\": 1}}\n", events()[1])),
    )
    .exits(0);

    let totals = desk.quarantine("lake", &["--json"]).exits(0).json();
    assert_eq!(totals["rejected"], 5, "{totals}");
    let reasons = totals["reasons"].as_array().expect("a list");
    let of = |name: &str| reasons.iter().position(|reason| reason["reason"] == name).expect("it is listed");
    assert_eq!(reasons[of("not_json")]["events"], 2);
    assert!(of("not_json") > 0 && of("not_utf8") > 0, "the newest reason is the first: {totals}");
    let screen = desk.quarantine("lake", &[]).exits(0).out;
    assert!(screen.contains("not_json") && screen.contains("the body is not UTF-8"), "{screen}");

    let events = desk.quarantine("lake", &["--reason", "not_json", "--limit", "1"]).exits(0).out;
    assert!(
        events.contains("2 events") && events.contains("sequence number") && !events.contains('\u{1b}'),
        "{events}"
    );
    let events = desk.quarantine("lake", &["--reason", "not_json", "--json"]).exits(0).json();
    let mut bodies: Vec<&str> =
        events["events"].as_array().expect("a list").iter().filter_map(|e| e["body"].as_str()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["not json\u{1b}[2J", "not json, again"]);
    let event = &desk.quarantine("lake", &["--reason", "not_utf8", "--json"]).exits(0).json()["events"][0];
    assert_eq!((&event["body_base64"], event.get("body")), (&json!("//79IQ=="), None), "{event}");
    assert!(event["source"].as_str().is_some_and(|source| source.contains("/first-")), "{event}");

    let unknown = desk.quarantine("lake", &["--reason", "no_such"]).exits(2);
    assert!(unknown.err.contains("`no_such`") && unknown.err.contains("`not_json`"), "{}", unknown.err);
    desk.quarantine("no-lake", &[]).exits(2);
    std::fs::create_dir(desk.path("empty")).expect("a folder");
    assert_eq!(desk.quarantine("empty", &[]).exits(0).out, "nothing was rejected\n");
}
