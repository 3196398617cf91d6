//! What a commit to gold says of the events that it read: how many, how many of them twice, how late and how old.

use super::control::Run;
use super::read_events::ReadEvent;
use super::session::Copies;
use crate::counters::Histogram;
use crate::event::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Member of `commitInfo`.
pub const QUALITY: &str = "quality";

/// Counts over the events of one slice. What is 0 is left out of the JSON.
#[derive(Debug, Default, Serialize)]
pub(super) struct Quality {
    #[serde(skip_serializing_if = "is_zero")]
    events: u64,
    #[serde(skip_serializing_if = "is_zero")]
    duplicates: u64,
    #[serde(skip_serializing_if = "is_zero")]
    conflicts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cross_region_duplicates: u64,
    #[serde(skip_serializing_if = "is_zero")]
    late: u64,
    /// How much older than the watermark before the run late events are.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    lateness: Histogram,
    /// From the moment an event was enqueued to the end of the run.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    lag: Histogram,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Quality {
    /// Counts `events`. The run is taken to end `now`; `watermark` is that before the run.
    pub fn of(events: &[ReadEvent], watermark: Option<Timestamp>, now: Timestamp) -> Self {
        let mut quality = Quality { events: events.len() as u64, ..Quality::default() };
        for event in events {
            quality.lag.add(now - event.enqueued_at);
            if let Some(watermark) = watermark.filter(|watermark| event.event.at < *watermark) {
                quality.late += 1;
                quality.lateness.add(watermark - event.event.at);
            }
        }
        quality
    }

    pub fn count_copies(&mut self, copies: Copies, cross_region_duplicates: u64) {
        (self.duplicates, self.conflicts) = (copies.duplicates, copies.conflicts);
        self.cross_region_duplicates = cross_region_duplicates;
    }

    /// Adds the counts to those of the run, which may have merged other parts of the same version before.
    pub fn add_to(&self, run: &mut Run) {
        run.events += self.events as i64;
        run.late_events += self.late as i64;
        run.duplicates += self.duplicates as i64;
        run.conflicts += self.conflicts as i64;
        run.cross_region_duplicates += self.cross_region_duplicates as i64;
    }

    /// The member of `commitInfo`, for a run that ends at `finished_at`.
    pub fn details(&self, finished_at: Timestamp) -> Map<String, Value> {
        let mut object = Map::from_iter([("hour".to_owned(), json!(finished_at.hours()))]);
        if let Value::Object(counts) = json!(self) {
            object.extend(counts);
        }
        Map::from_iter([(QUALITY.to_owned(), json!([object]))])
    }
}
