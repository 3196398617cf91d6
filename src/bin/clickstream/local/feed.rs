//! Where the events of a run come from, and how many there are.

use crate::listen::journal::Journal;
use crate::source::Lines;
use functions_host::EventSource;
use std::sync::Arc;

#[derive(Clone)]
pub enum Feed {
    /// A file, standard input or the generator.
    Lines(Arc<Lines>),
    /// Whoever sends to the endpoint.
    Listening(Arc<Journal>),
}

impl Feed {
    pub fn source(&self) -> Arc<dyn EventSource> {
        match self {
            Feed::Lines(lines) => lines.clone(),
            Feed::Listening(journal) => journal.clone(),
        }
    }

    /// Events known so far.
    pub fn events(&self) -> usize {
        match self {
            Feed::Lines(lines) => lines.events(),
            Feed::Listening(journal) => journal.events(),
        }
    }
}
