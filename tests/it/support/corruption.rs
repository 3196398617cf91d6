//! Damage to a lake on disk, by somebody who hides it: size and row count in the log are corrected where a test asks for
//! it.

use clickstream::lake::arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use clickstream::lake::arrow::compute;
use clickstream::lake::arrow::json::LineDelimitedWriter;
use clickstream::lake::log::Log;
use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A lake that is about to be damaged.
pub struct Damaged {
    pub lake: PathBuf,
}

impl Damaged {
    pub fn path(&self, table: &str) -> PathBuf {
        self.lake.join(table)
    }

    pub fn commit(&self, table: &str, version: i64) -> PathBuf {
        self.path(table).join(Log::path(version).to_string())
    }

    pub fn lines(&self, table: &str, version: i64) -> Vec<Value> {
        let text = std::fs::read_to_string(self.commit(table, version)).expect("a commit");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    pub fn edit_log(&self, table: &str, version: i64, edit: impl FnOnce(&mut Vec<Value>)) {
        let mut lines = self.lines(table, version);
        edit(&mut lines);
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(self.commit(table, version), text.join("\n")).expect("written");
    }

    /// Path below the table of the file that `version` added.
    pub fn added(&self, table: &str, version: i64) -> String {
        add(&mut self.lines(table, version))["path"].as_str().expect("a path").to_owned()
    }

    /// The files that the commits have added and not removed, ordered by path.
    pub fn files(&self, table: &str) -> Vec<String> {
        let mut live = std::collections::BTreeSet::new();
        for version in 0.. {
            if !self.commit(table, version).exists() {
                break;
            }
            for line in self.lines(table, version) {
                line["remove"]["path"].as_str().map(|path| live.remove(path));
                line["add"]["path"].as_str().map(|path| live.insert(path.to_owned()));
            }
        }
        live.into_iter().collect()
    }

    /// Edits the rows of the first live file with more than one row. Returns the rows as they were.
    pub fn edit_rows(&self, table: &str, edit: impl Fn(RecordBatch) -> RecordBatch) -> Vec<Value> {
        let files = self.files(table);
        let of_size = |file: &&String| read(&self.path(table).join(file)).num_rows() > 1;
        let file = files.iter().find(of_size).expect("a file with some rows");
        let before = read(&self.path(table).join(file));
        self.edit_file(table, file, edit);
        rows(&before)
    }

    /// Edits the rows of `file` and makes the log agree with its size and number of rows.
    pub fn edit_file(&self, table: &str, file: &str, edit: impl Fn(RecordBatch) -> RecordBatch) {
        let (size, rows) = self.rewrite(table, file, edit);
        for version in 0.. {
            if !self.commit(table, version).exists() {
                break;
            }
            self.edit_log(table, version, |lines| {
                for line in lines.iter_mut().filter(|line| line["add"]["path"] == *file) {
                    line["add"]["size"] = size.into();
                    let statistics = line["add"]["stats"].as_str().expect("statistics");
                    let mut statistics: Value = serde_json::from_str(statistics).expect("JSON");
                    statistics["numRecords"] = rows.into();
                    line["add"]["stats"] = statistics.to_string().into();
                }
            });
        }
    }

    /// Edits the rows of `file` and leaves the log as it is. Returns the new size and number of rows.
    pub fn rewrite(&self, table: &str, file: &str, edit: impl Fn(RecordBatch) -> RecordBatch) -> (u64, usize) {
        let path = self.path(table).join(file);
        let edited = edit(read(&path));
        let mut writer = ArrowWriter::try_new(Vec::new(), edited.schema(), None).expect("a writer");
        writer.write(&edited).expect("written");
        std::fs::write(&path, writer.into_inner().expect("a file")).expect("written");
        (std::fs::metadata(&path).expect("a file").len(), edited.num_rows())
    }
}

/// Copies everything below `from`.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let target = to.join(entry.file_name().expect("a name"));
        match entry.is_dir() {
            true => copy(&entry, &target),
            false => std::fs::copy(&entry, &target).map(|_| ()).expect("copied"),
        }
    }
}

/// The first add of a commit.
pub fn add(lines: &mut [Value]) -> &mut Value {
    action(lines, "add")
}

/// The first `txn` of a commit.
pub fn txn(lines: &mut [Value]) -> &mut Value {
    action(lines, "txn")
}

fn action<'a>(lines: &'a mut [Value], name: &str) -> &'a mut Value {
    let line = lines.iter_mut().find(|line| line[name].is_object()).expect("the commit has it");
    &mut line[name]
}

fn read(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).expect("it is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build()).expect("Parquet");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    compute::concat_batches(&batches[0].schema(), &batches).expect("one batch")
}

fn rows(batch: &RecordBatch) -> Vec<Value> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(batch).and_then(|()| writer.finish()).expect("rows are JSON");
    let text = String::from_utf8(writer.into_inner()).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a row is an object")).collect()
}

pub fn without_row(rows: &RecordBatch, row: usize) -> RecordBatch {
    let keep: BooleanArray = (0..rows.num_rows()).map(|index| Some(index != row)).collect();
    compute::filter_record_batch(rows, &keep).expect("filtered")
}

pub fn with_row_twice(rows: &RecordBatch, row: usize) -> RecordBatch {
    compute::concat_batches(&rows.schema(), &[rows.clone(), rows.slice(row, 1)]).expect("one batch")
}

pub fn with_text(rows: &RecordBatch, row: usize, column: &str, value: &str) -> RecordBatch {
    let edited: StringArray =
        texts(rows, column).enumerate().map(|(index, text)| if index == row { Some(value) } else { text }).collect();
    with_column(rows, column, Arc::new(edited))
}

/// Without the rows in which `column` is `value`.
pub fn without_text(rows: &RecordBatch, column: &str, value: &str) -> RecordBatch {
    let keep: BooleanArray = texts(rows, column).map(|text| Some(text != Some(value))).collect();
    compute::filter_record_batch(rows, &keep).expect("filtered")
}

/// With `new` wherever `column` is `value`.
pub fn with_text_replaced(rows: &RecordBatch, column: &str, value: &str, new: &str) -> RecordBatch {
    let edited: StringArray =
        texts(rows, column).map(|text| if text == Some(value) { Some(new) } else { text }).collect();
    with_column(rows, column, Arc::new(edited))
}

fn texts<'a>(rows: &'a RecordBatch, column: &str) -> impl Iterator<Item = Option<&'a str>> {
    let texts = rows.column_by_name(column).and_then(|texts| texts.as_any().downcast_ref::<StringArray>());
    texts.expect("a column of text").iter()
}

pub fn a_day_less(rows: &RecordBatch, column: &str) -> RecordBatch {
    let instants = rows.column_by_name(column).and_then(|it| it.as_any().downcast_ref::<TimestampMicrosecondArray>());
    let instants = instants.expect("a column of instants");
    let shifted: TimestampMicrosecondArray = instants.iter().map(|at| at.map(|at| at - 24 * 3_600_000_000)).collect();
    with_column(rows, column, Arc::new(shifted.with_timezone("UTC")))
}

fn with_column(rows: &RecordBatch, column: &str, values: ArrayRef) -> RecordBatch {
    let index = rows.schema().index_of(column).expect("the column is there");
    let mut columns = rows.columns().to_vec();
    columns[index] = values;
    RecordBatch::try_new(rows.schema(), columns).expect("rows")
}
