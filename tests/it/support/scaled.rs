//! `clickstream local` with many handler processes, and SIGKILL for each of them.

use super::limit::{Deadline, STEP_LIMIT};
use super::process::clickstream;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// How the command is started, several times on one lake.
pub struct Scaled {
    pub lake: String,
    pub instances: usize,
    /// Environment variables of the tool and of the handlers.
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
    /// The folder for output and state.
    pub folder: PathBuf,
}

impl Scaled {
    /// Starts the command with the events of `input`.
    pub fn start(&self, input: &Path) -> Running {
        let story = OpenOptions::new().create(true).append(true).open(self.story_path()).expect("a file");
        let mut command = clickstream();
        command.args(["local", "--drain", "--json", "--port", "0", "--lake", &self.lake]);
        command.args(["--instances", &self.instances.to_string()]).args(&self.arguments).arg("--input").arg(input);
        let child = self.in_environment(&mut command).stdout(self.outcome_file()).stderr(story).spawn();
        Running { child: child.expect("it starts") }
    }

    /// Runs the audit command on the lake. Returns its status and what it printed.
    pub fn audit(&self) -> (ExitStatus, String) {
        let mut command = clickstream();
        command.args(["audit", "--lake", &self.lake]);
        let output = self.in_environment(&mut command).output().expect("it starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&text).into_owned())
    }

    fn in_environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.envs(environment).env("XDG_STATE_HOME", &self.folder).stdin(Stdio::null())
    }

    /// The result that the last finished process printed.
    pub fn outcome(&self) -> serde_json::Value {
        let text = fs::read(self.folder.join("outcome.json")).expect("it is there");
        serde_json::from_slice(&text).expect("one JSON object")
    }

    fn outcome_file(&self) -> File {
        File::create(self.folder.join("outcome.json")).expect("a file")
    }

    /// The messages of all processes, in order.
    pub fn story(&self) -> String {
        fs::read_to_string(self.story_path()).expect("it is there")
    }

    fn story_path(&self) -> PathBuf {
        self.folder.join("story.txt")
    }
}

/// A running tool. Dropping it kills the process, and its handlers end with it.
pub struct Running {
    child: Child,
}

impl Running {
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be asked")
    }

    /// The handlers that run at the moment, in no order.
    pub fn handlers(&self) -> Vec<Pid> {
        children_of(self.child.id())
    }

    /// Kills the tool and its handlers, and waits until all of them have ended.
    pub fn kill_everything(&mut self) {
        let handlers = self.handlers();
        // Neither call fails if the process has just ended by itself.
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        handlers.iter().for_each(|&handler| kill(handler));
        let deadline = Deadline::after(STEP_LIMIT);
        while handlers.iter().any(|handler| is_running(*handler)) {
            deadline.check("killed handlers to end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends SIGKILL. It is no error if the process has ended.
pub fn kill(process: Pid) {
    let _ = kill_process(process, Signal::KILL);
}

fn children_of(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(|entry| Some(entry.ok()?.path()));
    let children = processes.filter(|path| status(path).is_some_and(|status| status.parent == parent));
    children.filter_map(|path| Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?)).collect()
}

/// A zombie holds no resources any more, so it does not count.
fn is_running(process: Pid) -> bool {
    let path = format!("/proc/{}", process.as_raw_nonzero());
    status(Path::new(&path)).is_some_and(|status| status.state != 'Z')
}

struct Status {
    state: char,
    parent: u32,
}

/// The status of the process with this folder below `/proc`.
fn status(process: &Path) -> Option<Status> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    // The name in parentheses may contain any character.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(Status { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}
