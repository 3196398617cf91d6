//! Gold: one row for each session, kept up to date by small merges, without a state store.
//!
//! # The difficulty
//!
//! Events arrive in any order, some of them hours late and some of them twice, in batches that are cut anywhere. Two copies of
//! one event can differ. The process that merges them can be killed at any moment, and a second one may be running at the same
//! time. Other engines sort, compact and edit the tables in between. Still gold must be, row for row, what one would get by
//! sorting all events and walking through them once.
//!
//! # A session is the set of its events
//!
//! An *event* is one thing that a user did. Its *event time* says when it happened, which may be long before it
//! arrived. Its user id and the session id that its producer gave it are its *session key*. Events with different keys
//! never share a session, so the rest of this page is about the events of one key.
//!
//! A key can be in use for days, with long pauses. Gold cuts it at the pauses: two events that follow each other in
//! event time are in the same session if they are at most the *inactivity timeout* apart (30 minutes unless set
//! otherwise). The time from the first event of such a chain to its last one is a *session window*, and each session
//! window is one row. Nothing in this definition depends on when an event arrived:
//!
//! ```text
//!   event time   10:00    10:20         11:05  11:10         two sessions, because 10:20 and 11:05
//!                  a--------b             c------d           are 45 minutes apart
//!
//!   e arrives three hours late, with event time 10:45:
//!
//!                  a--------b-----e-------c------d           one session, because no gap
//!                              bridges                       is longer than 30 minutes
//! ```
//!
//! A row stores its events themselves, in the compact form of [`state`]. Every other column is a function of this set
//! ([`summary`]). No sum is stored that another event would have to be added to.
//!
//! Merging is the union of two sets. An event is recognised by its *event key*, a number that stays the same when the event is
//! sent or delivered again. Of two contents for one key the smaller in a fixed order counts
//! ([`Content`](session_event::Content)); a null is larger than any value, so the copy that says more wins. So merging is
//! commutative, associative and idempotent. Events may come in any order, in any parts and any number of times, and a part that
//! is merged again after a crash changes nothing. That is the whole proof; the remaining pages are about doing it with little
//! memory and few writes.
//!
//! # What belongs to an event
//!
//! Silver has a row for each product of an event. They belong together because they have the same position in the event hub,
//! and `product_index` orders them. Where they stand means nothing: an engine that sorts the table by product leaves the rows of
//! one event in several places or files ([`read_events`]). A compaction moves rows and adds none (`dataChange` is false), and
//! gold does not read it at all.
//!
//! # Which stored sessions an event can touch
//!
//! A new event does one of three things: it starts a session, it extends one, or it *bridges* two stored sessions,
//! which become one. It can touch only sessions whose window, widened by the timeout on both sides, contains its event
//! time. The log keeps the earliest start and the latest end of the sessions in each file, so a run knows which files
//! can hold such a session ([`layout::candidate_files`]) and need not look into the others.
//!
//! # When a session is final
//!
//! Readers want to know whether a session can still grow. The *watermark* estimates how far event time has advanced: it
//! is the newest event time that gold has read, minus the *allowed lateness* (seven hours unless set otherwise). It
//! never moves back. A session is *final* once the watermark is later than its end by more than the timeout, because
//! any event that could still extend it would be older than the watermark. Without new events the watermark stands still,
//! and the last sessions stay open. The column is brought up to date when a file is rewritten anyway, else once for each
//! hour by which the watermark has moved.
//!
//! The watermark decides nothing else. An event older than the watermark is counted as late *and merged all the same*,
//! even into a final session. Stream processors drop late events in order to bound the windows that they hold in
//! memory. Gold holds none: the table is the state, so it needs no protection from late events.
//!
//! # One run
//!
//! A timer calls [`Gold::sessionize`]. Each such *run* reads a *slice*: the versions of silver's log that follow
//! the one gold has read, up to a limit. It merges their events and makes *one* commit, which removes files, adds files
//! and records the silver version read, in Delta's `txn` action for [`APP_ID`]. Three things can happen to a run:
//!
//! - *It is killed.* Before the commit, nothing has happened. After the commit, the next run starts at the version that
//!   follows the recorded one.
//! - *Another run commits first.* A commit succeeds only directly after the version it was planned on
//!   ([`Table::rewrite`]). So the slower run discards its plan and plans again on the new version.
//! - *It completes.* Then it adds a *control row* to `control/watermarks`, which says what the run did and how it moved
//!   the watermark. A kill can lose this row, but not what it says: the commit carries a copy, gold's `txn` tells that
//!   the row is missing, and the next run writes it before it does anything else ([`control_table`]).
//!
//! A version larger than a slice is merged in parts. The commit of a part says where the next one starts
//! ([`control::RESUME`]), and the `txn` moves with the last one. If the log of a part is gone, the version is merged from its
//! start, which does no harm.
//!
//! # Memory
//!
//! An instance has 512 MB for everything, so nothing in a run grows with the table. A slice is cut by what it takes in memory.
//! Of the stored sessions only those that it touches are read into memory; their files are then rewritten one after the other,
//! the other rows copied as they are. A session keeps the contents of at most [`Windowing::max_events`] events and 1 MiB; of
//! the others it keeps the keys, and what adds up ([`rest`]). A recomputation walks through event time in windows and carries
//! open sessions from one to the next ([`recompute`]).
//!
//! # What a union cannot do
//!
//! A union cannot forget. When somebody deletes or changes rows of silver, that version is not merged: the sessions whose rows
//! it changed are recomputed from what silver has then, and replaced ([`replace`]). Gold follows its table.
//!
//! # A worked example
//!
//! Gold has read silver up to version 4. Versions 5 and 6 are new, and version 7 follows later.
//!
//! ```text
//!   run 1   silver 5    a 10:00, b 10:20
//!           silver 6    c 11:05, b again with its value, d 11:10
//!           events      a b c d: both copies of b have the same event key, and the one with a value counts
//!           candidates  no file: no stored session lies between 09:30 and 11:40
//!           sessions    {a b} {c d}, cut at the gap of 45 minutes
//!           commit      adds one file with two rows; txn gold:sessions = 6
//!
//!   run 2   silver 7    e 10:45, b once more without a value
//!           candidates  that file: e can touch sessions between 10:15 and 11:15
//!           sessions    {a b} and {e b} and {c d} become {a b c d e}; b keeps its value
//!           commit      removes that file, adds one with one row; txn gold:sessions = 7
//! ```
//!
//! The tests of [`merge`] replay it. Since sessions are a function of events, gold can also be computed from all of
//! silver without looking at what is stored. [`recompute`] does that, [`compare`] finds the dates that differ, and
//! [`rebuild`] replaces them. Nothing differs unless something is broken.

pub mod schema;
pub mod session_event;
pub mod read_events;
pub mod rest;
pub mod session;
pub mod state;
pub mod summary;
pub mod merge;
pub mod rows;
pub mod touched;
pub mod quality;
pub mod control;
pub mod control_table;
pub mod layout;
mod slice;
mod stored;
mod commit;
pub mod sessionize;
pub mod recompute;
mod replace;
pub mod compare;
pub mod rebuild;

use crate::clock::Clock;
use crate::event::time::{Span, Timestamp};
use crate::lake::log::Version;
use crate::lake::snapshot::Snapshot;
use crate::lake::store::Lake;
use crate::lake::table::Table;
use crate::lake::workers::Workers;
use crate::mutants::{self, Mutant};
use control_table::ControlTable;

/// The name under which gold's log records which version of silver gold has read.
pub const APP_ID: &str = "gold:sessions";

/// Which events share a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowing {
    /// The inactivity timeout: the longest time between neighbouring events of a session.
    pub timeout: Span,
    /// How many events a session keeps whole at most.
    pub max_events: usize,
}

impl Windowing {
    /// Whether what ends at `end` and what starts at `start` belong to one session. `start` is the later one, unless
    /// both overlap.
    fn are_neighbours(&self, end: Timestamp, start: Timestamp) -> bool {
        start - end <= self.timeout
    }
}

/// How gold is made, and how much of it one run makes.
#[derive(Debug, Clone)]
pub struct Settings {
    pub windowing: Windowing,
    pub allowed_lateness: Span,
    /// How many versions of silver a slice has at most.
    pub max_slice_versions: usize,
    /// A slice ends with the version that reaches this many rows of silver.
    pub max_slice_rows: usize,
    /// The rows of a slice take about this many bytes of memory at most, and so do the sessions that they touch.
    pub max_slice_bytes: usize,
    /// A run that would look into more bytes of stored files than this reads fewer versions, but at least one.
    pub max_rewrite_bytes: i64,
    /// How many rows a gold file has at most.
    pub max_file_rows: usize,
}

impl Settings {
    /// The watermark after events up to event time `newest` were read.
    fn watermark(&self, before: Option<Timestamp>, newest: Option<Timestamp>) -> Option<Timestamp> {
        before.max(newest.map(|newest| newest - self.allowed_lateness))
    }

    /// Sessions that end before this are final.
    fn final_before(&self, watermark: Option<Timestamp>) -> Timestamp {
        watermark.map_or(Timestamp(i64::MIN), |watermark| watermark - self.windowing.timeout)
    }
}

/// Gold, and the tables it works with.
#[derive(Clone)]
pub struct Gold {
    pub table: Table,
    pub silver: Table,
    pub control: ControlTable,
    settings: Settings,
    clock: Clock,
}

impl Gold {
    pub fn new(lake: &Lake, settings: Settings, clock: &Clock, workers: &Workers) -> Self {
        Gold {
            table: Table::at(lake, schema::table(), workers),
            silver: Table::at(lake, crate::silver::schema::table(), workers),
            control: ControlTable::new(lake, workers),
            settings,
            clock: clock.clone(),
        }
    }
}

/// The version of silver that gold has read; `None` before the first run.
fn silver_version_read(gold: &Snapshot) -> Option<Version> {
    let recorded = gold.txns.get(APP_ID).filter(|_| !mutants::is(Mutant::GoldTxnIgnored));
    recorded.map(|txn| txn.version)
}
