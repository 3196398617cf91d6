//! Millions of inputs for all code that reads bytes which others wrote.
//!
//! A [`Target`] accepts any bytes and panics when a promise is broken: [`network`] has the targets that a sender
//! reaches, `lake` those that read the lake back. A [`campaign`] makes inputs from a corpus by [`mutation`] and finds
//! panics, hangs and growing memory. Every input follows from a seed and its number, so a failure can be repeated, and
//! its input is written to a file.
//!
//! Does not measure coverage: `fuzz/` runs the same targets under libFuzzer, which does.

pub mod network;
pub mod campaign;
mod mutation;
mod json;
mod bytes;
mod dictionary;

/// What the inputs of a target look like, so that mutation gets past the first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// JSON, perhaps one value on each line, perhaps with JSON or base64 within its strings.
    Json,
    /// Text, or bytes of no known form.
    Text,
}

/// Code that reads bytes which others wrote.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name, also of the folder in the corpus.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    pub shape: Shape,
    /// Mutation makes no input longer than this.
    pub max_bytes: usize,
    /// Inputs in each thousand of a campaign: cheap targets get more.
    pub share: u64,
}
