//! What a person names as input: a file, a pipe or standard input, perhaps compressed.
//!
//! Promises that nothing is written before it is known to be text with events. Does not know how a text is cut into events.

use super::format::{self, Foreign, Found};
use super::index::Layout;
use crate::command::{Advised, Failure, cannot};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much is read at most to learn what an input is.
const HEAD_BYTES: usize = 64 << 10;

/// An input may be compressed this many times.
const MAX_WRAPPINGS: usize = 4;

pub type Text = Box<dyn Read + Send>;

/// An input that is text with events.
pub struct Input {
    /// For messages.
    pub name: String,
    /// The name without its endings; of a pipe and of standard input, `stdin`.
    pub stem: String,
    pub layout: Layout,
    pub content: Content,
}

pub enum Content {
    /// A file whose bytes are the text.
    File(File),
    /// A file that has to be unpacked.
    Packed(Text),
    /// A pipe or standard input, which can be read once.
    Pipe(Text),
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if path.as_os_str() == "-" {
            return Self::of_pipe(Box::new(io::stdin()), "standard input".into());
        }
        let mut file = File::open(path).map_err(cannot("read", path))?;
        let metadata = file.metadata().map_err(cannot("read", path))?;
        if metadata.is_dir() {
            return Err(refused(&name, Foreign::Folder, b""));
        }
        if !metadata.is_file() {
            return Self::of_pipe(Box::new(file), name);
        }
        let stem = |path: &Path| path.file_stem().map_or("file".into(), |stem| stem.to_string_lossy().into_owned());
        let is_packed = |text: &Unpacked| text.wrappings > 0;
        let text = Unpacked::new(Box::new(file.try_clone()?), &name)?;
        if is_packed(&text) {
            let inner = Path::new(path.file_name().unwrap_or_default()).with_extension("");
            return Ok(Input { name, stem: stem(&inner), layout: text.layout, content: Content::Packed(text.text) });
        }
        file.rewind().map_err(cannot("read", path))?;
        Ok(Input { name, stem: stem(path), layout: text.layout, content: Content::File(file) })
    }

    fn of_pipe(text: Text, name: String) -> Result<Self, Failure> {
        let text = Unpacked::new(text, &name)?;
        Ok(Input { name, stem: "stdin".into(), layout: text.layout, content: Content::Pipe(text.text) })
    }
}

fn refused(name: &str, format: Foreign, head: &[u8]) -> Failure {
    let convert = format.command(name, head).map(|command| format!("try this:\n{command}\n"));
    let advice = format!("{}{}", convert.unwrap_or_default(), format::what_an_event_is());
    let failure = format!(
        "cannot read events from `{name}`: it is {}; input is JSON, perhaps compressed with gzip or zstd",
        format.name()
    );
    Advised { failure, advice }.into()
}

/// A text, and how often it was compressed.
struct Unpacked {
    text: Text,
    layout: Layout,
    wrappings: usize,
}

impl Unpacked {
    fn new(mut text: Text, name: &str) -> Result<Self, Failure> {
        for wrappings in 0..=MAX_WRAPPINGS {
            let (found, head) = look(&mut text).map_err(|error| format!("cannot read `{name}`: {error}"))?;
            let foreign = match found {
                Found::Foreign(foreign) => Some(foreign),
                _ => None,
            };
            if let Some(foreign) = foreign {
                return Err(refused(name, foreign, &head));
            }
            text = Box::new(Cursor::new(head).chain(text));
            match found {
                Found::Events(layout) => return Ok(Unpacked { text, layout, wrappings }),
                Found::Gzip => text = Unpacking::of("gzip", text, |packed| Ok(Box::new(MultiGzDecoder::new(packed))))?,
                Found::Zstd => text = Unpacking::of("zstd", text, |packed| Ok(Box::new(zstd::Decoder::new(packed)?)))?,
                Found::Foreign(_) => {}
            }
        }
        Err(format!("cannot read `{name}`: it is compressed more than {MAX_WRAPPINGS} times").into())
    }
}

/// Reads until it is known what `text` is. Returns the bytes that were read as well.
fn look(text: &mut Text) -> io::Result<(Found, Vec<u8>)> {
    let mut head = Vec::new();
    let mut chunk = vec![0; HEAD_BYTES];
    loop {
        let length = match text.read(&mut chunk[head.len()..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        head.extend_from_slice(&chunk[head.len()..][..length]);
        if let Some(found) = format::detect(&head, length == 0 || head.len() == HEAD_BYTES) {
            return Ok((found, head));
        }
    }
}

/// A decoder whose errors say where they happened.
struct Unpacking {
    format: &'static str,
    text: Text,
    packed_bytes: Arc<AtomicU64>,
}

/// Counts the bytes that were read.
struct Counted {
    text: Text,
    bytes: Arc<AtomicU64>,
}

impl Unpacking {
    fn of(format: &'static str, packed: Text, decoder: impl FnOnce(Text) -> io::Result<Text>) -> io::Result<Text> {
        let packed_bytes = Arc::new(AtomicU64::default());
        let text = decoder(Box::new(Counted { text: packed, bytes: packed_bytes.clone() }))?;
        Ok(Box::new(Unpacking { format, text, packed_bytes }))
    }
}

impl Read for Unpacking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.text.read(buffer).map_err(|error| {
            let (format, bytes) = (self.format, self.packed_bytes.load(Ordering::Relaxed));
            let detail = match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    format!("it was cut off: the {format} data ends after {bytes} bytes, and more must follow")
                }
                _ => format!("its {format} data is damaged within the first {bytes} bytes: {error}"),
            };
            io::Error::new(error.kind(), detail)
        })
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.text.read(buffer)?;
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}
