//! `event` and `wire` alone, with the targets of `tests/fuzz`: built in a minute or two, since nothing of the lake
//! comes along.
//!
//! By coverage, on nightly with `cargo install cargo-fuzz`, from the repository's root; new inputs go to the first
//! folder:
//!
//! ```text
//! cargo +nightly fuzz run event fuzz/corpus/event tests/fuzz/corpus/event
//! ```
//!
//! By number, on stable and on all cores, e.g. a hundred million:
//!
//! ```text
//! cargo run --release --manifest-path fuzz/Cargo.toml --example many -- 100000000
//! ```
//!
//! What is read back from the lake has its targets in `tests/fuzz/lake.rs`, run by
//! `FUZZ_INPUTS=1000000 cargo test --release --test it fuzz -- --nocapture`.

#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/event/mod.rs"]
pub mod event;
#[path = "../../tests/fuzz/mod.rs"]
pub mod machine;
#[path = "../../src/wire/mod.rs"]
pub mod wire;

// The targets name the library as everybody does.
extern crate self as clickstream;
