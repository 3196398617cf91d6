//! The control table: the watermark never moves back, and each row says what its commit to gold recorded.

use super::finding::{Audit, Kind, Object};
use super::tables::{ScannedTable, TableFiles, TableSize};
use crate::columns::{Rows, read};
use crate::event::time::Timestamp;
use crate::gold::control::{self, Activity, Run, TABLE};
use crate::lake::LakeError;
use crate::lake::arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use crate::lake::arrow::error::ArrowError;
use crate::lake::log::Version;
use std::collections::BTreeMap;

const COLUMNS: &[&str] =
    &[control::ACTIVITY, control::SILVER_VERSION, control::GOLD_VERSION, control::WATERMARK_BEFORE, control::WATERMARK];

/// What is compared of a row of sessionize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ControlRow {
    gold_version: Version,
    silver_version: Version,
    watermark_before: Option<Timestamp>,
    watermark: Option<Timestamp>,
}

impl ControlRow {
    fn of(run: &Run) -> Self {
        ControlRow {
            gold_version: run.gold_version,
            silver_version: run.silver_version,
            watermark_before: run.watermark_before,
            watermark: run.watermark,
        }
    }
}

/// The rows of sessionize with the files that have them, by gold version. A rebuild has a row too, but repeats the
/// watermark and never moves it.
type ControlRows = BTreeMap<Version, Vec<(ControlRow, String)>>;

impl Audit<'_> {
    pub async fn check_control(
        &mut self,
        control: Option<&ScannedTable>,
        gold: Option<&ScannedTable>,
    ) -> Result<TableSize, LakeError> {
        let mut rows = ControlRows::new();
        let mut size = TableSize::default();
        if let Some(control) = control {
            let files = TableFiles::of(control, COLUMNS, "reading control");
            size = self
                .read_files(&files, read_rows, |_, file, of_file: Vec<ControlRow>| {
                    for row in of_file {
                        rows.entry(row.gold_version).or_default().push((row, file.path.clone()));
                    }
                })
                .await?;
        }
        self.check_watermarks(control, &rows);
        if let Some(gold) = gold {
            self.check_control_rows(gold, &rows);
            self.check_control_version(control, gold);
        }
        Ok(size)
    }

    fn check_watermarks(&mut self, control: Option<&ScannedTable>, rows: &ControlRows) {
        let prefix = control::app_id(Activity::Sessionize, "");
        let is_of_a_gold_table = |app_id: &&String| app_id.starts_with(&prefix);
        let golds = control.map_or(0, |control| control.scan.head.txns.keys().filter(is_of_a_gold_table).count());
        let mut highest: Option<Timestamp> = None;
        for (row, file) in rows.values().flatten() {
            // If gold was recreated, its versions started again and do not order the rows.
            let before = if golds > 1 { row.watermark_before } else { row.watermark_before.max(highest) };
            if row.watermark < before {
                let object = Object { file: Some(file.clone()), ..Object::version(row.gold_version) };
                let detail = format!(
                    "the row of gold version {} moves the watermark from {} back to {}",
                    row.gold_version,
                    instant_or_none(before),
                    instant_or_none(row.watermark)
                );
                self.report(Kind::WatermarkWentBack, TABLE, object, detail);
            }
            highest = highest.max(row.watermark);
        }
    }

    /// Compares each commit to gold with its row.
    fn check_control_rows(&mut self, gold: &ScannedTable, rows: &ControlRows) {
        let runs = gold.commits.iter().filter_map(|commit| commit.run.as_ref());
        for run in runs.filter(|run| run.activity == Activity::Sessionize).map(ControlRow::of) {
            let of_version = rows.get(&run.gold_version).map_or(&[][..], Vec::as_slice);
            if of_version.iter().any(|(row, _)| *row == run) {
                continue;
            }
            let mut object = Object::version(run.gold_version);
            let detail = match of_version.first() {
                Some((row, file)) => {
                    object.file = Some(file.clone());
                    format!("the commit to gold recorded {}, the row says {}", described(&run), described(row))
                }
                None => format!("there is no row for gold version {}", run.gold_version),
            };
            self.report(Kind::ControlDiffers, TABLE, object, detail);
        }
    }

    /// Compares the silver version that the control table records last with the one that gold has read.
    fn check_control_version(&mut self, control: Option<&ScannedTable>, gold: &ScannedTable) {
        let app_id = control::app_id(Activity::Sessionize, gold.scan.head.table_id());
        let recorded = control.and_then(|control| control.txn(&app_id));
        let read = gold.txn(crate::gold::APP_ID);
        if recorded != read {
            let shown = |version: Option<Version>| {
                version.map_or("no version of silver".to_owned(), |version| format!("silver version {version}"))
            };
            let detail = format!("the log records {}, gold has read {}", shown(recorded), shown(read));
            self.report(Kind::ControlDiffers, TABLE, Object::app(&app_id), detail);
        }
    }
}

fn described(row: &ControlRow) -> String {
    let ControlRow { silver_version, watermark_before, watermark, .. } = *row;
    let (before, after) = (instant_or_none(watermark_before), instant_or_none(watermark));
    format!("silver version {silver_version} and watermark {after} (before: {before})")
}

fn instant_or_none(watermark: Option<Timestamp>) -> String {
    watermark.map_or("none".to_owned(), |at| at.to_string())
}

/// Reads the rows of sessionize.
fn read_rows(rows: &mut Vec<ControlRow>, batch: &RecordBatch) -> Result<(), ArrowError> {
    let columns = Rows::of(TABLE, batch);
    let activity: &StringArray = columns.column(control::ACTIVITY)?;
    let silver: &Int64Array = columns.column(control::SILVER_VERSION)?;
    let gold: &Int64Array = columns.column(control::GOLD_VERSION)?;
    let before: &TimestampMicrosecondArray = columns.column(control::WATERMARK_BEFORE)?;
    let watermark: &TimestampMicrosecondArray = columns.column(control::WATERMARK)?;
    let of_sessionize = (0..batch.num_rows()).filter(|&row| activity.value(row) == Activity::Sessionize.as_str());
    rows.extend(of_sessionize.map(|row| ControlRow {
        gold_version: gold.value(row),
        silver_version: silver.value(row),
        watermark_before: read::timestamp(before, row),
        watermark: read::timestamp(watermark, row),
    }));
    Ok(())
}
