//! `clickstream`: a clickstream lakehouse without a cluster.
//!
//! ```text
//!   Event Hubs --batch of one partition--> ingest ------> bronze/events
//!                                            |----------> silver/events        (event and product)
//!                                            '----------> silver/quarantine    (rejected, with a reason)
//!   timer -------------------------------> sessionize --> gold/sessions, control/watermarks
//!   timer -------------------------------> rebuild -----> gold/sessions where it differs from silver
//!   HTTP --------------------------------> health
//! ```
//!
//! # The life of a batch
//!
//! 1. The Functions host posts the batch to [`functions::ingest`], encoded twice and in chunks.
//! 2. [`wire::decode_events`] finds the bodies and their positions in whatever form the host sends.
//! 3. [`event::parse::parse`] reads each body. The outcome is a click or a reject with its reason, never an error.
//! 4. [`bronze::rows`], [`silver::rows`] and [`silver::quarantine::rows`] lay the events out in columns.
//! 5. [`ingest::Ingest::run`] gives each table's rows to its [`lake::append::Appender`]: all three concurrently if the batch
//!    follows the previous one, otherwise bronze first.
//! 6. The appender leaves out what was committed before ([`lake`] calls it deduplication) and writes a Parquet file.
//! 7. It puts one commit that has both the rows and the sequence number they reach ([`lake::commit`]).
//! 8. When all three are committed, the host gets its 200 and writes its checkpoint.
//! 9. Later, [`gold::Gold::sessionize`] reads what silver's log has added, as [`gold::session_event::SessionEvent`]s.
//! 10. [`gold::merge::merge`] merges them into the sessions that they extend or bridge.
//! 11. One commit removes files, adds files and records the silver version that gold has read ([`lake::commit::Rewrite`]).
//! 12. A row in `control/watermarks` says what the run did ([`gold::control`]).
//!
//! # What always holds
//!
//! - The rows and the position they reach are in one commit. Nothing else records what was done.
//! - A commit to bronze, silver or quarantine counts the rows that it adds ([`counters`]), in a member of its `commitInfo`.
//! - Bronze and silver are only appended to. Gold is a function of silver.
//! - An event is read with one set of settings. Its commits name the set, and `control/settings` has it ([`settings`]).
//! - Only [`lake`] talks to deltalake, only [`wire`] knows the host's JSON, only [`config`] reads the environment, only
//!   [`clock`] reads the time, and only [`functions`] picks a status code. `tests/it/tidy.rs` and `clippy.toml` check most of this.
//!
//! # Where to change what
//!
//! - *A column* whose value is there already: its table's list of declarations: [`bronze::schema`], [`silver::schema`], [`silver::quarantine`],
//!   [`gold::schema`], [`gold::control`], and [`lineage`] for what the ingested tables share. One declaration holds name,
//!   type, meaning, nullability, statistics and the function that takes the value from a row. Then run
//!   `UPDATE_SCRIPTS=1 UPDATE_README=1 cargo test --test it -- every_column readme` and read the difference.
//! - *What is read in an event*: [`event::parse`], a list of steps in order, each in a file of its own. A field also stands in
//!   `event::parse::members` (its name) and in [`event::click::Click`] (its value).
//! - *A setting*: [`config`], or [`settings`] if it decides what an event becomes; `local.settings.example.json` and the
//!   README.
//! - *A function*: [`functions`], and its folder in `functions/`.

pub mod memory;
pub mod error;
pub mod event;
pub mod wire;
pub mod columns;
pub mod counters;
pub mod lake;
pub mod settings;
pub mod lineage;
pub mod bronze;
pub mod silver;
pub mod ingest;
pub mod gold;
pub mod serving;
pub mod audit;
pub mod clock;
pub mod app;
pub mod functions;
pub mod config;

mod mutants;
// Shared test files import the library by its name.
#[cfg(test)]
extern crate self as clickstream;
#[cfg(test)]
#[path = "../tests/simulation/mod.rs"]
mod simulation;
