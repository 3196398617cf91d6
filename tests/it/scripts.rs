//! Records of state: commands, `---`, and what the tables then are, as text.
//!
//! Each file in `scripts/` is one test. `UPDATE_SCRIPTS=1` writes what came out into the file; read the difference
//! before you keep it. Commands:
//!
//! ```text
//! set NAME VALUE                   a setting, before the first other command
//! now 15T12:00                     the clock, in January 2026
//! event NAME FIELD=VALUE ...       an event; `at=15T10:00` is its timestamp, a value in [] or with digits only is JSON
//! raw NAME TEXT                    an event with these bytes
//! ingest PARTITION FIRST NAME ...  a batch whose first event has the sequence number FIRST
//! sessionize                       until gold is up to date
//! rebuild                          all of it
//! restart                          a process that remembers nothing
//! dump sessions|silver|quarantine|control COLUMN ...
//! ```

use crate::support::envelope::Sent;
use crate::support::render;
use crate::support::world::World;
use clickstream::event::time::Timestamp;
use clickstream::gold::rebuild::Scope;
use clickstream::lake::table::Table;
use clickstream::silver::quarantine;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

#[tokio::test]
async fn every_script_ends_in_the_state_it_records() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut different = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let (script, expected) = text.split_once("---\n").unwrap_or((&text, ""));
        let outcome = Script::default().run(script).await;
        if std::env::var_os("UPDATE_SCRIPTS").is_some() {
            std::fs::write(&path, format!("{script}---\n{outcome}")).unwrap();
        } else if outcome != expected {
            different.push(format!("{}\nexpected:\n{expected}\ngot:\n{outcome}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

#[derive(Default)]
struct Script {
    settings: Vec<(String, String)>,
    world: Option<World>,
    events: HashMap<String, Vec<u8>>,
    now: Option<Timestamp>,
    output: String,
}

impl Script {
    async fn run(mut self, script: &str) -> String {
        for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["set", name, value] => self.settings.push((name.to_string(), value.to_string())),
                ["now", at] => {
                    self.now = Some(instant(at));
                    self.world().set_now(instant(at));
                }
                ["event", name, fields @ ..] => {
                    self.events.insert(name.to_string(), event(fields));
                }
                ["raw", name, ..] => {
                    let text = line.splitn(3, ' ').nth(2).unwrap_or_default();
                    self.events.insert(name.to_string(), text.as_bytes().to_vec());
                }
                ["ingest", partition, first, names @ ..] => self.ingest(partition, first, names).await,
                ["sessionize"] => self.world().sessionize().await,
                ["rebuild"] => {
                    let report = self.world().app.gold.rebuild(Scope::All).await.unwrap();
                    writeln!(self.output, "rebuild replaced {:?}", report.replaced.keys()).unwrap();
                }
                ["restart"] => self.world().restart(),
                ["dump", table, columns @ ..] => self.dump(table, columns).await,
                _ => panic!("no such command: {line}"),
            }
        }
        self.output
    }

    fn world(&mut self) -> &mut World {
        let settings: Vec<(&str, &str)> = self.settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.world.get_or_insert_with(|| World::with(&settings))
    }

    async fn ingest(&mut self, partition: &str, first: &str, names: &[&str]) {
        let first: i64 = first.parse().unwrap();
        let enqueued_at = self.now.unwrap_or(crate::support::world::NOON);
        let numbered = names.iter().zip(first..);
        let batch: Vec<Sent> = numbered
            .map(|(name, sequence_number)| Sent {
                sequence_number,
                enqueued_at,
                body: self.events.get(*name).unwrap_or_else(|| panic!("no event `{name}`")).clone(),
            })
            .collect();
        match self.world().ingest(partition, &batch).await {
            Ok(report) => writeln!(
                self.output,
                "ingested {}, duplicates {}, silver rows {}, quarantined {}",
                report.received, report.duplicates, report.silver_rows, report.quarantined
            ),
            Err(failure) => writeln!(self.output, "{} {}", failure.status, failure.reason),
        }
        .unwrap();
    }

    async fn dump(&mut self, table: &str, columns: &[&str]) {
        let app = &self.world().app;
        let table = match table {
            "sessions" => app.gold.table.clone(),
            "silver" => app.gold.silver.clone(),
            "control" => app.gold.control.table.clone(),
            "quarantine" => Table::at(&app.lake, quarantine::table(), &app.workers),
            _ => panic!("no table `{table}`"),
        };
        let text = render::columns(&render::rows(&table).await, columns);
        self.output.push_str(&text);
    }
}

/// `15T10:00` or `15T10:00:00.5` in January 2026.
fn instant(text: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-01-{text}Z")).unwrap_or_else(|| panic!("no instant: {text}"))
}

fn event(fields: &[&str]) -> Vec<u8> {
    let mut event = Map::from_iter([
        ("user_id".to_owned(), json!("u1")),
        ("session_id".to_owned(), json!("s1")),
        ("event_type".to_owned(), json!("page_view")),
    ]);
    for field in fields {
        let (name, value) = field.split_once('=').unwrap_or_else(|| panic!("no field: {field}"));
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        match name {
            "at" => event.insert("timestamp".into(), json!(instant(value.as_str().unwrap()).to_string())),
            "user" => event.insert("user_id".into(), value),
            "session" => event.insert("session_id".into(), value),
            "type" => event.insert("event_type".into(), value),
            "url" => event.insert("page_url".into(), value),
            other => event.insert(other.to_owned(), value),
        };
    }
    Value::Object(event).to_string().into_bytes()
}
