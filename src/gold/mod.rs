//! Gold: sessions, as a MERGE without a state store.
//!
//! # The difficulty
//!
//! Events come in any order, hours late, twice, and cut into batches anywhere; the process that counts them is killed
//! at any moment, and a second one may be counting beside it. The table must be, row for row, what one would get by
//! sorting all events there ever were and walking through them once.
//!
//! # Sessions are a function of events
//!
//! A session is a maximal run of events of one visit (`user_id`, `session_id`) whose neighbours are at most the
//! inactivity timeout apart, by event time. Nothing in this depends on when an event arrived. With a timeout of 30 minutes:
//!
//! ```text
//!   event time   10:00    10:20         11:05  11:10                    two sessions: 10:20 and 11:05 are
//!                  a--------b             c------d                      45 minutes apart
//!
//!   e arrives, three hours late, with event time 10:45:
//!
//!                  a--------b-----e-------c------d                      one session: every gap is at most 30
//!                                bridge
//! ```
//!
//! So an event can extend a session, start one, or bridge two that are stored into one. It can touch only sessions whose
//! `[start - timeout, end + timeout]` holds its time. Those are in the files whose statistics overlap that reach; all
//! other files stay closed. [`session::Session::combine`] makes one session of two by minima, maxima, sums and unions:
//! commutative and associative, so order and split do not matter. Sums are not idempotent; therefore a session keeps the
//! keys of the events it has counted, and [`merge`](merge::merge) drops a fact that is among them.
//!
//! # Event time, watermark, lateness
//!
//! The watermark is the newest event time seen less the allowed lateness. It never moves back. It decides when a session
//! is called final, and nothing else: a late event is counted as late *and merged all the same*. There is no window state
//! in memory that lateness could bloat, so there is nothing that would have to be protected by dropping data.
//!
//! # Why running twice equals running once
//!
//! One activation reads the files that silver's log added behind the version that gold has reached, merges them and
//! commits removed files, added files and the version reached, as the `txn` of `gold:sessions`, in *one* commit, placed
//! right behind the version it was planned on ([`Table::rewrite`]). A second activation beside it finds
//! the place taken, and plans again on what is there. Killed before the commit, nothing has happened; killed after it,
//! the next activation starts behind it. The control row is written after the commit, and may be missing after a
//! kill: gold's `txn` is the truth, and the next activation writes the missing row first ([`repair`]).
//!
//! A worked example, with silver versions 5 and 6 new, gold at silver version 4:
//!
//! ```text
//!   silver 5: a 10:00, b 10:20      silver 6: c 11:05, b again (a producer's retry), d 11:10
//!   facts: a b c d (b once), sorted and cut at gaps -> [a b] [c d]
//!   stored sessions within reach: none            -> two new rows in session_date=...; txn gold:sessions = 6
//!   silver 7: e 10:45                             -> reach 10:15..11:15 opens that one file; [a b] + e + [c d] is one
//!                                                    row; the old file is removed, a new one added; txn = 7
//! ```

pub mod schema;
pub mod session_event;
pub mod session;
pub mod merge;
pub mod rows;
pub mod micro_batch;
pub mod layout;
pub mod control;
mod repair;
pub mod sessionize;
pub mod recompute;
pub mod difference;
pub mod rebuild;

use crate::clock::Clock;
use crate::event::time::Timestamp;
use crate::lake::log::Version;
use crate::lake::snapshot::Snapshot;
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use crate::mutants::{self, Mutant};
use control::Control;

/// The name under which gold records how far it has read silver.
pub const APP_ID: &str = "gold:sessions";

/// When events belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowing {
    /// Longest time between neighbouring events of a session.
    pub timeout_micros: i64,
    /// Event keys that a session keeps at most.
    pub max_event_keys: usize,
}

impl Windowing {
    /// `earlier` is not after `later`, unless they overlap.
    pub fn are_neighbours(&self, earlier: Timestamp, later: Timestamp) -> bool {
        later.0.saturating_sub(earlier.0) <= self.timeout_micros
    }
}

/// How gold is made, and how much of it in one go.
#[derive(Debug, Clone)]
pub struct Settings {
    pub windowing: Windowing,
    pub allowed_lateness_micros: i64,
    /// Silver versions that one activation takes at most.
    pub slice_versions: usize,
    /// Silver rows after which it takes no further version.
    pub slice_rows: usize,
    /// Bytes of stored files above which it takes fewer versions.
    pub rewrite_bytes: i64,
    /// Rows of a gold file.
    pub file_rows: usize,
}

impl Settings {
    /// The watermark once an event of time `newest` was seen.
    pub fn watermark(&self, before: Option<Timestamp>, newest: Timestamp) -> Timestamp {
        let candidate = newest.plus_micros(-self.allowed_lateness_micros);
        before.map_or(candidate, |before| before.max(candidate))
    }

    /// Sessions that end before this are final.
    pub fn final_before(&self, watermark: Timestamp) -> Timestamp {
        watermark.plus_micros(-self.windowing.timeout_micros)
    }
}

/// Gold and what it is made of.
#[derive(Clone)]
pub struct Gold {
    pub table: Table,
    pub silver: Table,
    pub control: Control,
    pub settings: Settings,
    pub clock: Clock,
}

impl Gold {
    pub fn new(lake: &Lake, settings: Settings, clock: &Clock, workers: &Workers) -> Self {
        Gold {
            table: Table::at(lake, schema::table(), workers),
            silver: Table::at(lake, crate::silver::schema::table(), workers),
            control: Control::new(lake, workers),
            settings,
            clock: clock.clone(),
        }
    }
}

impl Snapshot {
    /// Silver version that gold has reached; -1 before the first.
    fn silver_version_read(&self) -> Version {
        let known = self.txns.get(APP_ID).filter(|_| !mutants::is(Mutant::GoldTxnIgnored));
        known.map_or(-1, |progress| progress.version)
    }
}
