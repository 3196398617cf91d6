//! The folder of what local runs must still know after they were killed.
//!
//! Promises that several runs can use one folder at the same time. Does not know what the lake is.

use crate::command::cannot;
use chrono::{DateTime, SecondsFormat, Utc};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// The folder with the time at which each source was first opened, the events of the shop, and the checkpoints of the host.
#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
}

impl StateFolder {
    /// Inside the lake if that is a folder, so that whoever deletes one deletes both. Otherwise in the state folder of the user.
    pub fn for_lake(lake: &str) -> io::Result<Self> {
        let folder = lake.strip_prefix("file://").unwrap_or(lake);
        let path =
            if folder.contains("://") { user_state_folder(lake) } else { Path::new(folder).join(".clickstream") };
        fs::create_dir_all(&path).map_err(cannot("create folder", &path))?;
        Ok(StateFolder { path: path.canonicalize()? })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file for this process alone, which is gone when the process is. The path is for messages.
    pub fn unnamed_file(&self, name: &str) -> io::Result<(File, PathBuf)> {
        let path = temporary(&self.file(name));
        let file = OpenOptions::new().create_new(true).read(true).write(true).open(&path);
        let file = file.map_err(cannot("create", &path))?;
        fs::remove_file(&path).map_err(cannot("remove", &path))?;
        Ok((file, path))
    }

    /// When the source `hub` was opened here for the first time. This is the time at which its events count as enqueued, because
    /// that must be the same when they are delivered again.
    pub fn first_opened(&self, hub: &str) -> io::Result<DateTime<Utc>> {
        let path = self.file(&format!("{hub}.first-opened"));
        if !path.exists() {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            write_first(&path, now.as_bytes()).map_err(cannot("write", &path))?;
        }
        let text = fs::read_to_string(&path).map_err(cannot("read", &path))?;
        DateTime::parse_from_rfc3339(text.trim())
            .map(|at| at.to_utc())
            .map_err(|error| io::Error::other(format!("cannot read `{}`, which is damaged: {error}", path.display())))
    }
}

fn user_state_folder(lake: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    let base = std::env::var_os("XDG_STATE_HOME").map_or_else(|| home.join(".local/state"), PathBuf::from);
    base.join("clickstream").join(format!("{:016x}", xxh3_64(lake.as_bytes())))
}

/// Writes a file that is there either as a whole or not at all. Of several writers, the last one wins.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let unfinished = temporary(path);
    write_unfinished(&unfinished, write)?;
    fs::rename(unfinished, path)
}

/// Writes a file that is there either as a whole or not at all, and never changes. Of several writers, the first one wins.
fn write_first(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = temporary(path);
    write_unfinished(&unfinished, |out| out.write_all(content))?;
    let linked = fs::hard_link(&unfinished, path);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // A file system without links, where two first runs at the same moment cannot be told apart.
        Err(_) => return fs::rename(unfinished, path),
    }
    fs::remove_file(unfinished)
}

fn write_unfinished(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.into_inner().map_err(|error| error.into_error())?.sync_all()
}

/// A name next to `path` that no other writer uses.
fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}.unfinished", uuid::Uuid::new_v4().simple()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_first_openings_one_time_counts_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::for_lake(&folder.path().to_string_lossy()).unwrap();
        let times: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| state.first_opened("hub").unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
        let names: Vec<_> = fs::read_dir(&state.path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["hub.first-opened"]);
    }
}
