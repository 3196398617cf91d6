//! The events to publish: those of the synthetic shop, or the lines of a file. Reads ahead only as far as there is room.

use super::super::generate::Shop;
use super::super::source;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use tokio::sync::mpsc;

/// Events that are read before the publisher wants them.
const READ_AHEAD: usize = 4_096;

/// One event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What keeps events together. An event without goes to any partition.
    pub session: Option<String>,
    pub body: Vec<u8>,
}

pub type Events = Box<dyn Iterator<Item = io::Result<Event>> + Send>;

pub fn of_shop(shop: &Shop) -> Events {
    Box::new(shop.stream().map(|event| Ok(Event { session: Some(event.key), body: event.body })))
}

/// `-` is standard input. A blank line is not an event.
pub fn of_file(path: &Path) -> io::Result<Events> {
    let reader: Box<dyn BufRead + Send> = if path.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(path)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display())))?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    Ok(Box::new(reader.split(b'\n').filter_map(|line| line.map(of_line).transpose())))
}

fn of_line(mut line: Vec<u8>) -> Option<Event> {
    if line.ends_with(b"\r") {
        line.pop();
    }
    let session = source::session_id(&line).map(str::to_owned);
    (!line.trim_ascii().is_empty()).then_some(Event { session, body: line })
}

/// Reads `events` on a thread of its own, because a file or a terminal must not hold up the network. A thread that waits for a
/// terminal ends with the process.
pub fn read_ahead(events: Events) -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (sender, waiting) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new().name("events".into()).spawn(move || {
        // Sending fails when nobody receives events any more.
        let _ = events.into_iter().try_for_each(|event| sender.blocking_send(event));
    })?;
    Ok(waiting)
}
