//! Whether the tables are whole: each log read commit by commit, each data file compared with what the log says of it.
//!
//! Knows where rows are and how many, but not what is in them.

use super::finding::{Audit, Kind, Object};
use crate::app::App;
use crate::bronze;
use crate::event::ids::SequenceNumber;
use crate::gold::control::{RUN, Run};
use crate::lake::LakeError;
use crate::lake::arrow::array::RecordBatch;
use crate::lake::arrow::error::ArrowError;
use crate::lake::file::Statistics;
use crate::lake::inspection::Inspected;
use crate::lake::integrity::{Anomaly, LogScan};
use crate::lake::log::{Add, Commit, Version};
use crate::lake::table::Table;
use crate::settings::{self, SettingsId};
use crate::silver::{self, quarantine};
use futures::StreamExt;
use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::xxh3_64;

/// Files that are opened at the same time.
const READ_AHEAD: usize = 16;

/// The tables that ingest writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Bronze,
    Silver,
    Quarantine,
}

impl Layer {
    pub fn table(self) -> &'static str {
        match self {
            Layer::Bronze => bronze::schema::TABLE,
            Layer::Silver => silver::schema::TABLE,
            Layer::Quarantine => quarantine::TABLE,
        }
    }

    /// The name under which the layer records how far it has come with `source`.
    pub fn app_id(self, source: &str) -> String {
        let layer = match self {
            Layer::Bronze => bronze::schema::LAYER,
            Layer::Silver => silver::schema::LAYER,
            Layer::Quarantine => quarantine::LAYER,
        };
        format!("{layer}:{source}")
    }
}

/// The tables of the lake, as far as they exist.
pub(super) struct Tables {
    pub bronze: Option<ScannedTable>,
    pub silver: Option<ScannedTable>,
    pub quarantine: Option<ScannedTable>,
    pub gold: Option<ScannedTable>,
    pub control: Option<ScannedTable>,
    pub settings: Option<ScannedTable>,
}

impl Tables {
    pub fn all(&self) -> impl Iterator<Item = &ScannedTable> {
        let layers = [&self.bronze, &self.silver, &self.quarantine];
        layers.into_iter().chain([&self.gold, &self.control, &self.settings]).flatten()
    }

    pub fn layers(&self) -> impl Iterator<Item = (Layer, &ScannedTable)> {
        let layers =
            [(Layer::Bronze, &self.bronze), (Layer::Silver, &self.silver), (Layer::Quarantine, &self.quarantine)];
        layers.into_iter().filter_map(|(layer, table)| Some((layer, table.as_ref()?)))
    }
}

/// A table whose log was read.
pub(super) struct ScannedTable {
    table: Table,
    pub scan: LogScan,
    pub commits: Vec<CommitSummary>,
}

/// What is kept of a commit.
#[derive(Debug, Clone)]
pub(super) struct CommitSummary {
    pub version: Version,
    /// Files whose rows the commit adds.
    pub files: usize,
    /// It removes files of which the rows are not only moved.
    pub removes_rows: bool,
    /// By application.
    pub txns: Vec<(String, i64)>,
    /// The settings that the rows were made with; of bronze, silver and quarantine.
    pub settings: Option<SettingsId>,
    /// Of a commit to gold.
    pub run: Option<Run>,
}

impl CommitSummary {
    fn of(commit: &Commit) -> Self {
        let run = commit.info().and_then(|info| info.get(RUN)).cloned();
        CommitSummary {
            version: commit.version,
            files: commit.adds().filter(|add| add.data_change).count(),
            removes_rows: commit
                .actions
                .iter()
                .any(|action| action.remove.as_ref().is_some_and(|file| file.data_change)),
            txns: commit.txns().map(|txn| (txn.app_id.clone(), txn.version)).collect(),
            settings: SettingsId::of_commit(commit),
            run: run.and_then(|run| serde_json::from_value(run).ok()),
        }
    }

    /// The sequence number that the commit records for `source`.
    pub fn sequence_number(&self, layer: Layer, source: &str) -> Option<SequenceNumber> {
        self.txn(&layer.app_id(source)).map(SequenceNumber)
    }

    /// What the commit records for `app_id`.
    pub fn txn(&self, app_id: &str) -> Option<i64> {
        self.txns.iter().find(|(name, _)| name == app_id).map(|(_, version)| *version)
    }
}

impl ScannedTable {
    pub fn name(&self) -> &'static str {
        self.table.spec.name
    }

    /// The sequence number that the log records last for `source`.
    pub fn sequence_number(&self, layer: Layer, source: &str) -> Option<SequenceNumber> {
        self.txn(&layer.app_id(source)).map(SequenceNumber)
    }

    /// What the log records last for `app_id`.
    pub fn txn(&self, app_id: &str) -> Option<i64> {
        self.scan.head.txns.get(app_id).map(|recorded| recorded.version)
    }

    /// The versions of the commits that remove rows, ascending.
    pub fn removals(&self) -> impl Iterator<Item = Version> {
        self.commits.iter().filter(|commit| commit.removes_rows).map(|commit| commit.version)
    }

    /// `None` if it was cleaned up since.
    pub async fn commit(&self, version: Version) -> Result<Option<Commit>, LakeError> {
        self.table.log.read(version).await
    }

    /// Hands `add`, one of the table's files, to `read`, batch by batch.
    pub async fn inspect<T, R>(&self, add: &Add, read: R) -> Result<Inspected<T>, LakeError>
    where
        T: Default + Send + 'static,
        R: FnMut(&mut T, &RecordBatch) -> Result<(), ArrowError> + Send + 'static,
    {
        self.table.inspect(add, &[], T::default(), read).await
    }
}

impl Audit<'_> {
    /// Reads the logs of all tables.
    pub async fn scan_tables(&mut self, app: &App) -> Result<Tables, LakeError> {
        let table = |spec| Table::at(&app.lake, spec, &app.workers);
        // Gold first: it says which version of silver it was made of, and the files of that version are needed later.
        let gold = self.scan(&app.gold.table, None).await?;
        let silver_read = gold.as_ref().and_then(|gold| gold.txn(crate::gold::APP_ID));
        let tables = Tables {
            bronze: self.scan(&table(bronze::schema::table()), None).await?,
            silver: self.scan(&app.gold.silver, silver_read).await?,
            quarantine: self.scan(&table(quarantine::table()), None).await?,
            control: self.scan(&app.gold.control.table, None).await?,
            settings: self.scan(&table(settings::schema::table()), None).await?,
            gold,
        };
        self.check_shared_files(&tables);
        Ok(tables)
    }

    /// `keep` is a version of which the files are wanted, in addition to those of the last version.
    async fn scan(&mut self, table: &Table, keep: Option<Version>) -> Result<Option<ScannedTable>, LakeError> {
        self.progress("reading the logs", 0, None);
        let mut commits = Vec::new();
        let scan = table.scan_log(keep, |commit| commits.push(CommitSummary::of(commit))).await?;
        let Some(scan) = scan else { return Ok(None) };
        for anomaly in &scan.anomalies {
            self.report_anomaly(table.spec.name, anomaly);
        }
        Ok(Some(ScannedTable { table: table.clone(), scan, commits }))
    }

    fn report_anomaly(&mut self, table: &str, anomaly: &Anomaly) {
        let (kind, object, detail) = match anomaly {
            Anomaly::CommitsMissing { from, to, covered } => {
                let checkpoint = if *covered { "a checkpoint covers them" } else { "no checkpoint covers them" };
                (Kind::CommitMissing, Object::versions(*from, *to), format!("not in `_delta_log`; {checkpoint}"))
            }
            Anomaly::CommitUnreadable { version, detail } => {
                (Kind::CommitUnreadable, Object::version(*version), detail.clone())
            }
            Anomaly::CheckpointUnreadable { detail } => (Kind::CheckpointUnreadable, Object::default(), detail.clone()),
            Anomaly::CheckpointDiffers { version, detail } => {
                (Kind::CheckpointDiffers, Object::version(*version), detail.clone())
            }
            Anomaly::AddedTwice { version, path } => {
                let object = Object { file: Some(path.clone()), ..Object::version(*version) };
                (Kind::FileAddedTwice, object, "the commit adds a file that no commit has removed".to_owned())
            }
            Anomaly::TxnWentBack { version, app_id, from, to } => {
                let object = Object { app_id: Some(app_id.clone()), ..Object::version(*version) };
                (Kind::TxnWentBack, object, format!("the recorded position goes back from {from} to {to}"))
            }
        };
        self.report(kind, table, object, detail);
    }

    /// A file that is in the logs under two names, or in two tables.
    fn check_shared_files(&mut self, tables: &Tables) {
        let mut table_of: HashMap<u64, &'static str> = HashMap::new();
        for scanned in tables.all() {
            for add in scanned.scan.head.files.values() {
                // Hashes, because a lake has many files and their names are long.
                let location = xxh3_64(scanned.table.location(add).as_bytes());
                if let Some(other) = table_of.insert(location, scanned.name()) {
                    let detail = format!("table `{other}` has an entry for the same file");
                    self.report(Kind::FileShared, scanned.name(), Object::file(&add.path), detail);
                }
            }
        }
    }
}

/// The files of a table, which are going to be read.
pub(super) struct TableFiles<'a> {
    table: &'a Table,
    adds: Vec<&'a Add>,
    /// All columns when empty.
    columns: &'static [&'static str],
    /// Name of the step in progress updates.
    step: &'static str,
}

impl<'a> TableFiles<'a> {
    pub fn of(scanned: &'a ScannedTable, columns: &'static [&'static str], step: &'static str) -> Self {
        TableFiles { table: &scanned.table, adds: scanned.scan.head.files.values().collect(), columns, step }
    }
}

/// What the files of a table add up to.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct TableSize {
    pub files: u64,
    pub rows: i64,
    pub bytes: i64,
    /// Files that are missing or cannot be read.
    pub lost: u64,
}

/// By name of the table.
pub(super) type TableSizes = BTreeMap<&'static str, TableSize>;

impl Audit<'_> {
    /// Reads all of `files` and hands what `read` collected from each to `add`, in order.
    pub async fn read_files<T, R>(
        &mut self,
        files: &TableFiles<'_>,
        read: R,
        mut add: impl FnMut(&mut Self, &Add, T),
    ) -> Result<TableSize, LakeError>
    where
        T: Default + Send + 'static,
        R: FnMut(&mut T, &RecordBatch) -> Result<(), ArrowError> + Clone + Send + 'static,
    {
        let mut size = TableSize::default();
        let opened = futures::stream::iter(&files.adds)
            .map(|&file| {
                let read = read.clone();
                async move { (file, files.table.inspect(file, files.columns, T::default(), read).await) }
            })
            .buffered(READ_AHEAD);
        futures::pin_mut!(opened);
        while let Some((file, inspected)) = opened.next().await {
            if let Some(found) = self.check_file(files, file, inspected?, &mut size) {
                add(self, file, found);
            }
        }
        Ok(size)
    }

    /// Reads the footers of `files`.
    pub async fn read_footers(&mut self, files: &TableFiles<'_>) -> Result<TableSize, LakeError> {
        let mut size = TableSize::default();
        let opened = futures::stream::iter(&files.adds)
            .map(|&file| async move { (file, files.table.inspect_footer(file).await) })
            .buffered(READ_AHEAD);
        futures::pin_mut!(opened);
        while let Some((file, inspected)) = opened.next().await {
            self.check_file(files, file, inspected?, &mut size);
        }
        Ok(size)
    }

    /// Compares a file with its entry in the log. Returns what was read, unless the file is lost.
    fn check_file<T>(
        &mut self,
        files: &TableFiles<'_>,
        file: &Add,
        inspected: Inspected<T>,
        size: &mut TableSize,
    ) -> Option<T> {
        size.files += 1;
        self.progress(files.step, size.files as usize, Some(files.adds.len()));
        let table = files.table.spec.name;
        let (kind, detail) = match inspected {
            Inspected::Whole { bytes, rows, found } => {
                size.rows += rows;
                size.bytes += bytes;
                if bytes != file.size {
                    let detail = format!("the file has {bytes} bytes, the log says {}", file.size);
                    self.report(Kind::FileSizeDiffers, table, Object::file(&file.path), detail);
                }
                if let Some(logged) = Statistics::of(file).num_records.filter(|&logged| logged != rows) {
                    let detail = format!("the file has {rows} rows, the log says {logged}");
                    self.report(Kind::RowCountDiffers, table, Object::file(&file.path), detail);
                }
                return Some(found);
            }
            Inspected::Missing => (Kind::FileMissing, "the store does not have the file".to_owned()),
            Inspected::Unreadable { detail } => (Kind::FileUnreadable, detail),
        };
        size.lost += 1;
        self.report(kind, table, Object::file(&file.path), detail);
        None
    }
}
