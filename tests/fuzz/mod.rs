//! Inputs by the million for everything that reads bytes which others wrote.
//!
//! A [`Target`] takes any bytes and panics when a promise is broken; `network` has those for what a sender reaches,
//! `lake` those for what we read back. A [`campaign`] starts from a [`corpus`], makes its inputs by [`mutation`], and
//! finds panics, hangs and memory that grows. Every input follows from a seed and its number, so a failure can be
//! made again, and is written to a file to be looked at.
//!
//! Knows no coverage: `fuzz/` runs the same targets under libFuzzer, which does.

pub mod campaign;
pub mod chance;
pub mod corpus;
pub mod dictionary;
pub mod json;
pub mod mutation;
pub mod network;
pub mod token;

/// What the inputs of a target look like, so that mutation gets past the first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// JSON, perhaps several values one a line, perhaps JSON or base64 within its strings.
    Json,
    Text,
}

/// Something that takes any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Also the name of its folder in the corpus.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    pub shape: Shape,
    /// Mutation makes no input longer than this.
    pub most_bytes: usize,
    /// Inputs in each thousand of a campaign: cheap targets get more.
    pub share: u64,
}
