//! The event sources that need no Azure: the events of a file, of a pipe, or of the synthetic shop, as those of a partitioned
//! event hub.
//!
//! Promises: a source is named after what it reads (the contents of a file, the parameters of the shop), so the same input is
//! the same source with the same sequence numbers in every process. Only input that has no end yet is a new source each time.

mod values;
mod index;
mod format;
mod input;
mod state;
mod lines;

pub use format::what_an_event_is;
pub use index::{Place, session_id};
pub use input::Input;
pub use lines::Lines;
pub use state::StateFolder;

use crate::command::cannot;
use crate::shop::Shop;
use index::{Copy, Index, Layout};
use input::Content;
use std::fs::File;
use std::io;
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

/// Whether the events of a pipe are processed as they arrive, or when all of them are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipes {
    AsTheyArrive,
    AsAWhole,
}

/// The events of `input`.
pub fn of_input(input: Input, pipes: Pipes, shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let Input { name, stem, layout, content } = input;
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("cannot read `{name}`: {error}"));
    let (file, index) = match content {
        Content::File(file) => {
            let index = Index::read(&file, layout, shape.partitions, None).map_err(failed)?;
            (file, index)
        }
        Content::Pipe(text) if pipes == Pipes::AsTheyArrive => return Lines::arriving(text, layout, shape, state),
        Content::Pipe(text) | Content::Packed(text) => {
            let (file, path) = state.unnamed_file("input")?;
            let copy = Copy { file: &file, path: &path };
            let index = Index::read(text, layout, shape.partitions, Some(copy)).map_err(failed)?;
            (file, index)
        }
    };
    let hub = format!("{}-{:016x}-{}p", hub_name(&stem), index.content_hash, shape.partitions);
    Lines::new(hub, file, index, shape, state)
}

/// The events of `shop`. They are written to a file once, which is then read like any other.
pub fn of_shop(shop: &Shop, shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let parameters = xxh3_64(shop.description().as_bytes());
    let path = state.file(&format!("shop-{parameters:016x}.ndjson"));
    if !path.exists() {
        state::write_whole(&path, |out| shop.write_ndjson(out)).map_err(cannot("write", &path))?;
    }
    let file = File::open(&path).map_err(cannot("read", &path))?;
    let index = Index::read(&file, Layout::Lines, shape.partitions, None).map_err(cannot("read", &path))?;
    Lines::new(format!("shop-{parameters:016x}-{}p", shape.partitions), file, index, shape, state)
}

/// `name`, with only those characters that the name of an event hub may contain.
fn hub_name(name: &str) -> String {
    let allowed = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    allowed.take(40).collect()
}
