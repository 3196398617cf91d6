//! `clickstream local --listen`, as a process that programs send to.

use super::process::clickstream;
use super::senders::Sender;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// One that is running; killed when dropped, and the handler with it.
pub struct Listening {
    child: Child,
    pub connection_string: String,
    /// What it goes on saying.
    said: Option<JoinHandle<String>>,
}

impl Listening {
    /// On a port of its own, for `lake`.
    pub fn start(lake: &Path) -> Self {
        Self::start_as(clickstream(), lake)
    }

    /// Run by `program`.
    pub fn start_as(mut program: Command, lake: &Path) -> Self {
        program.args(["local", "--listen", "127.0.0.1:0", "--drain", "--json", "--port", "0", "--content-length"]);
        program.arg("--lake").arg(lake);
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let connection_string = connection_string(&mut lines);
        let said = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
        Listening { child, connection_string, said: Some(said) }
    }

    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Closes the endpoint as Ctrl-C does; the outcome, once all that was taken is in gold.
    pub fn drain(mut self) -> Value {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("it is there");
        let mut outcome = String::new();
        let mut stdout = self.child.stdout.take().expect("piped");
        std::io::Read::read_to_string(&mut stdout, &mut outcome).expect("text");
        let status = self.child.wait().expect("ended");
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        assert!(status.success(), "{said}\n{outcome}");
        serde_json::from_str(&outcome).expect("one JSON object")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From the line that tells it.
fn connection_string(lines: &mut Lines<BufReader<ChildStderr>>) -> String {
    let mut before = Vec::new();
    for line in lines.map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("send events with `") {
            return rest.trim_end_matches('`').to_owned();
        }
        before.push(line);
    }
    panic!("it does not listen: {}", before.join("\n"));
}

/// A program that publishes; killed when dropped.
pub struct Publishing {
    child: Child,
    pub sender: Sender,
    said: Lines<BufReader<ChildStdout>>,
}

impl Publishing {
    pub fn start(sender: Sender, to: &Listening, events: usize, per_batch: usize) -> Self {
        let mut command = sender.command();
        command.args(["publish", &to.connection_string, &events.to_string(), &per_batch.to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(child.stdout.take().expect("piped")).lines();
        Publishing { child, sender, said }
    }

    /// The numbers of the next batch that was acknowledged; `None` once there are no more.
    pub fn next_acknowledged(&mut self) -> Option<RangeInclusive<usize>> {
        let line = self.said.next()?.expect("text");
        let mut numbers = line.strip_prefix("acknowledged ").expect("it says nothing else").split(' ');
        let mut number = || numbers.next().and_then(|number| number.parse().ok()).expect("a number");
        let first = number();
        Some(first..=number())
    }

    /// The numbers of what was acknowledged until the program ended, by itself or for want of somebody to send to.
    pub fn all_acknowledged(&mut self) -> Vec<usize> {
        std::iter::from_fn(|| self.next_acknowledged()).flatten().collect()
    }

    pub fn succeed(mut self) {
        let status = self.child.wait().expect("ended");
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("piped");
        std::io::Read::read_to_string(&mut stderr, &mut said).expect("text");
        assert!(status.success(), "{:?}: {said}", self.sender);
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with `clickstream` and, in place of its handler, the program at `handler`.
pub fn with_handler(folder: &Path, handler: &str) -> PathBuf {
    let program = folder.join("clickstream");
    std::fs::copy(env!("CARGO_BIN_EXE_clickstream"), &program).expect("copied");
    let handler = Path::new(env!("CARGO_MANIFEST_DIR")).join(handler);
    std::fs::copy(handler, folder.join("handler")).expect("copied");
    program
}
