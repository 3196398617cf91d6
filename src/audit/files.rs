//! Every data file of a table, opened, and held against what the log says of it.

use super::Looking;
use super::finding::{Kind, Object};
use crate::lake::LakeError;
use crate::lake::arrow::array::RecordBatch;
use crate::lake::arrow::error::ArrowError;
use crate::lake::file::Statistics;
use crate::lake::inspection::Inspected;
use crate::lake::integrity::LogScan;
use crate::lake::log::Add;
use crate::lake::table::Table;
use futures::StreamExt;
use std::collections::HashMap;

/// Files that are opened at once.
const READ_AHEAD: usize = 16;

/// The files of a table that are wanted.
pub struct Files<'a> {
    pub table: &'a Table,
    pub adds: Vec<&'a Add>,
    /// All columns when empty.
    pub columns: &'static [&'static str],
    /// What a person is told while it goes on.
    pub step: &'static str,
}

impl<'a> Files<'a> {
    pub fn of(table: &'a Table, walk: &'a LogScan, columns: &'static [&'static str], step: &'static str) -> Self {
        Files { table, adds: walk.head.files.values().collect(), columns, step }
    }

    fn name(&self) -> &'static str {
        self.table.spec.name
    }
}

/// What the files of a table come to.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Sum {
    pub files: u64,
    pub rows: i64,
    pub bytes: i64,
    /// Files that are missing or cannot be read.
    pub lost: u64,
}

impl Looking<'_> {
    /// Reads all of `files` and hands what `read` collected of each to `take`, in order.
    pub async fn read_files<T, R>(
        &mut self,
        files: &Files<'_>,
        read: R,
        mut take: impl FnMut(&mut Self, &Add, T),
    ) -> Result<Sum, LakeError>
    where
        T: Default + Send + 'static,
        R: FnMut(&mut T, &RecordBatch) -> Result<(), ArrowError> + Clone + Send + 'static,
    {
        let mut sum = Sum::default();
        let opened = futures::stream::iter(&files.adds)
            .map(|&add| {
                let read = read.clone();
                async move { (add, files.table.inspect(add, files.columns, T::default(), read).await) }
            })
            .buffered(READ_AHEAD);
        futures::pin_mut!(opened);
        while let Some((add, inspected)) = opened.next().await {
            let found = self.judge(files, add, inspected?, &mut sum);
            if let Some(found) = found {
                take(self, add, found);
            }
        }
        Ok(sum)
    }

    /// Reads the footers of `files`.
    pub async fn read_footers(&mut self, files: &Files<'_>) -> Result<Sum, LakeError> {
        let mut sum = Sum::default();
        let opened = futures::stream::iter(&files.adds)
            .map(|&add| async move { (add, files.table.inspect_footer(add).await) })
            .buffered(READ_AHEAD);
        futures::pin_mut!(opened);
        while let Some((add, inspected)) = opened.next().await {
            self.judge(files, add, inspected?, &mut sum);
        }
        Ok(sum)
    }

    fn judge<T>(&mut self, files: &Files<'_>, add: &Add, inspected: Inspected<T>, sum: &mut Sum) -> Option<T> {
        sum.files += 1;
        self.progress(files.step, sum.files as usize, files.adds.len());
        let table = files.name();
        let object = || Object::file(&add.path);
        match inspected {
            Inspected::Whole { bytes, rows, found } => {
                sum.rows += rows;
                sum.bytes += bytes;
                if bytes != add.size {
                    let detail = format!("{bytes} bytes, the log says {}", add.size);
                    self.findings.add(Kind::FileSizeDiffers, table, object(), detail);
                }
                let logged = Statistics::of(add).num_records.filter(|&logged| logged != rows);
                if let Some(logged) = logged {
                    let detail = format!("{rows} rows, the log says {logged}");
                    self.findings.add(Kind::RowCountDiffers, table, object(), detail);
                }
                Some(found)
            }
            Inspected::Missing => {
                sum.lost += 1;
                self.findings.add(Kind::FileMissing, table, object(), "the store does not have it");
                None
            }
            Inspected::Unreadable { detail } => {
                sum.lost += 1;
                self.findings.add(Kind::FileUnreadable, table, object(), detail);
                None
            }
        }
    }
}

/// Where the live files of all tables are.
#[derive(Debug, Default)]
pub struct Locations {
    /// Hash of a location to the table that has it.
    taken: HashMap<u64, &'static str>,
}

impl Locations {
    /// Notes the files of one table; the same file under two names, or in two tables, is a finding.
    pub fn note(&mut self, looking: &mut Looking<'_>, table: &Table, walk: &LogScan) {
        let name = table.spec.name;
        for add in walk.head.files.values() {
            let location = xxhash_rust::xxh3::xxh3_64(table.location(add).as_bytes());
            if let Some(other) = self.taken.insert(location, name) {
                let detail = format!("`{other}` has the same file");
                looking.findings.add(Kind::FileShared, name, Object::file(&add.path), detail);
            }
        }
    }
}
