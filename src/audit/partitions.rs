//! One partition of one event hub: every sequence number once, in bronze and in exactly one of silver and quarantine.

use super::digest::range_of;
use super::finding::{Findings, Kind, Object};
use super::ledger::Account;
use super::runs::count;
use crate::bronze;
use serde::Serialize;
use std::collections::BTreeSet;

/// Ranges of a double that are looked into.
const LOOKED_INTO: i64 = 64;

/// One partition of one event hub.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartitionReport {
    pub source: String,
    pub first_sequence_number: i64,
    pub last_sequence_number: i64,
    /// Events that the sequence numbers span.
    pub received: i64,
    pub bronze: i64,
    /// Events, not rows.
    pub silver: i64,
    pub quarantine: i64,
    /// Events of silver that a producer had sent before, and that gold does not count again.
    pub producer_duplicates: i64,
    /// They were too many to be counted one by one.
    pub producer_duplicates_estimated: bool,
    /// Sequence numbers that are missing.
    pub gaps: i64,
    /// Sequence numbers that are there more than once.
    pub overlaps: i64,
}

/// Reports `account` and the gaps and doubles of its bronze.
pub fn report(source: &str, account: &Account, findings: &mut Findings) -> PartitionReport {
    let runs = &account.bronze.runs;
    let first = runs.first().unwrap_or_default();
    let last = runs.last().unwrap_or(first - 1);
    for (first, last) in runs.gaps() {
        let detail = format!("{} events never arrived", last - first + 1);
        findings.add(Kind::EventsMissing, bronze::schema::TABLE, Object::events(source, first, last), detail);
    }
    for &(first, last) in runs.doubled() {
        let detail = format!("{} events once more", last - first + 1);
        findings.add(Kind::EventsDoubled, bronze::schema::TABLE, Object::events(source, first, last), detail);
    }
    PartitionReport {
        source: source.to_owned(),
        first_sequence_number: first,
        last_sequence_number: last,
        received: last - first + 1,
        bronze: account.bronze.events,
        silver: account.silver.events,
        quarantine: account.quarantine.events,
        producer_duplicates: account.repeats.count(),
        producer_duplicates_estimated: !account.repeats.is_exact(),
        gaps: count(runs.gaps()),
        overlaps: count(runs.doubled().iter().copied()),
    }
}

/// Ranges in which silver and quarantine are not what bronze says, or cannot be told to be.
pub fn suspicious(account: &Account) -> BTreeSet<i64> {
    // What is in bronze twice is expected twice, and would balance if it were.
    let doubled = account.bronze.runs.doubled().iter().flat_map(|&(first, last)| {
        let (first, last) = (range_of(first), range_of(last));
        first..=last.min(first.saturating_add(LOOKED_INTO))
    });
    account.books.unbalanced().chain(doubled).collect()
}
