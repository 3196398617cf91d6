//! The event sources that need no Azure: the lines of a file, of standard input, or of the synthetic shop, as the events of a
//! partitioned event hub.
//!
//! Promises: a source is named after what it reads (the contents of a file, the parameters of the shop), so the same input is
//! the same source with the same sequence numbers in every process. Standard input is a new source each time.

mod lines;

pub use lines::{Lines, session_id};

use crate::command::cannot;
use crate::shop::Shop;
use chrono::{DateTime, SecondsFormat, Utc};
use lines::Index;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// The namespace of all embedded sources.
pub const NAMESPACE: &str = "local.servicebus.windows.net";

/// How a source hands out its events.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub partitions: usize,
    /// Events per second over all partitions; `None` is as fast as the host reads them.
    pub rate: Option<f64>,
}

/// The events of a file.
pub fn of_file(path: &Path, shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let file = File::open(path).map_err(cannot("read", path))?;
    let index = Index::read(&file, shape.partitions).map_err(cannot("read", path))?;
    let stem = path.file_stem().map_or_else(|| "file".into(), |stem| stem.to_string_lossy().into_owned());
    let hub = format!("{}-{:016x}-{}p", hub_name(&stem), index.content_hash, shape.partitions);
    Lines::new(hub, file, index, shape, state)
}

/// The events of `shop`. They are written to a file once, which is then read like any other.
pub fn of_shop(shop: &Shop, shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let parameters = xxh3_64(shop.description().as_bytes());
    let path = state.file(&format!("shop-{parameters:016x}.ndjson"));
    if !path.exists() {
        write_whole(&path, |out| shop.write_ndjson(out)).map_err(cannot("write", &path))?;
    }
    let file = File::open(&path).map_err(cannot("read", &path))?;
    let index = Index::read(&file, shape.partitions).map_err(cannot("read", &path))?;
    Lines::new(format!("shop-{parameters:016x}-{}p", shape.partitions), file, index, shape, state)
}

/// Writes a file that is there either as a whole or not at all.
fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut unfinished: PathBuf = path.to_owned();
    unfinished.as_mut_os_string().push(".unfinished");
    let mut out = BufWriter::new(File::create(&unfinished)?);
    write(&mut out)?;
    out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    std::fs::rename(unfinished, path)
}

/// `name`, with only those characters that the name of an event hub may contain.
fn hub_name(name: &str) -> String {
    let allowed = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    allowed.take(40).collect()
}

/// The folder of what a local run must still know after it was killed: when a source was first opened, the events of the shop
/// and of standard input, and the checkpoints of the host.
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
        std::fs::create_dir_all(&path).map_err(cannot("create folder", &path))?;
        Ok(StateFolder { path: path.canonicalize()? })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// When the source `hub` was opened here for the first time. This is the time at which its events count as enqueued, because
    /// that must be the same when they are delivered again.
    pub fn first_opened(&self, hub: &str) -> io::Result<DateTime<Utc>> {
        let path = self.file(&format!("{hub}.first-opened"));
        match std::fs::read_to_string(&path) {
            Ok(text) => DateTime::parse_from_rfc3339(text.trim()).map(|at| at.to_utc()).map_err(|error| {
                io::Error::other(format!("cannot read `{}`, which is damaged: {error}", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
                write_whole(&path, |out| out.write_all(now.as_bytes()))?;
                self.first_opened(hub)
            }
            Err(error) => Err(cannot("read", &path)(error)),
        }
    }
}

fn user_state_folder(lake: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    let base = std::env::var_os("XDG_STATE_HOME").map_or_else(|| home.join(".local/state"), PathBuf::from);
    base.join("clickstream").join(format!("{:016x}", xxh3_64(lake.as_bytes())))
}
