//! What the benches share: real processes, what they cost, and requests as the host sends them.

#![allow(dead_code, reason = "no bench uses all of it")]

use bytes::Bytes;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The two executables of one version.
#[derive(Debug, Clone)]
pub struct Build {
    pub name: String,
    handler: PathBuf,
    clickstream: PathBuf,
}

impl Build {
    /// The one that is built with the bench.
    pub fn own() -> Self {
        Build {
            name: "this version".to_owned(),
            handler: env!("CARGO_BIN_EXE_handler").into(),
            clickstream: env!("CARGO_BIN_EXE_clickstream").into(),
        }
    }

    pub fn in_folder(folder: &str) -> Self {
        let folder = Path::new(folder);
        let build = Build {
            name: folder.display().to_string(),
            handler: folder.join("handler"),
            clickstream: folder.join("clickstream"),
        };
        for file in [&build.handler, &build.clickstream] {
            assert!(file.is_file(), "cannot find `{}`", file.display());
        }
        build
    }

    pub fn handler_bytes(&self) -> u64 {
        std::fs::metadata(&self.handler).expect("the handler is built").len()
    }

    /// The command that people run. It starts the handler beside it.
    pub fn clickstream(&self) -> Command {
        let mut command = Command::new(&self.clickstream);
        command.env_remove("CARGO").env_remove("LAKE_URL").env("MAX_EVENT_AGE", "none").stdout(Stdio::null());
        command
    }

    pub fn start_handler(&self, lake: &Path) -> Handler {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut command = Command::new(&self.handler);
        command.env("LAKE_URL", lake).env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
        let child = command.env("MAX_EVENT_AGE", "none").stdout(Stdio::null()).spawn().expect("it starts");
        Handler { child, port }
    }
}

/// A running handler. Dropping it kills the process.
pub struct Handler {
    child: Child,
    port: u16,
}

impl Handler {
    pub fn connect(&self) -> TcpStream {
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                return stream;
            }
        }
    }

    /// Calls `function` and returns its answer with the head of the response.
    pub fn call(&self, function: &str, body: &[u8]) -> String {
        let mut stream = self.connect();
        let length = body.len();
        let head =
            format!("POST /{function} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// What `function` reports.
    pub fn report(&self, function: &str, body: &[u8]) -> Value {
        let answer = self.call(function, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        serde_json::from_str(body["Logs"][0].as_str().expect("a line")).expect("a report is JSON")
    }

    pub fn ingest(&self, envelope: &[u8]) {
        self.report("ingest", envelope);
    }

    /// Calls `sessionize` until gold has read all of silver.
    pub fn sessionize(&self) {
        while !self.report("sessionize", b"{}")["run"].is_null() {}
    }

    pub fn cost(&self) -> Cost {
        Cost::of(self.child.id()).expect("it runs")
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has cost so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// The most that it had in memory at any time.
    pub peak_mb: f64,
    pub cpu_seconds: f64,
}

impl Cost {
    /// `None` once the process has ended.
    fn of(process: u32) -> Option<Self> {
        /// The unit of times in `/proc`, which is the same on every Linux.
        const TICKS_PER_SECOND: f64 = 100.0;
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
        let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name before it may have blanks. What follows starts with the state, the third field.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks: f64 = fields.get(11..13)?.iter().filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Some(Cost { peak_mb: kilobytes / 1_024.0, cpu_seconds: ticks / TICKS_PER_SECOND })
    }

    fn max(self, other: Cost) -> Self {
        Cost { peak_mb: self.peak_mb.max(other.peak_mb), cpu_seconds: self.cpu_seconds.max(other.cpu_seconds) }
    }
}

/// Runs `command` to its end. Returns what it cost, and what the costliest process cost that it started.
pub fn watch(command: &mut Command) -> (Cost, Cost) {
    let mut child = command.spawn().expect("it starts");
    let (mut own, mut handler) = (Cost::default(), Cost::default());
    while child.try_wait().expect("it can be asked").is_none() {
        own = own.max(Cost::of(child.id()).unwrap_or_default());
        handler = children(child.id()).into_iter().filter_map(Cost::of).fold(handler, Cost::max);
        std::thread::sleep(Duration::from_millis(5));
    }
    let status = child.wait().expect("it ended");
    assert!(status.success(), "{command:?}: {status}");
    (own, handler)
}

fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

/// A batch of `partition` as the host sends it. The events have the sequence numbers from `first`.
pub fn envelope(partition: usize, first: i64, enqueued_at: &str, events: impl IntoIterator<Item = Vec<u8>>) -> Bytes {
    let bodies: Vec<String> = events.into_iter().map(|event| base64_simd::STANDARD.encode_to_string(event)).collect();
    let numbers: Vec<i64> = (first..).take(bodies.len()).collect();
    let enqueued = vec![enqueued_at; numbers.len()];
    let offsets: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let text = |value: Value| value.to_string();
    let envelope = json!({
        "Data": { "events": text(json!(bodies)) },
        "Metadata": {
            "PartitionContext": {
                "FullyQualifiedNamespace": "bench.servicebus.windows.net", "EventHubName": "clicks",
                "ConsumerGroup": "$Default", "PartitionId": partition.to_string(),
            },
            "OffsetArray": text(json!(offsets)), "SequenceNumberArray": text(json!(numbers)),
            "EnqueuedTimeUtcArray": text(json!(enqueued)),
        }
    });
    Bytes::from(envelope.to_string())
}
