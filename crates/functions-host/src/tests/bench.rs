//! A staged app in a temporary folder, an event source in memory, and a host that runs both.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::{
    Delivered, Drained, EventSource, Host, HostError, HostEvent, HostOptions, InvocationOutcome, PartitionId, Read,
    SequenceNumber, SourceEvent,
};

const HANDLER: &str = include_str!("handler.py");
/// Only a broken host takes so long for anything that a test waits for.
const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(super) const RETRY: &str = r#"{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:00.02"}"#;

/// Waits for `future`, and fails with `what` when that takes too long.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIME_LIMIT, future).await.unwrap_or_else(|_| panic!("no {what} within {TIME_LIMIT:?}"))
}

/// One staged app and the state of its hosts.
pub(super) struct Bench {
    root: TempDir,
    state: TempDir,
}

impl Bench {
    /// An app whose handler answers each call with the next step of `plan`, and all further calls with the last one.
    pub(super) fn new(plan: &[&str]) -> Self {
        let bench = Self { root: TempDir::new().unwrap(), state: TempDir::new().unwrap() };
        bench.write("handler.py", HANDLER);
        bench.plan(plan);
        bench.host_json(json!({}));
        bench
    }

    pub(super) fn plan(&self, plan: &[&str]) {
        self.write("plan.json", &json!(plan).to_string());
    }

    /// `host.json` with additional settings.
    pub(super) fn host_json(&self, additional: Value) {
        let mut host = json!({"customHandler": {"description":
            {"defaultExecutablePath": "python3", "arguments": ["handler.py"]}}});
        for (key, value) in additional.as_object().unwrap() {
            match (host.get_mut(key), value) {
                (Some(Value::Object(existing)), Value::Object(more)) => existing.extend(more.clone()),
                _ => host[key] = value.clone(),
            }
        }
        self.write("host.json", &host.to_string());
    }

    /// A function that receives batches.
    pub(super) fn ingest(self, retry: Option<&str>) -> Self {
        let retry = retry.map_or_else(String::new, |retry| format!(r#","retry":{retry}"#));
        let binding = r#"{"type":"eventHubTrigger","name":"events","eventHubName":"%HUB%","cardinality":"many",
            "dataType":"binary"}"#;
        self.function("ingest", &format!(r#"{{"bindings":[{binding}]{retry}}}"#))
    }

    pub(super) fn function(self, name: &str, function_json: &str) -> Self {
        fs::create_dir(self.root.path().join(name)).unwrap();
        self.write(&format!("{name}/function.json"), function_json);
        self
    }

    pub(super) fn write(&self, path: &str, content: &str) {
        fs::write(self.root.path().join(path), content).unwrap();
    }

    /// Starts a host like the real one, with the options that `adjust` changes.
    pub(super) async fn start(&self, source: MemorySource, adjust: impl FnOnce(&mut HostOptions)) -> Run {
        let mut options = HostOptions::new(self.root.path().to_owned(), self.state.path().to_owned());
        options.app_settings.insert("HUB".to_owned(), "clicks".to_owned());
        options.app_settings.insert("GREETING".to_owned(), "hello".to_owned());
        adjust(&mut options);
        let (sender, events) = mpsc::unbounded_channel();
        let host = within("start", Host::start(options, Arc::new(source), sender)).await.unwrap();
        Run { host, events: Events { incoming: events, seen: VecDeque::new() } }
    }

    /// The calls that the handler received, in all its processes.
    pub(super) fn calls(&self) -> Vec<Call> {
        let calls = fs::read_to_string(self.root.path().join("calls.ndjson")).unwrap_or_default();
        calls.lines().map(|line| Call(serde_json::from_str(line).unwrap())).collect()
    }

    /// The sequence number of the checkpoint of partition 0.
    pub(super) fn checkpoint(&self) -> Option<i64> {
        let path: PathBuf = ["checkpoints", "local", "clicks", "$Default", "0.json"].iter().collect();
        let text = fs::read_to_string(self.state.path().join(path)).ok()?;
        serde_json::from_str::<Value>(&text).unwrap()["sequence_number"].as_i64()
    }
}

pub(super) struct Call(pub Value);

impl Call {
    pub(super) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    pub(super) fn sequence_numbers(&self) -> Vec<i64> {
        serde_json::from_str(self.0["body"]["Metadata"]["SequenceNumberArray"].as_str().unwrap()).unwrap()
    }

    pub(super) fn retry(&self) -> &Value {
        &self.0["body"]["Metadata"]["RetryContext"]
    }
}

pub(super) struct Run {
    pub(super) host: Host,
    pub(super) events: Events,
}

impl Run {
    pub(super) async fn drained(&self) -> Drained {
        within("end of the source", self.host.drained()).await
    }

    pub(super) async fn invoke_timer(&self, function: &str) -> Result<InvocationOutcome, HostError> {
        within("end of the timer run", self.host.invoke_timer(function)).await
    }

    /// Stops the host, and returns its events.
    pub(super) async fn stop(self) -> Events {
        within("stop", self.host.stop()).await;
        self.events
    }
}

pub(super) struct Events {
    incoming: mpsc::UnboundedReceiver<HostEvent>,
    seen: VecDeque<HostEvent>,
}

impl Events {
    /// Waits for the first event that `select` accepts, and keeps those before it.
    pub(super) async fn wait_for<T>(&mut self, what: &str, select: impl Fn(&HostEvent) -> Option<T>) -> T {
        loop {
            let event = tokio::time::timeout(TIME_LIMIT, self.incoming.recv()).await;
            let event = event.ok().flatten().unwrap_or_else(|| panic!("no {what} after {:?}", self.seen));
            let selected = select(&event);
            self.seen.push_back(event);
            if let Some(selected) = selected {
                return selected;
            }
        }
    }

    pub(super) async fn handler_started(&mut self) -> u32 {
        let pid = |event: &HostEvent| match event {
            HostEvent::HandlerStarted { pid, .. } => Some(*pid),
            _ => None,
        };
        self.wait_for("handler", pid).await
    }

    pub(super) async fn delivered(&mut self) -> Delivered {
        let delivered = |event: &HostEvent| match event {
            HostEvent::Delivered(delivered) => Some(delivered.clone()),
            _ => None,
        };
        self.wait_for("delivery", delivered).await
    }

    /// Waits until the handler has received a call.
    pub(super) async fn called(&mut self) {
        let called = |event: &HostEvent| match event {
            HostEvent::HandlerOutput { line, .. } => line.starts_with("called").then_some(()),
            _ => None,
        };
        self.wait_for("call", called).await;
    }

    /// All events so far.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &HostEvent> {
        while let Ok(event) = self.incoming.try_recv() {
            self.seen.push_back(event);
        }
        self.seen.iter()
    }

    pub(super) fn count(&mut self, is: impl Fn(&HostEvent) -> bool) -> usize {
        self.all().filter(|event| is(event)).count()
    }
}

/// Events 0, 1, 2, .. in every partition.
pub(super) struct MemorySource {
    pub(super) partitions: usize,
    pub(super) events: i64,
    /// Whether there will be no more.
    pub(super) ends: bool,
}

impl MemorySource {
    pub(super) fn with(events: i64) -> Self {
        Self { partitions: 1, events, ends: true }
    }
}

impl EventSource for MemorySource {
    fn namespace(&self) -> &str {
        "local"
    }

    fn event_hub(&self) -> &str {
        "clicks"
    }

    fn partition_count(&self) -> usize {
        self.partitions
    }

    fn read(
        &self,
        partition: PartitionId,
        after: Option<SequenceNumber>,
        max: usize,
    ) -> BoxFuture<'_, std::io::Result<Read>> {
        let first = after.map_or(0, |after| after.0 + 1).max(0);
        let event = move |sequence_number: i64| SourceEvent {
            sequence_number: SequenceNumber(sequence_number),
            offset: (sequence_number * 100).to_string(),
            enqueued_at: chrono::DateTime::UNIX_EPOCH,
            partition_key: None,
            accompanying: Default::default(),
            body: format!(r#"{{"partition":{partition},"n":{sequence_number}}}"#).into(),
        };
        let batch: Vec<_> = (first..self.events).take(max).map(event).collect();
        match (batch.is_empty(), self.ends) {
            (false, _) => std::future::ready(Ok(Read::Events(batch))).boxed(),
            (true, true) => std::future::ready(Ok(Read::Ended)).boxed(),
            (true, false) => std::future::pending().boxed(),
        }
    }
}
