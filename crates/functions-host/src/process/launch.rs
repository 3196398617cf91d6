//! How a handler process is started: executable, arguments, working folder and environment.
//!
//! Promises the environment variables and the search order of the real host. Does not know what becomes of the process.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use tokio::process::{Child, Command};

use crate::app::settings::{AppSettings, HandlerDescription};
use crate::clock;

/// More than one, because the system sometimes chooses a port that it has chosen before.
const MAX_PORT_ATTEMPTS: usize = 1_000;

/// Everything that is needed to start the handler, any number of times.
#[derive(Debug)]
pub(crate) struct Launch {
    executable: PathBuf,
    arguments: Vec<String>,
    working_directory: PathBuf,
    /// App settings, and what is the same for every process.
    environment: Vec<(String, String)>,
}

/// Why the handler cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such file and no such program.
    #[error("cannot find the handler `{0}`, neither below the app root nor on the `PATH`; was it built and staged?")]
    NotFound(String),
    /// The file has no execute permission.
    #[error("cannot execute the handler `{path}`, its mode is {mode:o}; run `chmod +x` on it", path = .path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl Launch {
    /// Finds the executable and collects the environment.
    ///
    /// # Errors
    /// When there is no such executable. The real host would wait for it for ever.
    pub(crate) fn new(
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

    /// Starts one process with a new worker id.
    ///
    /// # Errors
    /// When the operating system cannot start it.
    pub(crate) fn start(&self) -> io::Result<Child> {
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

/// Returns a port that nobody uses now and that this function has not returned before, because the handler of an
/// earlier one may not have opened it yet. As on the real host nothing reserves the port, so another process may open
/// it first.
///
/// # Errors
/// When there is no free port.
pub(crate) fn free_port() -> io::Result<u16> {
    static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    for _ in 0..MAX_PORT_ATTEMPTS {
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
