//! The control table: a watermark that never goes back, and rows that say what gold's commits noted.

use super::Looking;
use super::files::{Files, Sum};
use super::finding::{Kind, Object};
use super::logs::Walked;
use super::origin::column;
use crate::event::time::Timestamp;
use crate::gold::control::{self, Activity, Run, TABLE};
use crate::lake::LakeError;
use crate::lake::arrow::array::{Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use crate::lake::arrow::error::ArrowError;
use std::collections::BTreeMap;

const COLUMNS: &[&str] =
    &[control::ACTIVITY, control::SILVER_VERSION, control::GOLD_VERSION, control::WATERMARK_BEFORE, control::WATERMARK];

/// What is compared of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Progress {
    gold_version: i64,
    silver_version: i64,
    before: Option<Timestamp>,
    watermark: Option<Timestamp>,
}

impl Progress {
    fn of(run: &Run) -> Self {
        Progress {
            gold_version: run.gold_version,
            silver_version: run.silver_version,
            before: run.watermark_before,
            watermark: run.watermark,
        }
    }
}

impl Looking<'_> {
    pub async fn read_control(&mut self, control: Option<&Walked>, gold: Option<&Walked>) -> Result<Sum, LakeError> {
        let mut rows: BTreeMap<i64, Vec<(Progress, String)>> = BTreeMap::new();
        let mut sum = Sum::default();
        if let Some(control) = control {
            let files = Files::of(&control.table, &control.walk, COLUMNS, "reading control");
            sum = self
                .read_files(&files, read_rows, |_, add, of_file: Vec<Progress>| {
                    for row in of_file {
                        rows.entry(row.gold_version).or_default().push((row, add.path.clone()));
                    }
                })
                .await?;
        }
        self.check_watermarks(control, &rows);
        if let Some(gold) = gold {
            self.check_rows_against_gold(control, gold, &rows);
        }
        Ok(sum)
    }

    /// `rows`: of sessionize, by gold version. A rebuild repeats the watermark and never moves it.
    fn check_watermarks(&mut self, control: Option<&Walked>, rows: &BTreeMap<i64, Vec<(Progress, String)>>) {
        let prefix = control::app_id(Activity::Sessionize, "");
        let golds =
            control.map_or(0, |walked| walked.walk.head.txns.keys().filter(|id| id.starts_with(&prefix)).count());
        let mut highest: Option<Timestamp> = None;
        for (row, file) in rows.values().flatten() {
            // Where gold was made anew its versions start again, and do not order the rows.
            let before = if golds > 1 { row.before } else { row.before.max(highest) };
            if row.watermark < before {
                let object =
                    Object { file: Some(file.clone()), ..Object::versions(row.gold_version, row.gold_version) };
                let detail =
                    format!("from {} to {}, in the row of this gold version", shown(before), shown(row.watermark));
                self.findings.add(Kind::WatermarkWentBack, TABLE, object, detail);
            }
            highest = highest.max(row.watermark);
        }
    }

    fn check_rows_against_gold(
        &mut self,
        control: Option<&Walked>,
        gold: &Walked,
        rows: &BTreeMap<i64, Vec<(Progress, String)>>,
    ) {
        let noted = gold.entries.iter().filter_map(|entry| entry.run.as_ref());
        for run in noted.filter(|run| run.activity == Activity::Sessionize) {
            let run = Progress::of(run);
            let of_version = rows.get(&run.gold_version).map_or(&[][..], Vec::as_slice);
            if of_version.iter().any(|(row, _)| *row == run) {
                continue;
            }
            let mut object = Object::versions(run.gold_version, run.gold_version);
            let detail = match of_version.first() {
                Some((row, file)) => {
                    object.file = Some(file.clone());
                    format!(
                        "the commit to gold noted silver version {} and watermark {}, the row says {} and {}",
                        run.silver_version,
                        shown(run.watermark),
                        row.silver_version,
                        shown(row.watermark)
                    )
                }
                None => "the commit to gold has this version, no row tells of it".to_owned(),
            };
            self.findings.add(Kind::ControlDiffers, TABLE, object, detail);
        }
        let app_id = control::app_id(Activity::Sessionize, gold.walk.head.table_id());
        let recorded = control.and_then(|control| control.reached(&app_id));
        let reached = gold.reached(crate::gold::APP_ID);
        if recorded != reached {
            let number = |version: Option<i64>| version.map_or("none".to_owned(), |version| version.to_string());
            let detail =
                format!("it says that silver version {} was reached, gold says {}", number(recorded), number(reached));
            self.findings.add(
                Kind::ControlDiffers,
                TABLE,
                Object { app_id: Some(app_id), ..Object::default() },
                detail,
            );
        }
    }
}

fn shown(watermark: Option<Timestamp>) -> String {
    watermark.map_or("none".to_owned(), |at| at.to_string())
}

/// Rows of sessionize.
fn read_rows(rows: &mut Vec<Progress>, batch: &RecordBatch) -> Result<(), ArrowError> {
    let activity: &StringArray = column(batch, control::ACTIVITY)?;
    let silver: &Int64Array = column(batch, control::SILVER_VERSION)?;
    let gold: &Int64Array = column(batch, control::GOLD_VERSION)?;
    let before: &TimestampMicrosecondArray = column(batch, control::WATERMARK_BEFORE)?;
    let watermark: &TimestampMicrosecondArray = column(batch, control::WATERMARK)?;
    let instant = |values: &TimestampMicrosecondArray, row| values.is_valid(row).then(|| Timestamp(values.value(row)));
    let of_sessionize = (0..batch.num_rows()).filter(|&row| activity.value(row) == Activity::Sessionize.as_str());
    rows.extend(of_sessionize.map(|row| Progress {
        gold_version: gold.value(row),
        silver_version: silver.value(row),
        before: instant(before, row),
        watermark: instant(watermark, row),
    }));
    Ok(())
}
