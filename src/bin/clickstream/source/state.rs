//! The folder in which the local run remembers what a kill must not take: when a source was first opened, and the host's
//! checkpoints.

use super::write_whole;
use chrono::{DateTime, SecondsFormat, Utc};
use std::io;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
}

impl StateFolder {
    /// Inside a lake that is a folder, so that the two are lost together; else in the user's state folder.
    pub fn for_lake(lake: &str) -> io::Result<Self> {
        let folder = lake.strip_prefix("file://").unwrap_or(lake);
        let path =
            if folder.contains("://") { user_state_folder(lake) } else { Path::new(folder).join(".clickstream") };
        std::fs::create_dir_all(&path)?;
        Ok(StateFolder { path: path.canonicalize()? })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// When a source of that name was opened here for the first time. Stands for the time at which its events were
    /// enqueued: it must be the same when they are delivered again.
    pub fn first_opened(&self, hub: &str) -> io::Result<DateTime<Utc>> {
        let path = self.file(&format!("{hub}.first-opened"));
        match std::fs::read_to_string(&path) {
            Ok(text) => DateTime::parse_from_rfc3339(text.trim())
                .map(|at| at.to_utc())
                .map_err(|error| io::Error::other(format!("`{}` is damaged: {error}", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
                write_whole(&path, |out| out.write_all(now.as_bytes()))?;
                self.first_opened(hub)
            }
            Err(error) => Err(error),
        }
    }
}

fn user_state_folder(lake: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    let base = std::env::var_os("XDG_STATE_HOME").map_or_else(|| home.join(".local/state"), PathBuf::from);
    base.join("clickstream").join(format!("{:016x}", xxh3_64(lake.as_bytes())))
}
