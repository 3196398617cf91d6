//! From a range whose books do not balance to the events in it.

use super::digest::{RANGE, compared, range_of};
use super::finding::{Kind, Object};
use super::ledger::Side;
use super::logs::Walked;
use super::origin::{Group, column, groups};
use super::suspect::{Event, Verdict};
use super::verdict::{expected, widest};
use super::{Looking, Source};
use crate::event::parse::Limits;
use crate::lake::LakeError;
use crate::lake::arrow::array::{BooleanArray, Int64Array, RecordBatch};
use crate::lake::arrow::compute;
use crate::lake::arrow::error::ArrowError;
use crate::lake::arrow::json::LineDelimitedWriter;
use crate::lake::file::Statistics;
use crate::lake::inspection::Inspected;
use crate::lake::log::Add;
use crate::{lineage, silver};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ranges that are looked into; of the others it is only said that something is wrong.
const LOOKED_INTO: usize = 32;

/// By partition.
pub type Ranges = BTreeMap<Source, BTreeSet<i64>>;

/// Rows of events in the ranges, as found in one file.
#[derive(Debug, Default)]
struct Traces {
    rows: Vec<(Source, i64, Trace)>,
}

/// What a row says of its event.
#[derive(Debug)]
enum Trace {
    Received,
    ShouldBe(Side, String),
    Is(Side, String),
}

impl Looking<'_> {
    /// Names the events in `ranges` that are not where or what they should be. Gives the doubled ones by partition.
    pub async fn trace(
        &mut self,
        mut ranges: Ranges,
        tables: &[(Side, &Walked)],
    ) -> Result<BTreeMap<Source, i64>, LakeError> {
        self.leave_out(&mut ranges);
        if ranges.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ranges = Arc::new(ranges);
        let mut events: BTreeMap<(Source, i64), Event> = BTreeMap::new();
        for &(side, walked) in tables {
            let adds: Vec<&Add> = walked.walk.head.files.values().filter(|add| may_hold(add, &ranges)).collect();
            for (done, add) in adds.iter().enumerate() {
                self.progress("looking for the events", done, adds.len());
                let (ranges, limits) = (ranges.clone(), widest());
                let read = move |traces: &mut Traces, batch: &RecordBatch| traces.read(side, batch, &ranges, &limits);
                let inspected = walked.table.inspect(add, &[], Traces::default(), read).await?;
                // What cannot be read was named when it was first opened.
                let Inspected::Whole { found, .. } = inspected else { continue };
                for (source, sequence, trace) in found.rows {
                    let event = events.entry((source, sequence)).or_default();
                    match trace {
                        Trace::Received => event.received = true,
                        Trace::ShouldBe(side, row) => event.should_be(side, row),
                        Trace::Is(side, row) => event.is(side, row),
                    }
                }
            }
        }
        Ok(self.judge_events(events))
    }

    fn leave_out(&mut self, ranges: &mut Ranges) {
        let mut room = LOOKED_INTO;
        for (source, of_source) in ranges.iter_mut() {
            let beyond: Vec<i64> = of_source.iter().copied().skip(room).collect();
            room -= of_source.len() - beyond.len();
            for range in beyond {
                of_source.remove(&range);
                let object = Object::events(source, range * RANGE, (range + 1) * RANGE - 1);
                self.findings.add(Kind::RangeDiffers, silver::schema::TABLE, object, "not looked into");
            }
        }
        ranges.retain(|_, of_source| !of_source.is_empty());
    }

    /// Neighbours of which the same is to be said are one finding.
    fn judge_events(&mut self, events: BTreeMap<(Source, i64), Event>) -> BTreeMap<Source, i64> {
        let mut doubled = BTreeMap::new();
        let mut open: Option<(Source, i64, i64, Verdict)> = None;
        for ((source, sequence), event) in events {
            let Some(verdict) = event.verdict() else { continue };
            if verdict.kind == Kind::EventsDoubled {
                *doubled.entry(source.clone()).or_default() += 1;
            }
            open = Some(match open.take() {
                Some((of, first, last, before)) if of == source && last + 1 == sequence && before == verdict => {
                    (of, first, sequence, before)
                }
                before => {
                    self.tell_event(before);
                    (source, sequence, sequence, verdict)
                }
            });
        }
        self.tell_event(open);
        doubled
    }

    fn tell_event(&mut self, told: Option<(Source, i64, i64, Verdict)>) {
        if let Some((source, first, last, verdict)) = told {
            let object = Object::events(&source, first, last);
            self.findings.add(verdict.kind, verdict.table, object, verdict.detail);
        }
    }
}

/// Whether a file can have events in `ranges`, as far as the log knows.
fn may_hold(add: &Add, ranges: &Ranges) -> bool {
    let statistics = Statistics::of(add);
    let bound = |values: &serde_json::Map<String, serde_json::Value>| values.get(lineage::SEQUENCE_NUMBER)?.as_i64();
    let (Some(first), Some(last)) = (bound(&statistics.min_values), bound(&statistics.max_values)) else { return true };
    let (first, last) = (range_of(first), range_of(last));
    first > last || ranges.values().any(|of_source| of_source.range(first..=last).next().is_some())
}

impl Traces {
    fn read(&mut self, side: Side, batch: &RecordBatch, ranges: &Ranges, limits: &Limits) -> Result<(), ArrowError> {
        for group in groups(batch)? {
            let Some(wanted) = ranges.get(&group.source) else { continue };
            let rows = within(&group.rows, wanted)?;
            if rows.num_rows() == 0 {
                continue;
            }
            let group = Group { rows, ..group };
            if side != Side::Bronze {
                self.note(&group, &group.rows, |row| Trace::Is(side, row))?;
                continue;
            }
            let expected = expected(&group, limits)?;
            self.note(&group, &group.rows, |_| Trace::Received)?;
            self.note(&group, &expected.silver, |row| Trace::ShouldBe(Side::Silver, row))?;
            self.note(&group, &expected.quarantine, |row| Trace::ShouldBe(Side::Quarantine, row))?;
        }
        Ok(())
    }

    fn note(&mut self, group: &Group, rows: &RecordBatch, trace: impl Fn(String) -> Trace) -> Result<(), ArrowError> {
        let sequence: &Int64Array = column(rows, lineage::SEQUENCE_NUMBER)?;
        for (&sequence, row) in sequence.values().iter().zip(lines(&compared(rows)?)?) {
            self.rows.push((group.source.clone(), sequence, trace(row)));
        }
        Ok(())
    }
}

fn within(rows: &RecordBatch, wanted: &BTreeSet<i64>) -> Result<RecordBatch, ArrowError> {
    let sequence: &Int64Array = column(rows, lineage::SEQUENCE_NUMBER)?;
    let keep: BooleanArray = sequence.values().iter().map(|&at| Some(wanted.contains(&range_of(at)))).collect();
    compute::filter_record_batch(rows, &keep)
}

/// One JSON object a row.
fn lines(rows: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    if rows.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(rows)?;
    writer.finish()?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    Ok(text.lines().map(str::to_owned).collect())
}
