//! Measures how much memory the functions need in the worst cases that we know, and how much CPU gold needs, each in a process
//! of its own:
//!
//! ```text
//! cargo bench --bench memory                             everything, about a quarter of an hour
//! cargo bench --bench memory -- 0.05                     the same with a twentieth of the events
//! cargo bench --bench memory -- 0.2 monster rebuild      these scenarios alone
//! cargo bench --bench memory -- FOLDER OTHER_FOLDER      other versions, side by side: folders with both executables
//! ```
//!
//! No number makes it fail, because a busy machine must not break a build. Read the numbers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "a measurement is in real time")]

mod support;

use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use support::{Build, Cost, Handler, envelope, watch};

/// After all events of the synthetic shop.
const ENQUEUED_AT: &str = "2026-06-01T00:00:00.000";

/// As in `host.json`.
const BATCH: usize = 1_000;
const PARTITIONS: usize = 4;

/// Events between two calls of `sessionize` while a lake is prepared.
const SESSIONIZE_EVERY: usize = 100_000;

/// At least as many as a session has on average.
const EVENTS_OF_A_SESSION: usize = 12;

const PROGRESS_EVERY: usize = 500_000;

type Scenario = fn(&Build, Scale);

const SCENARIOS: [(&str, Scenario); 5] = [
    ("local", the_run_of_local),
    ("gold", gold_alone),
    ("monster", the_monster_session),
    ("stored", stored_sessions),
    ("rebuild", rebuild_of_a_day),
];

fn main() {
    let (mut scale, mut wanted, mut builds) = (Scale(1.0), Vec::new(), Vec::new());
    // `cargo bench` adds an argument of its own.
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        if let Ok(size) = argument.parse() {
            scale = Scale(size);
        } else if let Some((_, scenario)) = SCENARIOS.iter().find(|(name, _)| *name == argument) {
            wanted.push(*scenario);
        } else {
            builds.push(Build::in_folder(&argument));
        }
    }
    if wanted.is_empty() {
        wanted.extend(SCENARIOS.map(|(_, scenario)| scenario));
    }
    if builds.is_empty() {
        builds.push(Build::own());
    }
    for scenario in wanted {
        builds.iter().for_each(|build| scenario(build, scale));
    }
}

/// The part of the full size that is measured.
#[derive(Clone, Copy)]
struct Scale(f64);

impl Scale {
    fn of(self, number: usize) -> usize {
        ((number as f64 * self.0) as usize).max(1)
    }
}

fn print(build: &Build, what: &str, Cost { peak_mb, cpu_seconds }: Cost) {
    println!("{}: {what}: {peak_mb:.0} MB, {cpu_seconds:.1} CPU-seconds", build.name);
}

/// Ingest and `sessionize` in one handler, with default settings.
fn the_run_of_local(build: &Build, scale: Scale) {
    let (folder, events) = (tempfile::tempdir().expect("a folder"), scale.of(500_000));
    let input = folder.path().join("input.ndjson");
    let mut generate = build.clickstream();
    generate.args(["generate", "--ids", "--events", &events.to_string(), "--out"]).arg(&input);
    watch(&mut generate);
    let handler = local(build, folder.path(), &input);
    print(build, &format!("handler of `local`, {events} events (below 256 MB)"), handler);
    let (sessions, bytes) = live_rows(&folder.path().join("lake/gold/sessions"));
    println!("{}: gold of it: {sessions} sessions, {:.1} bytes each", build.name, bytes as f64 / sessions as f64);
}

/// What the handler costs until `input` is in gold. The audit that follows is in the other process.
fn local(build: &Build, folder: &Path, input: &Path) -> Cost {
    let mut local = build.clickstream();
    local.args(["local", "--drain", "--port", "0", "--input"]).arg(input).arg("--lake").arg(folder.join("lake"));
    watch(local.stderr(Stdio::null())).1
}

/// Rows and bytes of the files of a table that was never cleaned up.
fn live_rows(table: &Path) -> (i64, i64) {
    let mut files = std::collections::HashMap::new();
    let log = std::fs::read_dir(table.join("_delta_log")).expect("a log");
    let mut commits: Vec<_> = log.map(|entry| entry.expect("an entry").path()).collect();
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    for commit in commits {
        for line in std::fs::read_to_string(commit).expect("a commit").lines() {
            let action: Value = serde_json::from_str(line).expect("JSON");
            if let Some(path) = action["remove"]["path"].as_str() {
                files.remove(path);
            }
            if let Some(path) = action["add"]["path"].as_str() {
                let statistics: Value =
                    serde_json::from_str(action["add"]["stats"].as_str().unwrap_or("{}")).expect("JSON");
                let (rows, bytes) = (statistics["numRecords"].as_i64(), action["add"]["size"].as_i64());
                files.insert(path.to_owned(), (rows.unwrap_or_default(), bytes.unwrap_or_default()));
            }
        }
    }
    files.values().fold((0, 0), |(rows, bytes), file| (rows + file.0, bytes + file.1))
}

/// A process that has nothing to do but `sessionize`.
fn gold_alone(build: &Build, scale: Scale) {
    let (lake, events) = (tempfile::tempdir().expect("a folder"), scale.of(500_000));
    let mut shop = Shop::open(build, lake.path(), (events, 1_000), 1);
    let ingest = build.start_handler(lake.path());
    while shop.ingest_next(&ingest, events) {}
    drop(ingest);
    let handler = build.start_handler(lake.path());
    handler.sessionize();
    let cost = handler.cost();
    let per_million = cost.cpu_seconds / events as f64 * 1e6;
    print(build, &format!("gold of {events} events at once, {per_million:.1} CPU-seconds per million"), cost);
}

/// One session of 160,000 pages of 1 KB.
fn the_monster_session(build: &Build, scale: Scale) {
    let (folder, pages) = (tempfile::tempdir().expect("a folder"), scale.of(160_000));
    let mut lines = String::new();
    for page in 0..pages {
        let event = json!({
            "event_id": format!("e{page}"), "user_id": "monster", "session_id": "s", "event_type": "page_view",
            "timestamp": 1_767_571_200 + page, "page_url": format!("{:x<1024}", format!("https://shop.example/{page:06}/")),
        });
        writeln!(lines, "{event}").expect("memory");
    }
    let input = folder.path().join("input.ndjson");
    std::fs::write(&input, lines).expect("written");
    let handler = local(build, folder.path(), &input);
    print(build, &format!("handler of `local`, one session of {pages} pages of 1 KB (below 256 MB)"), handler);
    let lake = folder.path().join("lake");
    let (rebuild, _) = watch(build.clickstream().args(["rebuild", "--lake"]).arg(&lake));
    print(build, "`clickstream rebuild` of it (below 256 MB)", rebuild);
}

/// A run must cost the same however many sessions are stored, and late events must not open all files at once.
fn stored_sessions(build: &Build, scale: Scale) {
    let lake = tempfile::tempdir().expect("a folder");
    let (few, many, changed) = (scale.of(400_000), scale.of(5_000_000), scale.of(10_000));
    let mut shop = Shop::open(build, lake.path(), (many, scale.of(40_600)), changed);
    let mut newest_of = |events| {
        shop.prepare(events);
        let newest = shop.newest();
        (live_rows(&lake.path().join("gold/sessions")).0, shop.measure(newest))
    };
    let ((few, of_few), (many, of_many)) = (newest_of(few), newest_of(many));
    print(build, &format!("the newest {changed} of {few} sessions change"), of_few);
    let ratio = of_many.cpu_seconds / of_few.cpu_seconds;
    print(build, &format!("the newest {changed} of {many} change: {ratio:.2} times the CPU (at most 1.2)"), of_many);
    let scattered = std::mem::take(&mut shop.scattered);
    let late = shop.measure(scattered);
    print(build, &format!("{changed} late events over 15 days of {many} sessions (below 256 MB)"), late);
}

/// The handler first: afterwards no date is touched since the last rebuild, and it would find nothing to do.
fn rebuild_of_a_day(build: &Build, scale: Scale) {
    let (lake, events) = (tempfile::tempdir().expect("a folder"), scale.of(4_050_000));
    Shop::open(build, lake.path(), (events, scale.of(500_000)), 1).prepare(events);
    let (sessions, _) = live_rows(&lake.path().join("gold/sessions"));
    let handler = build.start_handler(lake.path());
    // The answer may be that it took too long. It has needed the memory all the same.
    handler.call("rebuild", b"{}");
    print(build, &format!("function `rebuild`, a day of {sessions} sessions (below 256 MB)"), handler.cost());
    drop(handler);
    let (rebuild, _) = watch(build.clickstream().args(["rebuild", "--lake"]).arg(lake.path()));
    print(build, "`clickstream rebuild` of the same (below 256 MB)", rebuild);
}

/// The synthetic shop, whose events are ingested one after the other into a lake.
struct Shop<'a> {
    build: &'a Build,
    lake: &'a Path,
    generator: Child,
    lines: BufReader<ChildStdout>,
    events: usize,
    ingested: usize,
    /// The next sequence number of each partition.
    next: [i64; PARTITIONS],
    /// How many sessions change in a measurement.
    changed: usize,
    /// The last events, for at least as many sessions.
    last: VecDeque<Vec<u8>>,
    /// So many events, as far from each other as possible.
    scattered: Vec<Vec<u8>>,
}

impl<'a> Shop<'a> {
    fn open(build: &'a Build, lake: &'a Path, (events, users): (usize, usize), changed: usize) -> Self {
        let mut generate = build.clickstream();
        generate.args(["generate", "--ids", "--events", &events.to_string(), "--users", &users.to_string()]);
        let mut generator = generate.stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(generator.stdout.take().expect("piped"));
        let (last, scattered) = (VecDeque::new(), Vec::new());
        Shop { build, lake, generator, lines, events, ingested: 0, next: [0; PARTITIONS], changed, last, scattered }
    }

    /// Ingests events until there are `events`, and brings gold up to date meanwhile.
    fn prepare(&mut self, events: usize) {
        let handler = self.build.start_handler(self.lake);
        let mut since = self.ingested;
        while self.ingest_next(&handler, events) {
            if self.ingested - since >= SESSIONIZE_EVERY {
                since = self.ingested;
                handler.sessionize();
            }
        }
        handler.sessionize();
    }

    /// Ingests a batch of each partition, of the first `end` events. Returns whether some of these are left.
    fn ingest_next(&mut self, handler: &Handler, end: usize) -> bool {
        let mut batches = Vec::new();
        while batches.len() < PARTITIONS && self.ingested < end {
            let events: Vec<Vec<u8>> =
                (self.ingested..end.min(self.ingested + BATCH)).map(|_| self.next_event()).collect();
            batches.push(events);
        }
        self.ingest(handler, batches);
        self.ingested < end
    }

    fn next_event(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        assert!(self.lines.read_until(b'\n', &mut line).expect("a line") > 0, "the generator ended");
        self.ingested += 1;
        if self.ingested.is_multiple_of(self.events / self.changed) && self.scattered.len() < self.changed {
            self.scattered.push(line.clone());
        }
        if self.ingested.is_multiple_of(PROGRESS_EVERY) {
            println!("    {} of {} events are generated", self.ingested, self.events);
        }
        self.last.push_back(line.clone());
        if self.last.len() > EVENTS_OF_A_SESSION * self.changed {
            self.last.pop_front();
        }
        line
    }

    /// At the same time, as the host does it.
    fn ingest(&mut self, handler: &Handler, batches: Vec<Vec<Vec<u8>>>) {
        std::thread::scope(|scope| {
            for (partition, events) in batches.into_iter().enumerate() {
                let first = self.next[partition];
                self.next[partition] += events.len() as i64;
                scope.spawn(move || handler.ingest(&envelope(partition, first, ENQUEUED_AT, events)));
            }
        });
    }

    /// An event of each of the newest sessions.
    fn newest(&self) -> Vec<Vec<u8>> {
        let mut sessions = HashSet::new();
        let is_new = |event: &&Vec<u8>| {
            let event: Value = serde_json::from_slice(event).expect("JSON");
            sessions.len() < self.changed && sessions.insert(event["session_id"].to_string())
        };
        self.last.iter().rev().filter(is_new).cloned().collect()
    }

    /// What a new process needs to bring gold up to date when the sessions of `events` get another event each.
    fn measure(&mut self, events: Vec<Vec<u8>>) -> Cost {
        let others: Vec<Vec<u8>> = events.iter().map(|event| another_event(event, self.ingested)).collect();
        let handler = self.build.start_handler(self.lake);
        for batches in others.chunks(BATCH * PARTITIONS) {
            self.ingest(&handler, batches.chunks(BATCH).map(<[_]>::to_vec).collect());
        }
        drop(handler);
        let handler = self.build.start_handler(self.lake);
        handler.sessionize();
        handler.cost()
    }
}

impl Drop for Shop<'_> {
    fn drop(&mut self) {
        let _ = self.generator.kill();
        let _ = self.generator.wait();
    }
}

/// A page view of the same session at the same time.
fn another_event(event: &[u8], number: usize) -> Vec<u8> {
    let event: Value = serde_json::from_slice(event).expect("JSON");
    let members = ["user_id", "session_id", "timestamp", "browser", "os", "device_type", "geo_country"];
    let mut other: serde_json::Map<String, Value> =
        members.map(|name| (name.to_owned(), event[name].clone())).into_iter().collect();
    let id = event["event_id"].as_str().expect("an id");
    other.extend([
        ("event_id".to_owned(), json!(format!("{id}-{number}"))),
        ("event_type".to_owned(), json!("page_view")),
        ("page_url".to_owned(), json!("/late")),
    ]);
    Value::Object(other).to_string().into_bytes()
}
