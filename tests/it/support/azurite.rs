//! Real Azurite, from npm, installed on first use and started for as long as a test needs it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Of the npm package.
const VERSION: &str = "3.37.0";

/// The emulator's well-known account.
pub const ACCOUNT: &str = "devstoreaccount1";

/// A running Azurite with nothing in it; killed when dropped.
pub struct Azurite {
    child: Child,
    pub blob_endpoint: String,
    _folder: tempfile::TempDir,
}

impl Azurite {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("node")
            .arg(program())
            .args(["--blobPort", "0", "--blobHost", "127.0.0.1", "--disableTelemetry", "--skipApiVersionCheck"])
            .args(["--silent", "--location"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is needed");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let said = output.lines().map_while(Result::ok).find_map(|line| address(&line));
        let address = said.expect("Azurite says where it listens");
        Azurite { child, blob_endpoint: format!("{address}/{ACCOUNT}"), _folder: folder }
    }
}

impl Azurite {
    /// Runs JavaScript where the packages that come with Azurite can be required.
    pub fn run_script(&self, script: &str) {
        let output = Command::new("node").args(["-e", script]).current_dir(folder()).output().expect("node is needed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `Azurite Blob service successfully listens on http://127.0.0.1:34567`
fn address(line: &str) -> Option<String> {
    let at = line.find("http://")?;
    line.contains("listens on").then(|| line[at..].trim().to_owned())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/azurite")
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = folder();
        let program = folder.join("node_modules/azurite/dist/src/blob/main.js");
        if !program.exists() {
            std::fs::create_dir_all(&folder).expect("a folder");
            let mut install = Command::new("npm");
            install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
            let output =
                install.arg(format!("azurite@{VERSION}")).arg("@azure/storage-blob").output().expect("npm is needed");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        program
    })
}
