//! Reads `silver/quarantine`: which reasons there are and how often, and the newest events of a reason.
//!
//! Memory is that of one data file, the reasons and the events that were asked for. Knows neither which reasons this version gives
//! nor who reads the result.

use super::quarantine::{BODY, DETAIL, REASON, TABLE};
use crate::columns::{ColumnError, Rows};
use crate::event::time::Timestamp;
use crate::lake::LakeError;
use crate::lake::snapshot::Replay;
use crate::lake::table::Table;
use crate::lineage;
use arrow::array::{BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// One rejected event, as a row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection<'a> {
    pub namespace: &'a str,
    pub event_hub: &'a str,
    pub consumer_group: &'a str,
    pub partition_id: &'a str,
    pub source_epoch: i32,
    pub sequence_number: i64,
    pub enqueued_at: Timestamp,
    pub reason: &'a str,
    pub detail: &'a str,
    /// Empty with [`Bodies::NotRead`].
    pub body: &'a [u8],
}

impl Rejection<'_> {
    /// `namespace/hub/consumer group/partition`, and the source epoch unless it is 0.
    pub fn source(&self) -> String {
        let Rejection { namespace, event_hub, consumer_group, partition_id, .. } = self;
        let source = format!("{namespace}/{event_hub}/{consumer_group}/{partition_id}");
        if self.source_epoch == 0 { source } else { format!("{source}@{}", self.source_epoch) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    Read,
    NotRead,
}

/// Calls `visit` with each row, file by file and in no particular order. A table that does not exist has no rows.
pub async fn visit(table: &Table, bodies: Bodies, mut visit: impl FnMut(Rejection<'_>)) -> Result<(), LakeError> {
    let Some(snapshot) = table.snapshot_if_there(Replay::TxnsAndFiles).await? else { return Ok(()) };
    let mut columns = vec![
        lineage::NAMESPACE,
        lineage::EVENT_HUB,
        lineage::CONSUMER_GROUP,
        lineage::PARTITION_ID,
        lineage::SOURCE_EPOCH,
        lineage::SEQUENCE_NUMBER,
        lineage::ENQUEUED_AT,
        REASON,
        DETAIL,
    ];
    columns.extend((bodies == Bodies::Read).then_some(BODY));
    for add in snapshot.files.values() {
        for batch in table.read(add, &columns).await? {
            visit_batch(&batch, bodies, &mut visit)?;
        }
    }
    Ok(())
}

fn visit_batch(batch: &RecordBatch, bodies: Bodies, visit: &mut impl FnMut(Rejection<'_>)) -> Result<(), ColumnError> {
    let rows = Rows::of(TABLE, batch);
    let text = |name| rows.column::<StringArray>(name);
    let (namespaces, hubs) = (text(lineage::NAMESPACE)?, text(lineage::EVENT_HUB)?);
    let (groups, partitions) = (text(lineage::CONSUMER_GROUP)?, text(lineage::PARTITION_ID)?);
    let epochs: &Int32Array = rows.column(lineage::SOURCE_EPOCH)?;
    let sequence_numbers: &Int64Array = rows.column(lineage::SEQUENCE_NUMBER)?;
    let enqueued: &TimestampMicrosecondArray = rows.column(lineage::ENQUEUED_AT)?;
    let (reasons, details) = (text(REASON)?, text(DETAIL)?);
    let bodies: Option<&BinaryArray> = match bodies {
        Bodies::Read => Some(rows.column(BODY)?),
        Bodies::NotRead => None,
    };
    for row in 0..batch.num_rows() {
        visit(Rejection {
            namespace: namespaces.value(row),
            event_hub: hubs.value(row),
            consumer_group: groups.value(row),
            partition_id: partitions.value(row),
            source_epoch: epochs.value(row),
            sequence_number: sequence_numbers.value(row),
            enqueued_at: Timestamp(enqueued.value(row)),
            reason: reasons.value(row),
            detail: details.value(row),
            body: bodies.map_or(&[][..], |bodies| bodies.value(row)),
        });
    }
    Ok(())
}

/// How often events were rejected for one reason, and when the event hub received them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonTotal {
    pub events: i64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The sentence of the newest event.
    pub example: String,
}

/// Totals by reason.
#[derive(Debug, Default)]
pub struct Totals {
    by_reason: BTreeMap<String, ReasonTotal>,
}

impl Totals {
    pub fn add(&mut self, rejection: &Rejection) {
        let at = rejection.enqueued_at;
        let Some(total) = self.by_reason.get_mut(rejection.reason) else {
            let example = rejection.detail.to_owned();
            let total = ReasonTotal { events: 1, first_seen: at, last_seen: at, example };
            self.by_reason.insert(rejection.reason.to_owned(), total);
            return;
        };
        total.events += 1;
        total.first_seen = total.first_seen.min(at);
        // Of several at the same time, the same one whatever the order of the rows.
        if at > total.last_seen || (at == total.last_seen && rejection.detail < total.example.as_str()) {
            total.last_seen = at;
            total.example = rejection.detail.to_owned();
        }
    }

    pub fn events(&self, reason: &str) -> Option<i64> {
        self.by_reason.get(reason).map(|total| total.events)
    }

    /// The reason that was given last comes first.
    pub fn newest_first(self) -> Vec<(String, ReasonTotal)> {
        let mut totals = Vec::from_iter(self.by_reason);
        totals.sort_by_key(|(_, total)| Reverse(total.last_seen));
        totals
    }
}

/// One rejected event, kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    pub enqueued_at: Timestamp,
    pub sequence_number: i64,
    pub source: String,
    pub detail: String,
    pub body: Vec<u8>,
}

/// The newest events of one reason, a bounded number of them.
#[derive(Debug)]
pub struct Newest<'a> {
    reason: &'a str,
    limit: usize,
    /// The oldest on top.
    kept: BinaryHeap<Reverse<Kept>>,
}

impl<'a> Newest<'a> {
    pub fn of(reason: &'a str, limit: usize) -> Self {
        Newest { reason, limit, kept: BinaryHeap::new() }
    }

    pub fn add(&mut self, rejection: &Rejection) {
        if rejection.reason != self.reason {
            return;
        }
        let is_full = self.kept.len() >= self.limit;
        let oldest = self.kept.peek().map(|Reverse(oldest)| oldest.enqueued_at);
        if is_full && oldest.is_none_or(|oldest| rejection.enqueued_at < oldest) {
            return;
        }
        self.kept.push(Reverse(Kept {
            enqueued_at: rejection.enqueued_at,
            sequence_number: rejection.sequence_number,
            source: rejection.source(),
            detail: rejection.detail.to_owned(),
            body: rejection.body.to_owned(),
        }));
        if is_full {
            self.kept.pop();
        }
    }

    pub fn newest_first(self) -> Vec<Kept> {
        self.kept.into_sorted_vec().into_iter().map(|Reverse(kept)| kept).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(reason: &'static str, at: i64, sequence_number: i64) -> Rejection<'static> {
        Rejection {
            namespace: "n",
            event_hub: "h",
            consumer_group: "g",
            partition_id: "0",
            source_epoch: 0,
            sequence_number,
            enqueued_at: Timestamp(at),
            reason,
            detail: if at > 5 { "late" } else { "early" },
            body: b"{}",
        }
    }

    #[test]
    fn totals_have_the_newest_reason_first_with_its_newest_sentence() {
        let mut totals = Totals::default();
        for (reason, at) in [("a", 3), ("b", 9), ("a", 1), ("a", 7)] {
            totals.add(&rejection(reason, at, 0));
        }
        assert_eq!(totals.events("a"), Some(3));
        let totals = totals.newest_first();
        assert_eq!(totals.iter().map(|(reason, _)| reason.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let expected =
            ReasonTotal { events: 3, first_seen: Timestamp(1), last_seen: Timestamp(7), example: "late".into() };
        assert_eq!(totals[1].1, expected);
    }

    #[test]
    fn only_the_newest_events_of_the_reason_are_kept() {
        for limit in [0, 1, 3, 100] {
            let mut newest = Newest::of("a", limit);
            for number in 0..50 {
                newest.add(&rejection("a", number * 7 % 50, number));
                newest.add(&rejection("b", 1_000, number));
            }
            let times: Vec<i64> = newest.newest_first().into_iter().map(|kept| kept.enqueued_at.0).collect();
            assert_eq!(times, (0..50).rev().take(limit).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_source_names_its_epoch_unless_that_is_the_first() {
        let first = rejection("a", 0, 0);
        assert_eq!(first.source(), "n/h/g/0");
        assert_eq!(Rejection { source_epoch: 2, ..first }.source(), "n/h/g/0@2");
    }
}
