//! What the audit can find: a kind, the object, what was seen, what it means for a person and what to do.
//!
//! Names and members are a contract with scripts. What there is a lot of is named [`NAMED`] times and counted.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Findings of one kind that are named one by one; the rest is counted.
pub const NAMED: usize = 20;

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

/// The one thing that a finding is about; members that do not apply are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Object {
    /// Of a commit or checkpoint; `version..=last_version` where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_version: Option<i64>,
    /// Path below the table, as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Name of a writing application, in `txn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
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

    pub fn versions(first: i64, last: i64) -> Self {
        Object { version: Some(first), last_version: (last != first).then_some(last), ..Self::default() }
    }

    pub fn source(source: &str) -> Self {
        Object { source: Some(source.to_owned()), ..Self::default() }
    }

    pub fn events(source: &str, first: i64, last: i64) -> Self {
        Object { first_sequence_number: Some(first), last_sequence_number: Some(last), ..Self::source(source) }
    }
}

impl fmt::Display for Object {
    /// Most general first: `version 7`, `partition a/b/c/0, sequence numbers 5..=9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |one: &str, first: Option<i64>, last: Option<i64>| match (first, last) {
            (Some(first), Some(last)) if last != first => Some(format!("{one}s {first}..={last}")),
            (Some(first), _) => Some(format!("{one} {first}")),
            (None, _) => None,
        };
        let named = |what: &str, value: &Option<String>| value.as_ref().map(|value| format!("{what} {value}"));
        let parts = [
            range("version", self.version, self.last_version),
            named("file", &self.file),
            named("app", &self.app_id),
            named("partition", &self.source),
            range("sequence number", self.first_sequence_number, self.last_sequence_number),
            named("session date", &self.session_date),
            named("user", &self.user_id),
            named("session", &self.session_id),
            named("from", &self.session_start_time),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// All that was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    named: BTreeMap<Kind, Vec<Finding>>,
    /// Of each kind, those that are not named included.
    pub counts: BTreeMap<Kind, u64>,
}

impl Findings {
    pub fn add(&mut self, kind: Kind, table: &str, object: Object, detail: impl Into<String>) {
        *self.counts.entry(kind).or_default() += 1;
        let named = self.named.entry(kind).or_default();
        if named.len() < NAMED {
            let (table, detail) = (table.to_owned(), detail.into());
            named.push(Finding { kind, table, object, detail, meaning: kind.meaning(), action: kind.action() });
        }
    }

    pub fn into_named(self) -> Vec<Finding> {
        self.named.into_values().flatten().collect()
    }
}

/// Makes the kinds with their names for scripts, and what each means and asks for.
macro_rules! kinds {
    ($($kind:ident, $name:literal, $meaning:literal, $action:literal;)*) => {
        /// The sort of a finding, from the log upwards: an earlier one may be the reason for a later one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum Kind {
            $(#[serde(rename = $name)] $kind,)*
        }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }

            /// For a person.
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
        "commits are gone from the log: what they added is invisible, and readers stop before the hole unless a checkpoint covers it",
        "restore the files of `_delta_log` from the store's soft delete or versions; writers must not go on before that";
    CommitUnreadable, "commit_unreadable",
        "a commit is there and is not JSON lines of Delta actions: no reader gets past it",
        "restore the file from the store's soft delete or versions";
    CheckpointUnreadable, "checkpoint_unreadable",
        "who opens the table starts from a checkpoint that cannot be read",
        "delete `_delta_log/_last_checkpoint` if commits from 0 on are there; the next checkpoint replaces it";
    CheckpointDiffers, "checkpoint_differs",
        "who opens the table sees another one than the commits make: rows hidden or back again, or redelivered events taken once more",
        "delete `_delta_log/_last_checkpoint` and the checkpoint while the commits are all there";
    TxnWentBack, "txn_went_back",
        "a position was recorded below an earlier one: events in between were or will be taken twice",
        "find the writer of that commit; look for doubled events below";
    TxnDisagrees, "txn_disagrees",
        "the position that a commit records is not the one that its rows reach: events are skipped, or taken twice, from there on",
        "restore the commit from the store's soft delete or versions; look for missing or doubled events below";
    FileAddedTwice, "file_added_twice",
        "the log adds a file that is in the table already: who follows the table reads its rows twice",
        "find the writer of that commit; rows that were taken twice are named below";
    FileShared, "file_shared",
        "two entries of the lake's logs mean the same file: its rows count twice, and removing one breaks the other",
        "rewrite the file for one of the two";
    FileMissing, "file_missing",
        "the log names a data file that is not there: its rows are lost, and readers of the table fail",
        "restore the file from the store's soft delete or versions; gold alone: remove the entry and run `rebuild`";
    FileUnreadable, "file_unreadable",
        "a data file is cut off or overwritten: its rows are lost, and readers of the table fail",
        "restore the file from the store's soft delete or versions";
    FileSizeDiffers, "file_size_differs",
        "a data file is not the one that was committed: somebody wrote to the same name",
        "restore the file from the store's soft delete or versions";
    RowCountDiffers, "row_count_differs",
        "a data file does not hold as many rows as were committed: rows were lost or invented",
        "restore the file from the store's soft delete or versions";
    EventsMissing, "events_missing",
        "events that the event hub numbered are not in bronze: they are lost, unless retention still has them",
        "find the commit or file that held them; else read the hub again from before the gap into a new lake";
    EventsDoubled, "events_doubled",
        "an event is in a table more than once: whoever counts rows there counts it twice; gold counts it once",
        "find the commits that hold it; two writers must never have had different `SOURCE_EPOCH`s for one hub";
    EventsUnplaced, "events_unplaced",
        "an event is in bronze and in neither silver nor quarantine: no session counts it and nobody is told why",
        "if ingest is running or was just killed, let it finish and audit again; else restore what held it";
    EventsInBoth, "events_in_both",
        "an event is in silver and in quarantine: it counts, and is reported as rejected",
        "limits (`MAX_EVENT_AGE`, `FUTURE_TOLERANCE`, `MAX_EVENT_BYTES`) that changed between two attempts do this; else a table was edited";
    EventsInvented, "events_invented",
        "an event is in silver or quarantine and was never received: bronze does not have it",
        "if ingest is running or was just killed, let it finish and audit again; else look for what bronze lost";
    EventsMisjudged, "events_misjudged",
        "an event is in silver that its bytes do not allow there, or in quarantine although its bytes are good",
        "rows of an older version judge by its rules; else a table was edited: restore the file";
    RowDiffers, "row_differs",
        "a row is not what the bytes of its event say: it was edited, or made by another version's rules",
        "compare with `body` in bronze; restore the file, or write the range anew from bronze";
    RangeDiffers, "range_differs",
        "silver and quarantine are not what bronze says in a range that was not looked into further",
        "mend what is named first, then audit again";
    GoldMissing, "gold_missing",
        "there are events and no sessions at all",
        "run `sessionize` (the timer), or `rebuild`";
    GoldBehind, "gold_behind",
        "gold has not taken in all of silver yet",
        "let `sessionize` (the timer) catch up and audit again";
    GoldAhead, "gold_ahead",
        "gold says that it has read versions of silver that are not there",
        "look for missing commits of silver; if silver was made anew, drop gold and let it be made anew";
    SessionDoubled, "session_doubled",
        "a session is in gold more than once: its purchases count twice",
        "run `rebuild` for the session date";
    SessionMissing, "session_missing",
        "silver has the events of a session that gold does not have",
        "run `rebuild` for the session date";
    SessionInvented, "session_invented",
        "gold has a session that the events in silver do not make",
        "run `rebuild` for the session date; if `SESSION_TIMEOUT` is not what the functions have, set it and audit again";
    SessionDiffers, "session_differs",
        "a session is not what its events in silver make",
        "run `rebuild` for the session date; if `SESSION_TIMEOUT` is not what the functions have, set it and audit again";
    DateDiffers, "date_differs",
        "the sessions of a date are not what silver says; they were not looked into further",
        "run `rebuild` for the session date";
    WatermarkWentBack, "watermark_went_back",
        "the watermark moved back: sessions that were final are open again, and lateness is counted wrongly",
        "restore the control table's file; the next runs take the watermark from its last row";
    ControlDiffers, "control_differs",
        "a row of the control table is not what its commit to gold noted, or is missing",
        "a missing last row is written by the next `sessionize`; else restore the control table's file";
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
    fn the_first_ones_are_named_and_all_are_counted() {
        let mut findings = Findings::default();
        for number in 0..NAMED as i64 * 3 {
            findings.add(Kind::EventsMissing, "t", Object::events("s", number, number), "");
        }
        assert_eq!(findings.counts[&Kind::EventsMissing], NAMED as u64 * 3);
        assert_eq!(findings.into_named().len(), NAMED);
    }

    #[test]
    fn an_object_reads_from_the_general_to_the_particular() {
        assert_eq!(Object::versions(3, 3).to_string(), "version 3");
        assert_eq!(Object::versions(3, 4).to_string(), "versions 3..=4");
        assert_eq!(Object::events("a/b/c/0", 5, 9).to_string(), "partition a/b/c/0, sequence numbers 5..=9");
    }
}
