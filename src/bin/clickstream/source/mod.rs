//! The embedded event source: lines of text as events of a partitioned event hub.
//!
//! The hub is named after what is read (a file's content, the generator's parameters), so that the same input is the same
//! source, with the same sequence numbers, in whatever process. Standard input is a new source each time.

mod index;
mod lines;
mod standard_input;
mod state;

pub use index::session_id;
pub use lines::Lines;
pub use standard_input::spool;
pub use state::StateFolder;

use super::generate::Shop;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// The namespace of all embedded sources.
pub const NAMESPACE: &str = "local.servicebus.windows.net";

/// How a source hands out what it has.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub partitions: usize,
    /// Events a second over all partitions; as fast as they are taken when there is none.
    pub rate: Option<f64>,
}

/// The events of a file.
pub fn of_file(path: &Path, shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let file = File::open(path)?;
    let index = index::Index::read(&file, shape.partitions)?;
    let stem = path.file_stem().map_or_else(|| "file".into(), |stem| stem.to_string_lossy().into_owned());
    let hub = format!("{}-{:016x}-{}p", tame(&stem), index.content_hash, shape.partitions);
    Lines::new(hub, file, index, shape, state)
}

/// The events that `shop` makes: written down once, and read as any other file.
pub fn of_shop(shop: &Shop, shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let parameters = xxh3_64(shop.description().as_bytes());
    let path = state.file(&format!("shop-{parameters:016x}.ndjson"));
    if !path.exists() {
        write_whole(&path, |out| super::generate::write_ndjson(shop, out))?;
    }
    let file = File::open(&path)?;
    let index = index::Index::read(&file, shape.partitions)?;
    Lines::new(format!("shop-{parameters:016x}-{}p", shape.partitions), file, index, shape, state)
}

/// Writes a file so that it is there whole or not at all.
fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut unfinished: PathBuf = path.to_owned();
    unfinished.as_mut_os_string().push(".unfinished");
    let mut out = BufWriter::new(File::create(&unfinished)?);
    write(&mut out)?;
    out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    std::fs::rename(unfinished, path)
}

/// `name` as it may stand in the name of an event hub.
fn tame(name: &str) -> String {
    let tamed = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    tamed.take(40).collect()
}

/// Hash of a content that is read in parts.
fn hasher() -> Xxh3Default {
    Xxh3Default::new()
}
