//! What was rejected of the source of a run: for each reason how many events, an example, and where the first one is.
//!
//! Knows the events of one source only, of whichever run; the lake may hold those of others.

use super::endpoint::Source;
use crate::source::Place;
use crate::terminal::{grouped, printable, text_table};
use clickstream::app::App;
use clickstream::lake::LakeError;
use clickstream::lake::table::Table;
use clickstream::silver::quarantine;
use clickstream::silver::rejections::{self, Bodies, Rejection};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where an event is: in a text, or else in the event hub. Ordered within a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct First {
    #[serde(flatten)]
    place: Option<Place>,
    sequence_number: i64,
    partition: String,
}

/// What was rejected for one reason.
#[derive(Debug, Serialize)]
pub struct Rejected {
    reason: String,
    events: i64,
    first: First,
    /// The sentence of the first one.
    example: String,
}

/// The rejected events of `source`, the commonest reason first.
pub async fn read(app: &App, source: &Source) -> Result<Vec<Rejected>, LakeError> {
    let hub = source.event_source();
    let table = Table::at(&app.lake, quarantine::table(), &app.workers);
    let mut by_reason: BTreeMap<String, Rejected> = BTreeMap::new();
    let add = |rejection: Rejection| {
        if rejection.namespace == hub.namespace() && rejection.event_hub == hub.event_hub() {
            let partition = rejection.partition_id;
            let place = partition.parse().ok().and_then(|id| source.place(id, rejection.sequence_number));
            let first = First { place, sequence_number: rejection.sequence_number, partition: partition.to_owned() };
            add(&mut by_reason, first, rejection);
        }
    };
    rejections::visit(&table, Bodies::NotRead, add).await?;
    let mut rejected = Vec::from_iter(by_reason.into_values());
    rejected.sort_by_key(|rejected| -rejected.events);
    Ok(rejected)
}

fn add(by_reason: &mut BTreeMap<String, Rejected>, first: First, rejection: Rejection) {
    let (reason, example) = (rejection.reason.to_owned(), rejection.detail.to_owned());
    match by_reason.get_mut(&reason) {
        None => {
            by_reason.insert(reason.clone(), Rejected { reason, events: 1, first, example });
        }
        Some(known) => {
            known.events += 1;
            if first < known.first {
                (known.first, known.example) = (first, example);
            }
        }
    }
}

pub fn print(rejected: &[Rejected]) {
    if rejected.is_empty() {
        return;
    }
    let row = |rejected: &Rejected| {
        let Rejected { reason, events, first, example } = rejected;
        vec![printable(reason), grouped(*events), at(first), printable(example)]
    };
    println!("{}", text_table(&["rejected because", "events", "first at", "for example"], rejected.iter().map(row)));
    let total = grouped(rejected.iter().map(|rejected| rejected.events).sum());
    println!("{total} events of this source were rejected; `clickstream quarantine` shows them");
}

fn at(first: &First) -> String {
    match first.place {
        Some(Place { line, event: None }) => format!("line {}", grouped(line.into())),
        Some(Place { line, event: Some(event) }) => {
            format!("line {}, event {}", grouped(line.into()), grouped(event as i64))
        }
        None => format!("partition {}, sequence number {}", first.partition, first.sequence_number),
    }
}
