//! The official Event Hubs clients for Python and JavaScript, installed on first use, and the programs that use them.

use super::python;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Of the npm package `@azure/event-hubs`.
const JAVASCRIPT_VERSION: &str = "6.0.4";

/// A client and its program in `tests/senders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Python,
    JavaScript,
}

pub const SENDERS: [Sender; 2] = [Sender::Python, Sender::JavaScript];

impl Sender {
    /// As its events name it.
    pub fn name(self) -> &'static str {
        match self {
            Sender::Python => "python",
            Sender::JavaScript => "javascript",
        }
    }

    /// The program, ready to be run with arguments.
    pub fn command(self) -> Command {
        let programs = root().join("tests/senders");
        match self {
            Sender::Python => {
                let mut command = Command::new(interpreter());
                command.arg(programs.join("send.py"));
                command
            }
            Sender::JavaScript => {
                let mut command = Command::new("node");
                command.arg(programs.join("send.cjs")).env("NODE_PATH", packages());
                command
            }
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn interpreter() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python::environment("senders", "tests/senders/requirements.txt"))
}

fn packages() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let folder = root().join(format!("target/senders-{JAVASCRIPT_VERSION}"));
        let packages = folder.join("node_modules");
        if !packages.join("@azure/event-hubs/package.json").exists() {
            std::fs::create_dir_all(&folder).expect("a folder");
            let mut install = Command::new("npm");
            install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
            let output =
                install.arg(format!("@azure/event-hubs@{JAVASCRIPT_VERSION}")).output().expect("npm is needed");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        packages
    })
}
