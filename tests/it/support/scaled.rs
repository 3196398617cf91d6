//! `clickstream local` with many handler processes, and SIGKILL for each of them.

use super::process::clickstream;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// How the command is started, again and again, on one lake.
pub struct Scaled {
    pub lake: String,
    pub instances: usize,
    /// For the tool, and for the handlers.
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
    /// Where output and state go.
    pub folder: PathBuf,
}

impl Scaled {
    /// With the events of `input`.
    pub fn start(&self, input: &Path) -> Running {
        let story = OpenOptions::new().create(true).append(true).open(self.story_path()).expect("a file");
        let mut command = clickstream();
        command.args(["local", "--drain", "--json", "--port", "0", "--lake", &self.lake]);
        command.args(["--instances", &self.instances.to_string()]).args(&self.arguments).arg("--input").arg(input);
        let child = self.in_environment(&mut command).stdout(self.outcome_file()).stderr(story).spawn();
        Running { child: child.expect("it starts") }
    }

    /// The audit command on the lake: whether it holds, and what it printed.
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

    /// What the last process that came to its end printed.
    pub fn outcome(&self) -> serde_json::Value {
        let text = fs::read(self.folder.join("outcome.json")).expect("it is there");
        serde_json::from_slice(&text).expect("one JSON object")
    }

    fn outcome_file(&self) -> File {
        File::create(self.folder.join("outcome.json")).expect("a file")
    }

    /// What all of them wrote for people, one after the other.
    pub fn story(&self) -> String {
        fs::read_to_string(self.story_path()).expect("it is there")
    }

    fn story_path(&self) -> PathBuf {
        self.folder.join("story.txt")
    }
}

/// A running tool; killed when dropped, and its handlers end with it.
pub struct Running {
    child: Child,
}

impl Running {
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be asked")
    }

    /// The processes of the handlers that there are at the moment, in no order.
    pub fn handlers(&self) -> Vec<Pid> {
        children_of(self.child.id())
    }

    /// SIGKILL for the tool and everything it has started; returns when all of it is gone.
    pub fn kill_everything(&mut self) {
        let handlers = self.handlers();
        // Neither fails when it has just ended by itself.
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        handlers.iter().for_each(|&handler| kill(handler));
        while handlers.iter().any(|handler| is_running(*handler)) {
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

/// SIGKILL; a process that has ended in the meantime is no concern.
pub fn kill(process: Pid) {
    let _ = kill_process(process, Signal::KILL);
}

fn children_of(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(|entry| Some(entry.ok()?.path()));
    let children = processes.filter(|path| status(path).is_some_and(|status| status.parent == parent));
    children.filter_map(|path| Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?)).collect()
}

/// A zombie has let go of everything.
fn is_running(process: Pid) -> bool {
    let path = format!("/proc/{}", process.as_raw_nonzero());
    status(Path::new(&path)).is_some_and(|status| status.state != 'Z')
}

struct Status {
    state: char,
    parent: u32,
}

/// Of a folder of `/proc` that belongs to a process.
fn status(process: &Path) -> Option<Status> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(Status { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}
