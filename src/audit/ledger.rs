//! The rows of bronze, silver and quarantine, by partition: what came, what should have become of it, and what did.
//!
//! Read once, file by file; what is kept is runs of sequence numbers and sums, never rows.

use super::digest::{Books, digests};
use super::finding::{Kind, Object};
use super::origin::{Group, column, groups};
use super::repeats::Repeats;
use super::runs::Runs;
use super::verdict::{self, expected};
use super::{Looking, Source, Sources};
use crate::event::parse::Limits;
use crate::lake::arrow::array::{Int32Array, Int64Array, RecordBatch};
use crate::lake::arrow::error::ArrowError;
use crate::lake::log::{Add, Version};
use crate::lineage;
use crate::silver::schema as silver;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Which of the three tables rows are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Bronze,
    Silver,
    Quarantine,
}

/// What one table holds of one partition.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// Of bronze only.
    pub runs: Runs,
    /// Events, not rows.
    pub events: i64,
    pub last: Option<i64>,
    pub books: Books,
    /// Of silver only.
    keys: Vec<i64>,
}

/// One file, by partition.
#[derive(Debug, Clone, Default)]
pub struct Page {
    holdings: BTreeMap<String, Holding>,
    /// Rows of bronze whose columns are not what their body says: partition, sequence number, columns.
    misread: Vec<(String, i64, String)>,
}

/// What all files say of one partition.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub bronze: Holding,
    pub silver: Holding,
    pub quarantine: Holding,
    /// Of silver and quarantine against bronze.
    pub books: Books,
    pub repeats: Repeats,
}

impl Account {
    pub fn side(&mut self, side: Side) -> &mut Holding {
        match side {
            Side::Bronze => &mut self.bronze,
            Side::Silver => &mut self.silver,
            Side::Quarantine => &mut self.quarantine,
        }
    }
}

/// How far the rows of each commit reach, to be held against its `txn`s.
pub type Reached = HashMap<Version, Commit>;

#[derive(Debug, Clone, Default)]
pub struct Commit {
    pub files: usize,
    pub last: BTreeMap<Source, i64>,
}

/// How a file of `side` is read.
pub fn reader(side: Side) -> impl FnMut(&mut Page, &RecordBatch) -> Result<(), ArrowError> + Clone + Send + 'static {
    let limits = Arc::new(verdict::widest());
    move |page, batch| {
        for group in groups(batch)? {
            match side {
                Side::Bronze => page.take_bronze(&group, &limits)?,
                Side::Silver => page.take_silver(&group)?,
                Side::Quarantine => page.take_quarantine(&group)?,
            }
        }
        Ok(())
    }
}

impl Page {
    fn holding(&mut self, group: &Group) -> Result<(&mut Holding, Vec<i64>), ArrowError> {
        let sequence: &Int64Array = column(&group.rows, lineage::SEQUENCE_NUMBER)?;
        let sequence = sequence.values().to_vec();
        let holding = self.holdings.entry(group.source.clone()).or_default();
        holding.last = holding.last.max(sequence.iter().copied().max());
        Ok((holding, sequence))
    }

    fn take_bronze(&mut self, group: &Group, limits: &Limits) -> Result<(), ArrowError> {
        let expected = expected(group, limits)?;
        let (holding, sequence) = self.holding(group)?;
        holding.events += sequence.len() as i64;
        for (sequence, digest) in positions(&expected.silver)?.into_iter().zip(digests(&expected.silver)?) {
            let entry = holding.books.entry(sequence);
            entry.silver = entry.silver.wrapping_sub(digest);
        }
        for (sequence, digest) in positions(&expected.quarantine)?.into_iter().zip(digests(&expected.quarantine)?) {
            let entry = holding.books.entry(sequence);
            entry.quarantine = entry.quarantine.wrapping_sub(digest);
        }
        holding.runs.combine(&Runs::of(sequence.clone()));
        if !agree(&group.rows, &expected.bronze) {
            self.note_misread(group, &expected.bronze, &sequence);
        }
        Ok(())
    }

    fn note_misread(&mut self, group: &Group, expected: &RecordBatch, sequence: &[i64]) {
        for (row, &sequence) in sequence.iter().enumerate() {
            let (stored, expected) = (group.rows.slice(row, 1), expected.slice(row, 1));
            if !agree(&stored, &expected) {
                self.misread.push((group.source.clone(), sequence, differing(&stored, &expected).join(", ")));
            }
        }
    }

    fn take_silver(&mut self, group: &Group) -> Result<(), ArrowError> {
        let (holding, sequence) = self.holding(group)?;
        for (&sequence, digest) in sequence.iter().zip(digests(&group.rows)?) {
            let entry = holding.books.entry(sequence);
            entry.silver = entry.silver.wrapping_add(digest);
        }
        let index: &Int32Array = column(&group.rows, silver::PRODUCT_INDEX)?;
        let key: &Int64Array = column(&group.rows, silver::EVENT_KEY)?;
        for (&index, &key) in index.values().iter().zip(key.values()) {
            if index == 0 {
                holding.events += 1;
                holding.keys.push(key);
            }
        }
        Ok(())
    }

    fn take_quarantine(&mut self, group: &Group) -> Result<(), ArrowError> {
        let (holding, sequence) = self.holding(group)?;
        holding.events += sequence.len() as i64;
        for (&sequence, digest) in sequence.iter().zip(digests(&group.rows)?) {
            let entry = holding.books.entry(sequence);
            entry.quarantine = entry.quarantine.wrapping_add(digest);
        }
        Ok(())
    }
}

/// Enters one file of `side`, which `commit` brought if no compaction has moved it since.
pub fn enter(
    looking: &mut Looking<'_>,
    sources: &mut Sources,
    side: Side,
    (add, commit): (&Add, Option<Version>),
    page: Page,
    reached: &mut Reached,
) {
    for (source, sequence, columns) in page.misread {
        let object = Object { file: Some(add.path.clone()), ..Object::events(&source, sequence, sequence) };
        let detail = format!("columns {columns} are not what `body` says");
        looking.findings.add(Kind::RowDiffers, crate::bronze::schema::TABLE, object, detail);
    }
    let commit = commit.map(|version| reached.entry(version).or_default());
    let mut last = BTreeMap::new();
    for (source, holding) in page.holdings {
        last.extend(holding.last.map(|last| (source.clone(), last)));
        let account = sources.entry(source).or_default();
        account.books.combine(&holding.books);
        holding.keys.iter().for_each(|&key| account.repeats.add(key));
        let mine = account.side(side);
        mine.runs.combine(&holding.runs);
        mine.events += holding.events;
        mine.last = mine.last.max(holding.last);
    }
    if let Some(commit) = commit {
        commit.files += 1;
        for (source, last) in last {
            let reached = commit.last.entry(source).or_insert(last);
            *reached = last.max(*reached);
        }
    }
}

fn positions(rows: &RecordBatch) -> Result<Vec<i64>, ArrowError> {
    Ok(column::<Int64Array>(rows, lineage::SEQUENCE_NUMBER)?.values().to_vec())
}

/// When it was ingested is not in the body.
fn agree(stored: &RecordBatch, expected: &RecordBatch) -> bool {
    differing(stored, expected).is_empty()
}

fn differing(stored: &RecordBatch, expected: &RecordBatch) -> Vec<String> {
    let schema = expected.schema();
    let names = schema.fields().iter().map(|field| field.name()).filter(|name| *name != lineage::INGESTED_AT);
    let differs = names.filter(|name| stored.column_by_name(name) != expected.column_by_name(name));
    differs.map(|name| format!("`{name}`")).collect()
}
