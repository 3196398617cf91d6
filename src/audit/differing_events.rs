//! From ranges whose checksums differ to the events in them: which event is wrong, and in what.
//!
//! The files that may hold those ranges are read once more, and the rows of each event are compared as text. The number
//! of ranges is bounded, so memory is.

use super::checksums::{RangeIndex, is_compared};
use super::event_settings::EventSettings;
use super::expected_rows::{comparable, expected_rows, rows_by_partition, sequence_numbers};
use super::finding::{Audit, Kind, Object};
use super::removals::Losses;
use super::sequence_ranges::{SequenceRange, is_next};
use super::tables::{Layer, Tables};
use crate::columns::Rows;
use crate::columns::read::differing;
use crate::event::ids::SequenceNumber;
use crate::lake::LakeError;
use crate::lake::arrow::array::RecordBatch;
use crate::lake::arrow::error::ArrowError;
use crate::lake::file::Statistics;
use crate::lake::inspection::Inspected;
use crate::lake::log::Add;
use crate::silver::quarantine;
use crate::{bronze, lineage, silver};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ranges that are examined; of the others it is only reported that something is wrong.
const MAX_EXAMINED: usize = 32;

/// By name of the partition and its epoch.
pub(super) type RangesByPartition = BTreeMap<String, BTreeSet<RangeIndex>>;

/// Events of one lake are ordered by partition, then by sequence number.
type Events = BTreeMap<(String, SequenceNumber), Event>;

impl Audit<'_> {
    /// Reports the events in `ranges` that are not where or what they should be, and adds to `losses` those whose rows are
    /// missing or changed. Returns the number of events that are stored more than once, by partition.
    pub async fn examine(
        &mut self,
        mut ranges: RangesByPartition,
        tables: &Tables,
        settings: &Arc<EventSettings>,
        losses: &mut Losses,
    ) -> Result<BTreeMap<String, i64>, LakeError> {
        self.leave_out_excess(&mut ranges, losses);
        if ranges.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ranges = Arc::new(ranges);
        let mut events = Events::new();
        for (layer, scanned) in tables.layers() {
            let files: Vec<&Add> = scanned.scan.head.files.values().filter(|add| may_hold(add, &ranges)).collect();
            for (done, file) in files.iter().enumerate() {
                self.progress("examining events", done, Some(files.len()));
                let (ranges, settings) = (ranges.clone(), settings.clone());
                let read = move |evidence: &mut FileEvidence, batch: &RecordBatch| {
                    evidence.read(layer, batch, &ranges, &settings)
                };
                // A file that cannot be read was reported when it was first opened.
                let Inspected::Whole { found, .. } = scanned.inspect(file, read).await? else { continue };
                for (source, number, evidence) in found.rows {
                    events.entry((source, number)).or_default().add(evidence);
                }
            }
        }
        Ok(self.check_events(&events, losses))
    }

    /// Reports all ranges but the first [`MAX_EXAMINED`], and removes them.
    fn leave_out_excess(&mut self, ranges: &mut RangesByPartition, losses: &mut Losses) {
        let mut room = MAX_EXAMINED;
        for (source, of_source) in ranges.iter_mut() {
            let excess: Vec<RangeIndex> = of_source.iter().copied().skip(room).collect();
            room -= of_source.len() - excess.len();
            for range in excess {
                of_source.remove(&range);
                let events = SequenceRange { first: range.first(), last: range.last() };
                losses.add(Layer::Silver, source, events);
                losses.add(Layer::Quarantine, source, events);
                let object = Object::events(source, events.first, events.last);
                self.report(Kind::RangeDiffers, silver::schema::TABLE, object, "its checksum differs from bronze");
            }
        }
        ranges.retain(|_, of_source| !of_source.is_empty());
    }

    /// Consecutive events with the same problem are one finding.
    fn check_events(&mut self, events: &Events, losses: &mut Losses) -> BTreeMap<String, i64> {
        let mut doubled = BTreeMap::new();
        let mut open: Option<(&str, SequenceNumber, SequenceNumber, Problem)> = None;
        for ((source, number), event) in events {
            let Some(problem) = event.problem() else { continue };
            if let Some(layer) = event.lost_from(&problem) {
                losses.add(layer, source, SequenceRange::only(*number));
            }
            if problem.kind == Kind::EventsDoubled {
                *doubled.entry(source.clone()).or_default() += 1;
            }
            open = Some(match open.take() {
                Some((of, first, last, before)) if of == source && is_next(last, *number) && before == problem => {
                    (of, first, *number, before)
                }
                before => {
                    self.report_problem(before);
                    (source, *number, *number, problem)
                }
            });
        }
        self.report_problem(open);
        doubled
    }

    fn report_problem(&mut self, problem: Option<(&str, SequenceNumber, SequenceNumber, Problem)>) {
        if let Some((source, first, last, Problem { kind, table, detail })) = problem {
            self.report(kind, table, Object::events(source, first, last), detail);
        }
    }
}

/// Whether a file may have events in `ranges`, as far as the statistics in the log say.
fn may_hold(add: &Add, ranges: &RangesByPartition) -> bool {
    let statistics = Statistics::of(add);
    let bound = |values: &Map<String, Value>| values.get(lineage::SEQUENCE_NUMBER)?.as_i64();
    let (Some(first), Some(last)) = (bound(&statistics.min_values), bound(&statistics.max_values)) else { return true };
    let (first, last) = (RangeIndex::of(SequenceNumber(first)), RangeIndex::of(SequenceNumber(last)));
    first > last || ranges.values().any(|of_source| of_source.range(first..=last).next().is_some())
}

/// What the rows of one file say of the events in the ranges.
#[derive(Debug, Default)]
struct FileEvidence {
    rows: Vec<(String, SequenceNumber, Evidence)>,
}

/// A row as a JSON object of the columns that are compared.
type JsonRow = Vec<u8>;

/// What one row says of its event.
#[derive(Debug, Clone)]
enum Evidence {
    Received,
    ExpectedInSilver(JsonRow),
    ExpectedInQuarantine(JsonRow),
    InSilver(JsonRow),
    InQuarantine(JsonRow),
}

impl FileEvidence {
    fn read(
        &mut self,
        layer: Layer,
        batch: &RecordBatch,
        ranges: &RangesByPartition,
        settings: &EventSettings,
    ) -> Result<(), ArrowError> {
        for partition in rows_by_partition(layer, batch)? {
            let Some(wanted) = ranges.get(&partition.source) else { continue };
            let partition = partition.filter(|number| wanted.contains(&RangeIndex::of(number)))?;
            if partition.rows.num_rows() == 0 {
                continue;
            }
            let source = &partition.source;
            match layer {
                Layer::Bronze => {
                    let expected = expected_rows(&partition, settings)?;
                    self.add(source, (layer, &partition.rows), |_| Evidence::Received)?;
                    let silver = comparable(source, &expected.silver, settings)?;
                    self.add(source, (Layer::Silver, &silver), Evidence::ExpectedInSilver)?;
                    self.add(source, (Layer::Quarantine, &expected.quarantine), Evidence::ExpectedInQuarantine)?;
                }
                Layer::Silver => {
                    let stored = comparable(source, &partition.rows, settings)?;
                    self.add(source, (layer, &stored), Evidence::InSilver)?;
                }
                Layer::Quarantine => self.add(source, (layer, &partition.rows), Evidence::InQuarantine)?,
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        source: &str,
        (layer, rows): (Layer, &RecordBatch),
        evidence: impl Fn(JsonRow) -> Evidence,
    ) -> Result<(), ArrowError> {
        let json = Rows::of(layer.table(), rows).as_json(is_compared)?;
        for (number, row) in sequence_numbers(layer, rows)?.into_iter().zip(json) {
            self.rows.push((source.to_owned(), number, evidence(row)));
        }
        Ok(())
    }
}

/// What all rows of the three tables say of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Event {
    received: bool,
    /// Sets, because an event that is in bronze twice is expected once: the repetition has a finding of its own.
    expected_in_silver: BTreeSet<JsonRow>,
    expected_in_quarantine: BTreeSet<JsonRow>,
    in_silver: Vec<JsonRow>,
    in_quarantine: Vec<JsonRow>,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    kind: Kind,
    table: &'static str,
    detail: String,
}

impl Event {
    fn add(&mut self, evidence: Evidence) {
        match evidence {
            Evidence::Received => self.received = true,
            Evidence::ExpectedInSilver(row) => drop(self.expected_in_silver.insert(row)),
            Evidence::ExpectedInQuarantine(row) => drop(self.expected_in_quarantine.insert(row)),
            Evidence::InSilver(row) => self.in_silver.push(row),
            Evidence::InQuarantine(row) => self.in_quarantine.push(row),
        }
    }

    /// `None` when nothing is wrong.
    fn problem(&self) -> Option<Problem> {
        const SILVER: &str = silver::schema::TABLE;
        const QUARANTINE: &str = quarantine::TABLE;
        let problem = |kind, table, detail: String| Some(Problem { kind, table, detail });
        match (self.received, !self.in_silver.is_empty(), !self.in_quarantine.is_empty()) {
            (false, false, false) => None,
            (false, true, _) => problem(Kind::EventsInvented, SILVER, "not in `bronze/events`".into()),
            (false, false, true) => problem(Kind::EventsInvented, QUARANTINE, "not in `bronze/events`".into()),
            (true, false, false) => {
                let table = if self.expected_in_silver.is_empty() { QUARANTINE } else { SILVER };
                problem(
                    Kind::EventsUnplaced,
                    bronze::schema::TABLE,
                    format!("not in `{table}`, where its bytes belong"),
                )
            }
            (true, true, true) => problem(Kind::EventsInBoth, SILVER, format!("also in `{QUARANTINE}`")),
            (true, true, false) if self.expected_in_silver.is_empty() => {
                problem(Kind::EventsMisjudged, SILVER, format!("its bytes belong in `{QUARANTINE}`"))
            }
            (true, false, true) if self.expected_in_quarantine.is_empty() => {
                problem(Kind::EventsMisjudged, QUARANTINE, format!("its bytes belong in `{SILVER}`"))
            }
            (true, true, false) => compare(SILVER, &self.expected_in_silver, &self.in_silver),
            (true, false, true) => compare(QUARANTINE, &self.expected_in_quarantine, &self.in_quarantine),
        }
    }

    /// The table in which rows of an event with `problem` are missing or changed.
    fn lost_from(&self, problem: &Problem) -> Option<Layer> {
        match (problem.kind, problem.table) {
            (Kind::EventsInvented, _) => Some(Layer::Bronze),
            (Kind::EventsUnplaced, _) if self.expected_in_silver.is_empty() => Some(Layer::Quarantine),
            (Kind::EventsUnplaced, _) | (Kind::RowDiffers, silver::schema::TABLE) => Some(Layer::Silver),
            (Kind::RowDiffers, _) => Some(Layer::Quarantine),
            _ => None,
        }
    }
}

fn compare(table: &'static str, expected: &BTreeSet<JsonRow>, stored: &[JsonRow]) -> Option<Problem> {
    let distinct: BTreeSet<JsonRow> = stored.iter().cloned().collect();
    if distinct == *expected && stored.len() == expected.len() {
        return None;
    }
    let counts = || format!("stored as {} rows instead of {}", stored.len(), expected.len());
    if distinct == *expected || stored.len() >= 2 * expected.len() {
        return Some(Problem { kind: Kind::EventsDoubled, table, detail: counts() });
    }
    let detail = match stored.len() == expected.len() {
        true => {
            let columns = differing_columns(expected, &distinct);
            format!("the row is not what `body` in `{}` says, in columns {columns}", bronze::schema::TABLE)
        }
        false => counts(),
    };
    Some(Problem { kind: Kind::RowDiffers, table, detail })
}

/// The columns in which rows that only one side has differ, row by row.
fn differing_columns(expected: &BTreeSet<JsonRow>, stored: &BTreeSet<JsonRow>) -> String {
    let pairs = expected.difference(stored).zip(stored.difference(expected));
    let columns: BTreeSet<String> = pairs.flat_map(|(expected, stored)| differing(expected, stored)).collect();
    columns.into_iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::Evidence::{ExpectedInQuarantine, ExpectedInSilver, InQuarantine, InSilver, Received};
    use super::*;

    fn event(evidence: &[Evidence]) -> Event {
        let mut event = Event::default();
        evidence.iter().cloned().for_each(|evidence| event.add(evidence));
        event
    }

    #[test]
    fn an_event_is_checked_for_where_it_is_and_what_its_rows_say() {
        let a = || br#"{"n":1,"p":0}"#.to_vec();
        let b = || br#"{"n":1,"p":1}"#.to_vec();
        let other = || br#"{"n":2,"p":0}"#.to_vec();
        let valid = [Received, ExpectedInSilver(a()), ExpectedInSilver(b())];
        let rejected = [Received, ExpectedInQuarantine(a())];
        let stored = |expected: &[Evidence], rows: &[Evidence]| event(&[expected, rows].concat());
        let edited = stored(&valid, &[InSilver(other()), InSilver(b())]);
        assert!(edited.problem().is_some_and(|problem| problem.detail.contains("`n`")));
        let cases = [
            (stored(&valid, &[InSilver(a()), InSilver(b())]), None),
            (stored(&rejected, &[InQuarantine(a())]), None),
            (stored(&[], &[InSilver(a())]), Some(Kind::EventsInvented)),
            (stored(&valid, &[]), Some(Kind::EventsUnplaced)),
            (stored(&valid, &[InSilver(a()), InQuarantine(a())]), Some(Kind::EventsInBoth)),
            (stored(&valid, &[InQuarantine(a())]), Some(Kind::EventsMisjudged)),
            (stored(&rejected, &[InSilver(a())]), Some(Kind::EventsMisjudged)),
            (stored(&valid, &[InSilver(a()), InSilver(b()), InSilver(b())]), Some(Kind::EventsDoubled)),
            (stored(&valid, &[InSilver(a())]), Some(Kind::RowDiffers)),
            (edited, Some(Kind::RowDiffers)),
        ];
        for (event, kind) in cases {
            assert_eq!(event.problem().map(|problem| problem.kind), kind, "{event:?}");
        }
    }
}
