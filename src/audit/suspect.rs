//! One event under suspicion: what it should have become, what it did, and what is to be said of it.

use super::finding::Kind;
use super::ledger::Side;
use crate::silver::quarantine;
use crate::{bronze, silver};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Rows are JSON objects in one line, in the columns that are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    pub received: bool,
    should_be_silver: BTreeSet<String>,
    should_be_quarantine: BTreeSet<String>,
    silver: Vec<String>,
    quarantine: Vec<String>,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub kind: Kind,
    pub table: &'static str,
    pub detail: String,
}

const SILVER: &str = silver::schema::TABLE;

impl Event {
    /// The same row expected twice is expected once: that bronze has the event twice is said elsewhere.
    pub fn should_be(&mut self, side: Side, row: String) {
        match side {
            Side::Silver => self.should_be_silver.insert(row),
            Side::Quarantine => self.should_be_quarantine.insert(row),
            Side::Bronze => false,
        };
    }

    pub fn is(&mut self, side: Side, row: String) {
        match side {
            Side::Silver => self.silver.push(row),
            Side::Quarantine => self.quarantine.push(row),
            Side::Bronze => {}
        }
    }

    /// `None` when all is well.
    pub fn verdict(&self) -> Option<Verdict> {
        let verdict = |kind, table, detail: &str| Some(Verdict { kind, table, detail: detail.to_owned() });
        match (self.received, self.silver.is_empty(), self.quarantine.is_empty()) {
            (false, true, true) => None,
            (false, false, _) => verdict(Kind::EventsInvented, SILVER, "not in bronze"),
            (false, true, false) => verdict(Kind::EventsInvented, quarantine::TABLE, "not in bronze"),
            (true, true, true) => {
                let where_to = if self.should_be_silver.is_empty() { quarantine::TABLE } else { SILVER };
                verdict(Kind::EventsUnplaced, bronze::schema::TABLE, &format!("should be in `{where_to}`"))
            }
            (true, false, false) => verdict(Kind::EventsInBoth, SILVER, "also in `silver/quarantine`"),
            (true, false, true) if self.should_be_silver.is_empty() => {
                verdict(Kind::EventsMisjudged, SILVER, "its bytes should be in quarantine")
            }
            (true, true, false) if self.should_be_quarantine.is_empty() => {
                verdict(Kind::EventsMisjudged, quarantine::TABLE, "its bytes should be in silver")
            }
            (true, false, true) => compare(SILVER, &self.should_be_silver, &self.silver),
            (true, true, false) => compare(quarantine::TABLE, &self.should_be_quarantine, &self.quarantine),
        }
    }
}

fn compare(table: &'static str, expected: &BTreeSet<String>, found: &[String]) -> Option<Verdict> {
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    if distinct == *expected && found.len() == expected.len() {
        return None;
    }
    if distinct == *expected || found.len() >= 2 * expected.len() {
        let detail = format!("{} rows instead of {}", found.len(), expected.len());
        return Some(Verdict { kind: Kind::EventsDoubled, table, detail });
    }
    let detail = match found.len() == expected.len() {
        true => format!("columns {} are not what `body` in bronze says", differing(expected, &distinct)),
        false => format!("{} rows instead of {}", found.len(), expected.len()),
    };
    Some(Verdict { kind: Kind::RowDiffers, table, detail })
}

/// The columns in which the rows that only one side has differ, row by row.
fn differing(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> String {
    let object = |row: &String| serde_json::from_str::<Map<String, Value>>(row).unwrap_or_default();
    let mut columns = BTreeSet::new();
    for (expected, found) in expected.difference(found).zip(found.difference(expected)) {
        let (expected, found) = (object(expected), object(found));
        let names = expected.keys().chain(found.keys());
        columns.extend(names.filter(|name| expected.get(*name) != found.get(*name)).map(|name| format!("`{name}`")));
    }
    columns.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(received: bool, should_be: &[(Side, &str)], is: &[(Side, &str)]) -> Event {
        let mut event = Event { received, ..Event::default() };
        should_be.iter().for_each(|(side, row)| event.should_be(*side, row.to_string()));
        is.iter().for_each(|(side, row)| event.is(*side, row.to_string()));
        event
    }

    #[test]
    fn an_event_is_judged_by_where_it_is_and_what_it_says() {
        use Side::{Quarantine, Silver};
        let (a, b, other) = (r#"{"n":1,"p":0}"#, r#"{"n":1,"p":1}"#, r#"{"n":2,"p":0}"#);
        let good = &[(Silver, a), (Silver, b)][..];
        let cases = [
            (event(true, good, good), None),
            (event(true, &[(Quarantine, a)], &[(Quarantine, a)]), None),
            (event(false, &[], &[(Silver, a)]), Some(Kind::EventsInvented)),
            (event(true, good, &[]), Some(Kind::EventsUnplaced)),
            (event(true, good, &[(Silver, a), (Quarantine, a)]), Some(Kind::EventsInBoth)),
            (event(true, good, &[(Quarantine, a)]), Some(Kind::EventsMisjudged)),
            (event(true, &[(Quarantine, a)], &[(Silver, a)]), Some(Kind::EventsMisjudged)),
            (event(true, good, &[(Silver, a), (Silver, b), (Silver, b)]), Some(Kind::EventsDoubled)),
            (event(true, good, &[(Silver, a)]), Some(Kind::RowDiffers)),
            (event(true, good, &[(Silver, other), (Silver, b)]), Some(Kind::RowDiffers)),
        ];
        for (event, kind) in cases {
            assert_eq!(event.verdict().map(|verdict| verdict.kind), kind, "{event:?}");
        }
        let edited = event(true, good, &[(Silver, other), (Silver, b)]);
        assert!(edited.verdict().is_some_and(|verdict| verdict.detail.contains("`n`")));
    }
}
