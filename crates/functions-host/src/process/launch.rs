//! How the handler process is started: executable, arguments, working folder and environment.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use tokio::process::{Child, Command};

use crate::app::host_json::HandlerDescription;
use crate::app::settings::AppSettings;
use crate::clock;

/// The system chooses at random, and now and then what it has chosen before.
const FREE_PORT_ATTEMPTS: usize = 1_000;

/// Everything needed to start the handler again and again.
#[derive(Debug)]
pub struct Launch {
    executable: PathBuf,
    arguments: Vec<String>,
    working_directory: PathBuf,
    /// App settings and what stays the same over restarts.
    environment: Vec<(String, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("handler `{0}` is neither a file below the app root nor a program on the path, was it built and staged?")]
    NotFound(String),
    #[error("handler `{path}` is not executable, its mode is {mode:o}", path = .path.display())]
    NotExecutable { path: PathBuf, mode: u32 },
}

impl Launch {
    /// # Errors
    /// When there is no such executable. The real host would wait for it for ever.
    pub fn new(
        description: &HandlerDescription,
        root: &Path,
        settings: &AppSettings,
        port: u16,
    ) -> Result<Self, LaunchError> {
        let mut environment: Vec<_> =
            settings.own().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let own = [
            ("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()),
            ("FUNCTIONS_HTTPWORKER_PORT", port.to_string()),
            ("FUNCTIONS_APP_ROOT_PATH", root.display().to_string()),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Ok(Self {
            executable: find(&description.executable, root)?,
            arguments: description.arguments.clone(),
            working_directory: description.working_directory.clone(),
            environment,
        })
    }

    /// Starts one process, with a worker id of its own.
    ///
    /// # Errors
    /// When the operating system cannot start it.
    pub fn start(&self) -> io::Result<Child> {
        let worker_id = clock::new_id().to_string();
        Command::new(&self.executable)
            .args(&self.arguments)
            .current_dir(&self.working_directory)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &worker_id)
            .env("FUNCTIONS_HTTPWORKER_ID", &worker_id)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// A port nobody uses now, and that was not handed out before: the handler it was handed out for may still be starting.
/// As on the real host it is not held, so somebody else could take it before the handler does.
///
/// # Errors
/// When there is none.
pub fn free_port() -> io::Result<u16> {
    static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    for _ in 0..FREE_PORT_ATTEMPTS {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        if HANDED_OUT.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrNotAvailable.into())
}

fn find(executable: &str, root: &Path) -> Result<PathBuf, LaunchError> {
    let below_root = root.join(executable);
    if below_root.is_file() {
        return executable_file(below_root);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&folders).map(|folder| folder.join(executable)).find(|path| path.is_file());
    on_path.map_or_else(|| Err(LaunchError::NotFound(executable.to_owned())), executable_file)
}

fn executable_file(path: PathBuf) -> Result<PathBuf, LaunchError> {
    let mode = path.metadata().map_or(0, |metadata| metadata.permissions().mode() & 0o7777);
    if mode & 0o111 == 0 {
        return Err(LaunchError::NotExecutable { path, mode });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::free_port;
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_handed_out_twice() {
        let ports: BTreeSet<u16> = (0..500).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 500);
    }
}
