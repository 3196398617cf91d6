//! Runs a script: reads its commands block by block and writes what each block prints below its `---`.
//!
//! ```text
//! # ...                            a comment
//! set NAME VALUE                   a setting, from the start or from the next `restart` on
//! now 15T12:00                     sets the clock, in January 2026
//! enqueued 15T11:59                when the hub accepted the batches from here on; without it, now
//! event NAME FIELD=VALUE ...       defines a page view with these members; see below
//! raw NAME TEXT                    defines an event with these bytes; `\xff` is one byte
//! ingest PARTITION FIRST NAME ...  delivers a batch whose first event has the sequence number FIRST; HUB/PARTITION for another hub
//! ingest-file PARTITION NAME       delivers the lines of `field/NAME`, from sequence number 1 on
//! fault FATE PATH                  the next PUT whose path contains PATH fails (`lost`), or succeeds and reports an error (`answer-lost`)
//! sessionize                       until gold is up to date
//! rebuild                          all of gold
//! audit                            prints what the audit finds
//! restart                          continues with a process that remembers nothing
//! new-lake                         continues with an empty lake
//! sort TABLE COLUMN                another engine sorts all rows by this column, as a Z-order does
//! overwrite TABLE COLUMN           another engine overwrites the table with its rows sorted by this column, a change of data
//! shuffle TABLE SEED FILES         another engine writes all rows into so many files, in an order that follows from SEED
//! delete TABLE COLUMN VALUE        another engine deletes the rows that have this text
//! update TABLE COLUMN VALUE NEW    another engine replaces this text by another one
//! count TABLE ...                  prints how many rows each table has
//! dump TABLE COLUMN ...            prints columns of all rows, sorted
//! quality TABLE                    prints what commits say of the rows that they add, a line for each source and hour; of those not printed yet
//! show TABLE                       prints every declared column of every row, one line per column
//! ```
//!
//! A table is `bronze`, `silver`, `quarantine`, `sessions`, `control` or `settings`. A VALUE that is JSON is parsed as JSON, so `"1"` is a text
//! and `"a b"` may contain spaces; any other value is a text. `at user session type url` are short names of `timestamp user_id
//! session_id event_type page_url`.

use super::corruption;
use super::envelope::Sent;
use super::event::Event;
use super::faulty::Fate;
use super::quality;
use super::render;
use super::rewrite::{self, Layout, Order, Types};
use super::world::{NOON, World};
use clickstream::event::time::Timestamp;
use clickstream::lake::arrow::array::RecordBatch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

#[derive(Default)]
pub struct Script {
    settings: BTreeMap<String, String>,
    world: Option<World>,
    events: BTreeMap<String, Vec<u8>>,
    now: Option<Timestamp>,
    enqueued_at: Option<Timestamp>,
    /// Commits of each table of which `quality` has printed what they say.
    printed: BTreeMap<String, usize>,
    /// What the current block has printed.
    output: String,
}

impl Script {
    /// The script with the recorded output replaced by what its commands print now.
    pub async fn run(mut self, script: &str) -> String {
        let mut outcome = String::new();
        let mut lines = script.lines();
        while let Some(line) = lines.next() {
            outcome.push_str(line);
            outcome.push('\n');
            if line != "---" {
                self.command(line).await;
                continue;
            }
            // The recorded output ends with an empty line, or with the script.
            let is_last = !lines.any(str::is_empty);
            outcome.push_str(&self.take_output());
            if !is_last {
                outcome.push('\n');
            }
        }
        assert!(self.output.is_empty(), "the last block has no line `---`");
        outcome
    }

    fn take_output(&mut self) -> String {
        let output = std::mem::take(&mut self.output);
        assert!(!output.lines().any(str::is_empty), "an empty line would end the block:\n{output}");
        if output.is_empty() { "ok\n".to_owned() } else { output }
    }

    async fn command(&mut self, line: &str) {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["set", name, value] => self.set(name, value),
            ["now", at] => {
                self.now = Some(instant(at));
                self.world().set_now(instant(at));
            }
            ["enqueued", at] => self.enqueued_at = Some(instant(at)),
            ["event", name, fields @ ..] => {
                self.events.insert(name.to_string(), event(fields).body());
            }
            ["raw", name, ..] => {
                let text = line.splitn(3, ' ').nth(2).unwrap_or_default();
                self.events.insert(name.to_string(), unescaped(text));
            }
            ["ingest", partition, first, names @ ..] => self.ingest(partition, first, names).await,
            ["ingest-file", partition, name] => self.ingest_file(partition, name).await,
            ["fault", fate, path] => self.world().fail_next_put(path, fate_named(fate)),
            ["sessionize"] => self.world().sessionize().await,
            ["rebuild"] => {
                let replaced = self.world().rebuild().await;
                self.print(format_args!("rebuild replaced [{}]", replaced.join(", ")));
            }
            ["audit"] => self.audit().await,
            ["restart"] => self.world().restart(),
            ["new-lake"] => self.world = None,
            ["sort", table, column] => self.lay_out(table, Order::By(column.to_string()), 1, false).await,
            ["overwrite", table, column] => self.lay_out(table, Order::By(column.to_string()), 1, true).await,
            ["shuffle", table, seed, files] => {
                let [seed, files] = [seed, files].map(|it| it.parse().unwrap_or_else(|_| panic!("no number: {it}")));
                self.lay_out(table, Order::Shuffled(seed), files as usize, false).await;
            }
            ["delete", table, column, value] => {
                let edit = |rows: &RecordBatch| corruption::without_text(rows, column, value);
                self.change(table, "DELETE", edit).await;
            }
            ["update", table, column, value, new] => {
                let edit = |rows: &RecordBatch| corruption::with_text_replaced(rows, column, value, new);
                self.change(table, "UPDATE", edit).await;
            }
            ["count", tables @ ..] => self.count(tables).await,
            ["dump", table, columns @ ..] => {
                let rows = self.world().rows(table).await;
                self.output.push_str(&render::columns(&rows, columns));
            }
            ["quality", table] => self.quality(table).await,
            ["show", table] => {
                let text = render::records(&self.world().table(table)).await;
                self.output.push_str(&text);
            }
            _ => panic!("no such command: {line}"),
        }
    }

    fn print(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.output, "{line}").expect("a String can grow");
    }

    fn world(&mut self) -> &mut World {
        self.world.get_or_insert_with(|| {
            let settings: Vec<(&str, &str)> =
                self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            World::with_faults(&settings)
        })
    }

    fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
        if let Some(world) = &mut self.world {
            world.set(name, value);
        }
    }

    async fn ingest_file(&mut self, partition: &str, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/field").join(name);
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()));
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let names: Vec<String> = lines
            .zip(1..)
            .map(|(line, number)| {
                let name = format!("{name}:{number}");
                self.events.insert(name.clone(), line.to_vec());
                name
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.ingest(partition, "1", &names).await;
    }

    async fn ingest(&mut self, partition: &str, first: &str, names: &[&str]) {
        let first: i64 = first.parse().unwrap_or_else(|_| panic!("no sequence number: {first}"));
        let enqueued_at = self.enqueued_at.or(self.now).unwrap_or(NOON);
        let body = |name: &str| self.events.get(name).unwrap_or_else(|| panic!("no event `{name}`")).clone();
        let numbered = names.iter().zip(first..);
        let batch: Vec<Sent> =
            numbered.map(|(name, sequence_number)| Sent { sequence_number, enqueued_at, body: body(name) }).collect();
        match self.world().ingest(partition, &batch).await {
            Ok(report) => self.print(format_args!(
                "ingested {}, duplicates {}, silver rows {}, quarantined {}",
                report.received, report.duplicates, report.silver_rows, report.quarantined
            )),
            Err(failure) => self.print(format_args!("{} {}", failure.status, without_ids(&failure.reason))),
        }
    }

    async fn lay_out(&mut self, table: &str, order: Order, files: usize, data_change: bool) {
        let layout = Layout { order, files, types: Types::View, data_change };
        rewrite::lay_out(&self.world().table(table), &layout).await.expect("there are rows, and no other writer");
    }

    async fn change(&mut self, table: &str, operation: &'static str, edit: impl Fn(&RecordBatch) -> RecordBatch) {
        rewrite::change(&self.world().table(table), operation, edit).await.expect("some row has the value");
    }

    async fn audit(&mut self) {
        let report = self.world().audit().await;
        for finding in &report.findings {
            let (kind, table, detail) = (finding.kind.as_str(), &finding.table, without_ids(&finding.detail));
            self.print(format_args!("{kind} in {table}, {}: {detail}", without_ids(&finding.object.to_string())));
        }
        if report.holds {
            self.print(format_args!("the audit finds nothing"));
        }
    }

    async fn quality(&mut self, table: &str) {
        let commits = quality::of_commits(&self.world().table(table)).await;
        let printed = self.printed.insert(table.to_owned(), commits.len()).unwrap_or_default();
        for (commit, objects) in commits.iter().enumerate().skip(printed) {
            for object in objects.as_array().into_iter().flatten() {
                self.print(format_args!("{commit}: {object}"));
            }
        }
        let [bronze, silver, quarantine] = ["bronze", "silver", "quarantine"].map(|name| self.world().table(name));
        quality::check([&bronze, &silver, &quarantine])
            .await
            .unwrap_or_else(|problem| self.print(format_args!("{problem}")));
    }

    async fn count(&mut self, tables: &[&str]) {
        let mut counts = Vec::new();
        for table in tables {
            counts.push(format!("{table} {}", self.world().rows(table).await.len()));
        }
        self.print(format_args!("{}", counts.join(", ")));
    }
}

/// The words of a command. Spaces between double quotes do not separate words; the quotes remain.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut is_quoted) = (vec![String::new()], false);
    for character in line.chars() {
        is_quoted ^= character == '"';
        match words.last_mut() {
            Some(word) if is_quoted || !character.is_whitespace() => word.push(character),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `15T10:00` or `15T10:00:00.5` in January 2026; or a whole `2027-01-15T10:00`.
fn instant(text: &str) -> Timestamp {
    let whole =
        if text.len() > 4 && text.as_bytes()[4] == b'-' { format!("{text}Z") } else { format!("2026-01-{text}Z") };
    Timestamp::parse(&whole).unwrap_or_else(|_| panic!("no instant: {text}"))
}

/// A page view an hour before [`NOON`], unless the fields say otherwise.
fn event(fields: &[&str]) -> Event {
    let mut event = Event::page_view(instant("15T11:00"));
    for field in fields {
        let (name, value) = field.split_once('=').unwrap_or_else(|| panic!("no field: {field}"));
        let json = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        event = match name {
            "at" => event.with("timestamp", instant(value).to_string()),
            "user" => event.with("user_id", json),
            "session" => event.with("session_id", json),
            "type" => event.with("event_type", json),
            "url" => event.with("page_url", json),
            other => event.with(other, json),
        };
    }
    event
}

/// The text with `part-ID.parquet` for the random name of a file.
fn without_ids(text: &str) -> String {
    let mut parts = text.split("part-");
    let mut stable = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(".parquet").unwrap_or_default();
        stable.push_str(&format!("part-ID{}", &part[end..]));
    }
    stable
}

fn fate_named(name: &str) -> Fate {
    match name {
        "lost" => Fate::Lost,
        "answer-lost" => Fate::AnswerLost,
        _ => panic!("no such fate: {name}"),
    }
}

/// The bytes of `text`, with one byte for each `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap_or_else(|_| panic!("no byte: \\x{part}")));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

#[test]
fn words_and_escapes_are_read_and_ids_are_hidden() {
    assert_eq!(words(r#"event a  browser="a b" url=/"#), ["event", "a", r#"browser="a b""#, "url=/"]);
    assert_eq!(without_ids("`x/part-12-ab.parquet`: y"), "`x/part-ID.parquet`: y");
    assert_eq!(unescaped(r"{\xff\x00}"), b"{\xff\x00}");
}

#[tokio::test(crate = "crate::support::limit")]
async fn only_recorded_output_changes() {
    let script = "# a comment\nnow 15T12:00\n---\nold\n\nevent a\ningest p0 1 a\n---\nold\nolder\n";
    let outcome = "# a comment\nnow 15T12:00\n---\nok\n\nevent a\ningest p0 1 a\n---\n\
                   ingested 1, duplicates 0, silver rows 1, quarantined 0\n";
    assert_eq!(Script::default().run(script).await, outcome);
}
