//! Standard input as a source: each line goes to a file first, and is an event from then on. So it can be delivered
//! again, however often the handler is killed.

use super::index::Index;
use super::lines::Shared;
use super::{Lines, Shape, StateFolder};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// The events that arrive on standard input, from now to its end.
pub fn spool(shape: Shape, state: &StateFolder) -> io::Result<Lines> {
    let hub = format!("stdin-{}-{}p", uuid::Uuid::new_v4().simple(), shape.partitions);
    let path = state.file(&format!("{hub}.ndjson"));
    let file = OpenOptions::new().create_new(true).read(true).append(true).open(path)?;
    let writer = file.try_clone()?;
    let index = Mutex::new(Index::empty(shape.partitions));
    let shared = Arc::new(Shared { index, ended: watch::Sender::new(false) });
    let lines = Lines::growing(hub, file, shared.clone(), shape, state)?;
    std::thread::Builder::new().name("standard input".into()).spawn(move || {
        if let Err(error) = copy(writer, &shared) {
            eprintln!("cannot read standard input: {error}; what came before is delivered");
        }
        shared.ended.send_replace(true);
    })?;
    Ok(lines)
}

fn copy(mut file: File, shared: &Shared) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut offset = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        file.write_all(&line)?;
        shared.index().add(offset, &line)?;
        offset += line.len() as u64;
        shared.ended.send_replace(false);
    }
}
