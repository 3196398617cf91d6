//! The real Azurite from npm. It is installed on first use, and each test starts its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Version of the npm package.
const VERSION: &str = "3.37.0";

/// The emulator's well-known account.
pub const ACCOUNT: &str = "devstoreaccount1";

/// The public key of that account, the same in every emulator.
pub const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running Azurite that starts empty. Dropping it kills the process.
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
    /// Uses Azurite's own client library, since the client of the store cannot create containers.
    pub fn create_container(&self, container: &str) {
        let script = format!(
            "const {{BlobServiceClient, StorageSharedKeyCredential}} = require('@azure/storage-blob'); \
             const service = new BlobServiceClient('{}', new StorageSharedKeyCredential('{ACCOUNT}', '{KEY}')); \
             service.getContainerClient('{container}').create()\
             .catch(error => {{ console.error(error); process.exit(1); }});",
            self.blob_endpoint
        );
        let mut node = Command::new("node");
        let output = node.args(["-e", &script]).current_dir(folder()).output().expect("node is needed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The settings of a process that uses it.
    pub fn settings(&self) -> Vec<(String, String)> {
        let setting = |name: &str, value: &str| (format!("AZURE_STORAGE_{name}"), value.to_owned());
        vec![setting("ACCOUNT_NAME", ACCOUNT), setting("ACCOUNT_KEY", KEY), setting("ENDPOINT", &self.blob_endpoint)]
    }

    /// `127.0.0.1:34567`
    pub fn address(&self) -> SocketAddr {
        let authority = self.blob_endpoint.trim_start_matches("http://").split('/').next();
        authority.and_then(|authority| authority.parse().ok()).expect("an address")
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
