//! What the commits of a batch say of its quality: counters of the rows that each of them adds.
//!
//! A commit may add a part of a batch, since the table may have its first events already. So what the counters need of each
//! event is kept until then, in a few bytes. Knows which counters each of the three tables writes; adding them up and
//! keeping them small is for [`counters`](crate::counters).

use crate::columns::{Append, CommitDetails};
use crate::counters::hour::{self, NameCounts, OTHER_NAMES, QUALITY};
use crate::counters::{Histogram, HourCounts};
use crate::event::Parsed;
use crate::event::received::ReceivedBatch;
use crate::event::reject::RejectReason;
use crate::event::time::Span;
use crate::lineage::{self, Stamp};
use crate::silver;
use arrow::array::Array;
use arrow::buffer::{BooleanBuffer, NullBuffer};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Unknown names of one batch that are counted one by one; a sender that puts ids into names must not fill the memory.
const MAX_UNKNOWN_NAMES: usize = 4_096;

/// What the commits of the three tables say of one batch.
pub(super) struct Details {
    pub bronze: CommitDetails,
    pub silver: CommitDetails,
    pub quarantine: CommitDetails,
}

/// `parsed` holds what was read in each event of `batch`, `silver` the rows that were made of it.
pub(super) fn details(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp, silver: &Append) -> Details {
    let source = lineage::source_name(&batch.source, stamp.source_epoch);
    let empty = HourCounts::new(source, stamp.ingested_at);
    let sequences: Arc<[i64]> = silver.positions.iter().map(|position| position.sequence).collect();
    let received = Received::of(batch, parsed, stamp, Nulls::of(silver, sequences.clone()));
    let rejected = received.rejected();
    Details {
        bronze: of_rows(&empty, move |first, counts| received.count(first, counts)),
        silver: of_rows(&empty, move |first, counts| count_rows(&sequences[first..], counts)),
        quarantine: of_rows(&empty, move |first, counts| count_rejected(&rejected[first..], counts)),
    }
}

/// `count` counts the row of that index and all after it.
fn of_rows(empty: &HourCounts, count: impl Fn(usize, &mut HourCounts) + Send + Sync + 'static) -> CommitDetails {
    let empty = empty.clone();
    let of = move |first| {
        let mut counts = empty.clone();
        count(first, &mut counts);
        json!(counts)
    };
    CommitDetails { name: QUALITY, of: Arc::new(of), merge: hour::of_commit }
}

fn count_rows(sequences: &[i64], counts: &mut HourCounts) {
    (counts.first, counts.last) = ends(sequences.first(), sequences.last());
    counts.events = sequences.chunk_by(|one, next| one == next).count() as u64;
    counts.rows = sequences.len() as u64;
}

fn count_rejected(rejected: &[(i64, RejectReason)], counts: &mut HourCounts) {
    let sequence = |(sequence, _): &(i64, RejectReason)| *sequence;
    (counts.first, counts.last) = ends(rejected.first().map(sequence), rejected.last().map(sequence));
    for (_, reason) in rejected {
        count_reason(*reason, counts);
    }
}

fn count_reason(reason: RejectReason, counts: &mut HourCounts) {
    match counts.rejected.get_mut(reason.as_str()) {
        Some(count) => *count += 1,
        None => {
            counts.rejected.insert(reason.as_str().to_owned(), 1);
        }
    }
}

/// Nobody asks for the details of no rows.
fn ends<N: std::borrow::Borrow<i64>>(first: Option<N>, last: Option<N>) -> (i64, i64) {
    let number = |number: Option<N>| number.map_or(0, |number| *number.borrow());
    (number(first), number(last))
}

/// What bronze counts of each event of a batch.
struct Received {
    events: Vec<Event>,
    unknown: Unknown,
    nulls: Nulls,
}

struct Event {
    sequence: i64,
    /// From the hub to the invocation.
    lag: Span,
    outcome: Outcome,
}

enum Outcome {
    Rejected(RejectReason),
    /// `age` is the time from the event to the hub, negative where the clock of its producer is ahead.
    WellFormed {
        age: Span,
        is_bot: bool,
    },
}

impl Received {
    fn of(batch: &ReceivedBatch, parsed: &[Parsed], stamp: Stamp, nulls: Nulls) -> Self {
        let events = batch.events.iter().zip(parsed).map(|(event, parsed)| Event {
            sequence: event.sequence_number.0,
            lag: stamp.ingested_at - event.enqueued_at,
            outcome: match parsed {
                Ok(click) => Outcome::WellFormed { age: event.enqueued_at - click.event_time, is_bot: click.is_bot },
                Err(reject) => Outcome::Rejected(reject.reason),
            },
        });
        Received { events: events.collect(), unknown: Unknown::of(parsed), nulls }
    }

    /// Sequence number and reason of each rejected event.
    fn rejected(&self) -> Vec<(i64, RejectReason)> {
        let reason = |event: &Event| match event.outcome {
            Outcome::Rejected(reason) => Some((event.sequence, reason)),
            Outcome::WellFormed { .. } => None,
        };
        self.events.iter().filter_map(reason).collect()
    }

    fn count(&self, first: usize, counts: &mut HourCounts) {
        let events = &self.events[first..];
        let sequence = |event: &Event| event.sequence;
        (counts.first, counts.last) = ends(events.first().map(sequence), events.last().map(sequence));
        counts.received = events.len() as u64;
        let (mut age_of_all, mut lag_of_all) = (Histogram::default(), Histogram::default());
        for event in events {
            lag_of_all.add(event.lag);
            match event.outcome {
                Outcome::Rejected(reason) => count_reason(reason, counts),
                Outcome::WellFormed { age, is_bot } => {
                    age_of_all.add(age);
                    counts.ahead += u64::from(age < Span::ZERO);
                    counts.bots += u64::from(is_bot);
                }
            }
        }
        (counts.age, counts.lag) = (age_of_all, lag_of_all);
        counts.unknown = self.unknown.count_from(first);
        counts.nulls = self.nulls.count_from(counts.first);
    }
}

/// The unknown members of a batch. Empty, and free of cost, where all members are known.
struct Unknown {
    /// [`OTHER_NAMES`] first.
    names: Vec<String>,
    /// Place of the event, place of the name and number of members, by growing place of the event.
    members: Vec<(usize, usize, u32)>,
}

impl Unknown {
    fn of(parsed: &[Parsed]) -> Self {
        let (mut names, mut members) = (vec![OTHER_NAMES.to_owned()], Vec::new());
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (event, parsed) in parsed.iter().enumerate() {
            let Some(fields) = parsed.as_ref().ok().map(|click| &click.unknown_fields) else { continue };
            let mut without_name = fields.count();
            for name in fields.names() {
                let place = places.get(name).copied().unwrap_or_else(|| match names.len() > MAX_UNKNOWN_NAMES {
                    true => 0,
                    false => {
                        places.insert(name, names.len());
                        names.push(name.to_owned());
                        names.len() - 1
                    }
                });
                members.push((event, place, 1));
                without_name -= 1;
            }
            if without_name > 0 {
                members.push((event, 0, without_name));
            }
        }
        Unknown { names, members }
    }

    /// Of the event at `first` and all after it.
    fn count_from(&self, first: usize) -> NameCounts {
        let members = &self.members[self.members.partition_point(|(event, ..)| *event < first)..];
        if members.is_empty() {
            return NameCounts::new();
        }
        let mut counts = vec![0_u64; self.names.len()];
        for (_, name, count) in members {
            counts[*name] += u64::from(*count);
        }
        let named = self.names.iter().cloned().zip(counts);
        named.filter(|(_, count)| *count > 0).collect()
    }
}

/// Where silver's optional columns are null, those of products aside. Counted in bits, many rows at a time.
struct Nulls {
    columns: Vec<(String, NullBuffer)>,
    /// The first row of each event.
    first_rows: BooleanBuffer,
    /// Of each row.
    sequences: Arc<[i64]>,
}

impl Nulls {
    fn of(silver: &Append, sequences: Arc<[i64]>) -> Self {
        let is_first = |row: usize| row == 0 || sequences[row - 1] != sequences[row];
        let first_rows = BooleanBuffer::collect_bool(sequences.len(), is_first);
        let schema = silver.rows.schema();
        let columns = schema.fields().iter().zip(silver.rows.columns());
        let of_events = columns.filter(|(field, _)| !silver::schema::OF_PRODUCT.contains(&field.name().as_str()));
        let with_nulls = of_events.filter_map(|(field, column)| Some((field.name().clone(), column.nulls()?.clone())));
        Nulls { columns: with_nulls.collect(), first_rows, sequences }
    }

    /// Of the event with this sequence number and all after it.
    fn count_from(&self, sequence: i64) -> NameCounts {
        let start = self.sequences.partition_point(|&number| number < sequence);
        let rows = self.sequences.len() - start;
        let first_rows = self.first_rows.slice(start, rows);
        let events = first_rows.count_set_bits();
        let null = |nulls: &NullBuffer| events - (&first_rows & nulls.slice(start, rows).inner()).count_set_bits();
        let counts = self.columns.iter().map(|(name, nulls)| (name.clone(), null(nulls) as u64));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}
