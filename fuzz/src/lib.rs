//! The fuzz targets of `tests/fuzz` for `event` and `wire`. Nothing of the lake is built, so a build takes a minute or two.
//!
//! Guided by coverage, with nightly and `cargo install cargo-fuzz`, from the repository's root. New inputs go to the first
//! folder:
//!
//! ```text
//! cargo +nightly fuzz run event fuzz/corpus/event tests/fuzz/corpus/event
//! ```
//!
//! By number, with stable Rust and on all cores, for example a hundred million:
//!
//! ```text
//! cargo run --release --manifest-path fuzz/Cargo.toml --example many -- 100000000
//! ```
//!
//! Targets for what is read back from the lake are in `tests/fuzz/lake.rs`. Run them with
//! `FUZZ_INPUTS=1000000 cargo test --release --test it fuzz -- --nocapture`.

#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/event/mod.rs"]
pub mod event;
#[path = "../../tests/fuzz/mod.rs"]
pub mod machine;
#[path = "../../src/wire/mod.rs"]
pub mod wire;

// Lets the targets name the library as other crates do.
extern crate self as clickstream;
