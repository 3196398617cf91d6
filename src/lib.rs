//! `clickstream`: a serverless real-time clickstream lakehouse.
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
//! The life of a batch:
//!
//! 1. The Functions host posts it to [`functions::ingest`], chunked, twice encoded.
//! 2. [`wire::decode_events`] finds bodies and positions in whatever form the host sends.
//! 3. [`event::parse::parse`] reads each body: a click or a reject, never an error.
//! 4. [`bronze::rows`], [`silver::rows`] and [`silver::quarantine::rows`] lay them out in columns.
//! 5. [`ingest::Ingest::run`] hands them to an [`lake::append::Appender`] each, at once where the batch simply follows the
//!    one before it, else bronze first.
//! 6. The appender cuts off what is committed already, writes a Parquet file,
//! 7. and puts one commit with the rows and the sequence number reached ([`lake::commit::put`]).
//! 8. When all three are in, the host gets its 200 and writes its checkpoint.
//! 9. [`gold::Gold::sessionize`] reads what silver's log added, as [`gold::session_event::SessionEvent`]s,
//! 10. [`gold::merge::merge`]s them into the sessions they touch or bridge,
//! 11. commits removed files, added files and the silver version reached at once ([`lake::commit::Rewrite`]),
//! 12. and adds a row to the control table ([`gold::control`]).
//!
//! What always holds:
//!
//! - Rows and the position they reach are in one commit; nothing else says what was done.
//! - Bronze and silver are only appended to; gold is a function of silver.
//! - Only [`lake`] talks to deltalake, only [`wire`] knows the host's JSON, only [`config`] reads the environment, only
//!   [`clock`] reads the time, only [`functions`] picks a status code. `tests/it/tidy.rs` checks it.

pub mod error;
pub mod event;
pub mod wire;
pub mod columns;
pub mod lake;
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
// What tests share names the library as everybody does.
#[cfg(test)]
extern crate self as clickstream;
#[cfg(test)]
#[path = "../tests/simulation/mod.rs"]
mod simulation;
