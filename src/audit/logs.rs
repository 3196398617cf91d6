//! The logs of the five tables: walked, and what is wrong in them told.

use super::Looking;
use super::finding::{Kind, Object};
use super::ledger::Reached;
use crate::gold::control::{RUN, Run};
use crate::lake::LakeError;
use crate::lake::integrity::{Anomaly, LogScan};
use crate::lake::log::{Commit, Version};
use crate::lake::table::Table;

/// A table that exists, and what its commits say beside the files.
pub struct Walked {
    pub table: Table,
    pub walk: LogScan,
    pub entries: Vec<Entry>,
}

/// What is kept of a commit.
#[derive(Debug, Clone)]
pub struct Entry {
    pub version: Version,
    /// Files with news.
    pub files: usize,
    /// Names and versions.
    pub txns: Vec<(String, i64)>,
    /// Of a commit to gold.
    pub run: Option<Run>,
}

impl Entry {
    fn of(commit: &Commit) -> Self {
        let run = commit.info().and_then(|info| info.get(RUN)).cloned();
        Entry {
            version: commit.version,
            files: commit.adds().filter(|add| add.data_change).count(),
            txns: commit.txns().map(|txn| (txn.app_id.clone(), txn.version)).collect(),
            run: run.and_then(|run| serde_json::from_value(run).ok()),
        }
    }
}

impl Walked {
    pub fn name(&self) -> &'static str {
        self.table.spec.name
    }

    /// How far `app_id` got.
    pub fn reached(&self, app_id: &str) -> Option<i64> {
        self.walk.head.txns.get(app_id).map(|progress| progress.version)
    }
}

impl Looking<'_> {
    /// `mark`: a version of which the files are wanted beside those of the last one.
    pub async fn walk(&mut self, table: &Table, mark: Option<Version>) -> Result<Option<Walked>, LakeError> {
        self.progress("reading the log", 0, 0);
        let mut entries = Vec::new();
        let Some(walk) = table.scan_log(mark, |commit| entries.push(Entry::of(commit))).await? else { return Ok(None) };
        for flaw in &walk.anomalies {
            self.tell(table.spec.name, flaw);
        }
        Ok(Some(Walked { table: table.clone(), walk, entries }))
    }

    fn tell(&mut self, table: &str, flaw: &Anomaly) {
        let version = |version: &Version| Object::versions(*version, *version);
        let (kind, object, detail) = match flaw {
            Anomaly::CommitsMissing { from, to, covered } => {
                let who = if *covered { "a checkpoint covers them" } else { "no checkpoint covers them" };
                (Kind::CommitMissing, Object::versions(*from, *to), who.to_owned())
            }
            Anomaly::CommitUnreadable { version: at, detail } => (Kind::CommitUnreadable, version(at), detail.clone()),
            Anomaly::CheckpointUnreadable { detail } => (Kind::CheckpointUnreadable, Object::default(), detail.clone()),
            Anomaly::CheckpointDiffers { version: at, detail } => {
                (Kind::CheckpointDiffers, version(at), detail.clone())
            }
            Anomaly::AddedTwice { version: at, path } => {
                let object = Object { file: Some(path.clone()), ..version(at) };
                (Kind::FileAddedTwice, object, "added again without having been removed".to_owned())
            }
            Anomaly::TxnWentBack { version: at, app_id, from, to } => {
                let object = Object { app_id: Some(app_id.clone()), ..version(at) };
                (Kind::TxnWentBack, object, format!("from {from} to {to}"))
            }
        };
        self.findings.add(kind, table, object, detail);
    }

    /// Holds the `txn`s of each commit of `layer` against the rows that it added, where those are still in its files.
    pub fn check_txns(&mut self, walked: &Walked, layer: &str, reached: &Reached) {
        for entry in &walked.entries {
            let Some(commit) = reached.get(&entry.version).filter(|commit| commit.files == entry.files) else {
                continue;
            };
            let recorded = |source: &str| {
                let app_id = format!("{layer}:{source}");
                entry.txns.iter().find(|(name, _)| *name == app_id).map(|(_, version)| *version)
            };
            for (source, &last) in &commit.last {
                let recorded = recorded(source);
                if recorded != Some(last) {
                    let object =
                        Object { source: Some(source.clone()), ..Object::versions(entry.version, entry.version) };
                    let recorded = recorded.map_or("nothing".to_owned(), |recorded| recorded.to_string());
                    let detail = format!("its rows reach sequence number {last}, it records {recorded}");
                    self.findings.add(Kind::TxnDisagrees, walked.name(), object, detail);
                }
            }
        }
    }
}
