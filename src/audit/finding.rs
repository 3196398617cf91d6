//! Findings: the kinds of things that can be wrong, and the list that the checks report to.
//!
//! Names of kinds and members are a contract with scripts. The first [`MAX_NAMED`] findings of a kind are listed one by
//! one, so that a ruined lake still gives a report of readable size; all of them are counted. Nothing here knows how a
//! finding is made.

use crate::event::ids::SequenceNumber;
use crate::lake::log::Version;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Findings of one kind that are listed one by one; the others are only counted.
pub(super) const MAX_NAMED: usize = 20;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    pub table: String,
    pub object: Object,
    /// What was seen there.
    pub detail: String,
    pub meaning: &'static str,
    pub action: &'static str,
}

impl Finding {
    pub(super) fn new(kind: Kind, table: &str, object: Object, detail: impl Into<String>) -> Self {
        let (table, detail) = (table.to_owned(), detail.into());
        Finding { kind, table, object, detail, meaning: kind.meaning(), action: kind.action() }
    }
}

/// The one thing that a finding is about; members that do not apply are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Object {
    /// Of a commit or checkpoint. With `last_version`, the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_version: Option<Version>,
    /// The program that wrote a commit, as the commit calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Path below the table, as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Name of a writing application, in `txn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Of a row of `control/settings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings_id: Option<String>,
    /// `namespace/hub/consumer group/partition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sequence_number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sequence_number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_start_time: Option<String>,
}

impl Object {
    pub fn file(path: &str) -> Self {
        Object { file: Some(path.to_owned()), ..Self::default() }
    }

    pub fn version(version: Version) -> Self {
        Object { version: Some(version), ..Self::default() }
    }

    /// Commits `first` to `last`, both included.
    pub(super) fn versions(first: Version, last: Version) -> Self {
        Object { last_version: (last != first).then_some(last), ..Self::version(first) }
    }

    pub(super) fn app(app_id: &str) -> Self {
        Object { app_id: Some(app_id.to_owned()), ..Self::default() }
    }

    pub(super) fn settings(id: &str) -> Self {
        Object { settings_id: Some(id.to_owned()), ..Self::default() }
    }

    pub(super) fn source(source: &str) -> Self {
        Object { source: Some(source.to_owned()), ..Self::default() }
    }

    pub(super) fn date(date: impl ToString) -> Self {
        Object { session_date: Some(date.to_string()), ..Self::default() }
    }

    /// Events `first` to `last` of one partition, both included.
    pub fn events(source: &str, first: SequenceNumber, last: SequenceNumber) -> Self {
        Object { first_sequence_number: Some(first.0), last_sequence_number: Some(last.0), ..Self::source(source) }
    }
}

impl fmt::Display for Object {
    /// The most general part first: `version 7`, `partition a/b/c/0, sequence numbers 5 to 9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |noun: &str, first: Option<i64>, last: Option<i64>| match (first, last) {
            (Some(first), Some(last)) if last != first => Some(format!("{noun}s {first} to {last}")),
            (Some(first), _) => Some(format!("{noun} {first}")),
            (None, _) => None,
        };
        let named = |noun: &str, value: &Option<String>| value.as_ref().map(|value| format!("{noun} {value}"));
        let parts = [
            range("version", self.version, self.last_version),
            named("engine", &self.engine),
            named("file", &self.file),
            named("app", &self.app_id),
            named("settings id", &self.settings_id),
            named("partition", &self.source),
            range("sequence number", self.first_sequence_number, self.last_sequence_number),
            named("session date", &self.session_date),
            named("user", &self.user_id),
            named("session", &self.session_id),
            named("start", &self.session_start_time),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressUpdate {
    pub step: &'static str,
    pub done: usize,
    /// `None` while it is not known how much there is to do.
    pub of: Option<usize>,
}

/// Called with each update while the audit runs.
pub type Watch<'a> = dyn Fn(ProgressUpdate) + Send + Sync + 'a;

/// An audit that is running: what the checks have reported so far, and the watcher of its progress.
pub(super) struct Audit<'a> {
    named: BTreeMap<Kind, Vec<Finding>>,
    counts: BTreeMap<Kind, u64>,
    watch: &'a Watch<'a>,
}

impl<'a> Audit<'a> {
    pub fn new(watch: &'a Watch<'a>) -> Self {
        Audit { named: BTreeMap::new(), counts: BTreeMap::new(), watch }
    }

    pub fn report(&mut self, kind: Kind, table: &str, object: Object, detail: impl Into<String>) {
        *self.counts.entry(kind).or_default() += 1;
        let named = self.named.entry(kind).or_default();
        if named.len() < MAX_NAMED {
            named.push(Finding::new(kind, table, object, detail));
        }
    }

    pub fn progress(&self, step: &'static str, done: usize, of: Option<usize>) {
        (self.watch)(ProgressUpdate { step, done, of });
    }

    /// The findings that are listed, and the number of all findings by kind.
    pub fn finish(self) -> (Vec<Finding>, BTreeMap<Kind, u64>) {
        (self.named.into_values().flatten().collect(), self.counts)
    }
}

/// Defines the kinds: the name for scripts, what the kind means, what to do about it.
macro_rules! kinds {
    ($($kind:ident, $name:literal, $meaning:literal, $action:literal;)*) => {
        /// The kind of a finding. The order is from the log upwards: an earlier kind may be the cause of a later one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum Kind {
            $(#[serde(rename = $name)] $kind,)*
        }

        impl Kind {
            #[cfg(test)]
            const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }

            /// What it means for the data, in words for a person.
            pub fn meaning(self) -> &'static str {
                match self { $(Kind::$kind => $meaning),* }
            }

            /// What to do about it.
            pub fn action(self) -> &'static str {
                match self { $(Kind::$kind => $action),* }
            }
        }
    };
}

kinds! {
    CommitMissing, "commit_missing",
        "commits are missing from the log: nobody can read the rows that they added, and readers stop before the hole unless a checkpoint covers it",
        "stop the writers, then restore the files of `_delta_log` from the store's soft delete or versions";
    CommitUnreadable, "commit_unreadable",
        "a commit exists but is not JSON lines of Delta actions: no reader can read the log beyond it",
        "restore the file from the store's soft delete or versions";
    CheckpointUnreadable, "checkpoint_unreadable",
        "readers of the table start from a checkpoint that cannot be read",
        "delete `_delta_log/_last_checkpoint` if the commits from version 0 on exist; the next checkpoint replaces it";
    CheckpointDiffers, "checkpoint_differs",
        "the checkpoint and the commits before it do not describe the same table: readers may miss rows or see removed ones, and redelivered events may be written again",
        "delete `_delta_log/_last_checkpoint` and the checkpoint while all commits still exist";
    TxnWentBack, "txn_went_back",
        "a commit records a position below that of an earlier commit: the events in between were or will be written twice",
        "find the writer of that commit; look for `events_doubled` below";
    TxnDisagrees, "txn_disagrees",
        "the position that a commit records is not the one that its rows reach: from there on, events are skipped or written twice",
        "restore the commit from the store's soft delete or versions; look for `events_missing` and `events_doubled` below";
    FileAddedTwice, "file_added_twice",
        "the log adds a file that the table already has: a reader that follows the log reads its rows twice",
        "find the writer of that commit; look below for rows that were read twice";
    FileShared, "file_shared",
        "two entries in the logs of the lake name the same file: its rows count twice, and removing one entry breaks the other",
        "write the rows to a new file for one of the two entries";
    FileMissing, "file_missing",
        "the log names a data file that does not exist: its rows are lost, and readers of the table fail",
        "restore the file from the store's soft delete or versions; in gold alone: remove the entry and run `rebuild`";
    FileUnreadable, "file_unreadable",
        "a data file is truncated or overwritten: its rows are lost, and readers of the table fail",
        "restore the file from the store's soft delete or versions";
    FileSizeDiffers, "file_size_differs",
        "a data file is not the one that was committed: something wrote another file under its name",
        "restore the file from the store's soft delete or versions";
    RowCountDiffers, "row_count_differs",
        "a data file does not hold as many rows as were committed: rows were lost or invented",
        "restore the file from the store's soft delete or versions";
    RowsRemoved, "rows_removed",
        "a commit of another program removed or changed rows that bronze says should be there: whoever reads the table from now on gets other numbers",
        "if it was meant, nothing is to be done; otherwise stop that program, and append the rows of the removed files again before they are vacuumed; do not `RESTORE` the table, which also removes what was added since";
    SettingsMissing, "settings_missing",
        "nobody can say with which settings the rows of a commit were made: whether its events were rejected rightly is not proved",
        "restore the missing file or commit of `control/settings` from the store's soft delete or versions";
    SettingsUnreadable, "settings_unreadable",
        "this version cannot read the settings with which events were read: whether they were rejected rightly is not proved",
        "audit with the version that wrote the row (its `written_by`) or a later one; if the row was edited, restore its file";
    EventsMissing, "events_missing",
        "bronze does not have events that the event hub numbered: they are lost, unless the hub still retains them",
        "find the commit or file that held them; otherwise read the hub again, from before the gap, into a new lake";
    EventsDoubled, "events_doubled",
        "a table has an event more than once: a query that counts its rows counts the event twice; gold counts it once",
        "find the commits that hold it; all writers of one hub must have the same epoch in `SOURCE_EPOCHS`";
    EventsUnplaced, "events_unplaced",
        "an event is in bronze, but in neither silver nor quarantine: no session counts it, and no row says why",
        "if ingest is running or was just killed, let it finish and audit again; otherwise restore the commit or file that held it";
    EventsInBoth, "events_in_both",
        "an event is in silver and in quarantine: sessions count it, and it is reported as rejected",
        "two processes with different settings that wrote the event at the same moment do this; otherwise a table was edited";
    EventsInvented, "events_invented",
        "an event is in silver or quarantine, but not in bronze: it was never received",
        "if ingest is running or was just killed, let it finish and audit again; otherwise look for what bronze lost";
    EventsMisjudged, "events_misjudged",
        "an event is in silver although its bytes must be rejected, or in quarantine although its bytes are valid",
        "an older version may have applied other rules; otherwise a table was edited: restore the file";
    RowDiffers, "row_differs",
        "a row is not what the bytes of its event say: it was edited, or written by another version with other rules",
        "compare it with `body` in bronze; restore the file, or write the events again from bronze";
    RangeDiffers, "range_differs",
        "silver and quarantine are not what bronze says, in a range whose events were not examined one by one",
        "repair what is named first, then audit again";
    GoldMissing, "gold_missing",
        "there are events, but no sessions at all",
        "run `sessionize` (the timer) or `rebuild`";
    GoldBehind, "gold_behind",
        "gold has not read all of silver yet",
        "let `sessionize` (the timer) catch up and audit again";
    GoldAhead, "gold_ahead",
        "gold records that it has read versions of silver that do not exist",
        "look for missing commits of silver; if silver was recreated, drop gold so that it is recreated too";
    SessionDoubled, "session_doubled",
        "gold has a session more than once: its purchases count twice",
        "run `rebuild` for the session date";
    SessionMissing, "session_missing",
        "silver has the events of a session that gold does not have",
        "run `rebuild` for the session date";
    SessionInvented, "session_invented",
        "gold has a session that the events in silver do not make",
        "run `rebuild` for the session date; if `SESSION_TIMEOUT` here is not that of the functions, set it and audit again";
    SessionDiffers, "session_differs",
        "a session in gold is not what its events in silver make",
        "run `rebuild` for the session date; if `SESSION_TIMEOUT` here is not that of the functions, set it and audit again";
    DateDiffers, "date_differs",
        "the sessions of a date are not what silver says; they were not compared one by one",
        "run `rebuild` for the session date";
    WatermarkWentBack, "watermark_went_back",
        "the watermark moved back: sessions that were final are open again, and late events are counted wrongly",
        "restore the control table's file; the next runs read the watermark from its last row";
    ControlDiffers, "control_differs",
        "a row of the control table is missing, or is not what its commit to gold recorded",
        "the next `sessionize` writes a missing last row; otherwise restore the control table's file";
    SourceIncomplete, "source_incomplete",
        "not every event of the source is in bronze",
        "run the same command again";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_every_kind_says_what_it_means_and_what_to_do() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|kind| kind.meaning().len() > 20 && kind.action().len() > 10));
    }

    #[test]
    fn the_first_findings_are_listed_and_all_are_counted() {
        let mut audit = Audit::new(&|_| {});
        for number in (0..MAX_NAMED as i64 * 3).map(SequenceNumber) {
            audit.report(Kind::EventsMissing, "t", Object::events("s", number, number), "");
        }
        let (named, counts) = audit.finish();
        assert_eq!(counts[&Kind::EventsMissing], MAX_NAMED as u64 * 3);
        assert_eq!(named.len(), MAX_NAMED);
    }

    #[test]
    fn an_object_reads_from_the_general_to_the_particular() {
        assert_eq!(Object::versions(3, 3).to_string(), "version 3");
        assert_eq!(Object::versions(3, 4).to_string(), "versions 3 to 4");
        let events = Object::events("a/b/c/0", SequenceNumber(5), SequenceNumber(9));
        assert_eq!(events.to_string(), "partition a/b/c/0, sequence numbers 5 to 9");
    }
}
