//! Appending exactly once, by many writers at a time.
//!
//! Every row comes from a source that numbers what it sends (`app_id`, sequence number). One file, the commit, says
//! which rows it adds and up to which number each source is in the table, so the two cannot disagree. Before each
//! attempt the rows up to the committed number are removed (`dedup.rs`). "Committed" means in the version that
//! the attempt directly follows: if the attempt succeeds, nobody has committed in between.
//!
//! Requests that arrive during a commit share the next one. A request that is alone waits for nobody.

use super::action::{Action, Add, Commit, Transaction, Version};
use super::arrow::array::RecordBatch;
use super::commit::{self, CommitOutcome};
use super::dedup::{Dedup, deduplicate};
use super::error::LakeError;
use super::file::NewFile;
use super::log::Log;
use super::snapshot::{Replay, Snapshot};
use super::table::Table;
pub use crate::columns::{Append, SourcePosition};
use crate::mutants::{self, Mutant};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

/// How often a commit is tried against other writers before the caller has to retry.
const COMMIT_ATTEMPTS: u32 = 30;

/// A commit that has this many rows accepts no further request: all that it encodes is in memory at the same time.
const COMMIT_ROWS: usize = 8_000;

/// What became of an [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Rows that this append has added.
    pub rows: usize,
    /// Rows that were there already.
    pub duplicates: usize,
    /// `None` when there was nothing to commit.
    pub version: Option<Version>,
}

struct Pending {
    append: Append,
    answer: oneshot::Sender<Result<Appended, Arc<LakeError>>>,
}

/// The appending side of a table within one process. Clones share the queue and what is known of the log.
#[derive(Clone)]
pub struct Appender {
    shared: Arc<Shared>,
}

struct Shared {
    table: Table,
    queue: Mutex<Vec<Pending>>,
    /// The table as of the last look at its log. Locked during a commit.
    known: AsyncMutex<Option<Snapshot>>,
}

impl Appender {
    /// Sends no request. The first append opens the table, and creates it where it is missing.
    pub fn new(table: Table) -> Self {
        Appender { shared: Arc::new(Shared { table, queue: Mutex::default(), known: AsyncMutex::default() }) }
    }

    /// Fails where the table exists and this version cannot write it. Writes nothing.
    pub async fn check(&self) -> Result<(), LakeError> {
        let mut known = self.shared.known.lock().await;
        if known.is_none() {
            *known = self.shared.table.snapshot_if_there(Replay::Txns).await?;
        }
        Ok(())
    }

    /// How far each source is in the table now; `None` where there is no table. Costs one request while nobody else commits.
    /// The next version is asked for by its name, since a list may leave out what was just written.
    pub async fn refresh(&self) -> Result<Option<Snapshot>, LakeError> {
        let table = &self.shared.table;
        let mut known = self.shared.known.lock().await;
        if known.is_none() {
            *known = table.snapshot_if_there(Replay::Txns).await?;
        }
        if known.is_none() {
            *known = table.log.read(0).await?.map(|first| Snapshot::of_one(&first));
        }
        let Some(known) = known.as_mut() else { return Ok(None) };
        while let Some(next) = table.log.read(known.version + 1).await? {
            self.shared.catch_up(known, next).await?;
        }
        Ok(Some(known.clone()))
    }

    pub fn log(&self) -> &Log {
        &self.shared.table.log
    }

    /// Adds the rows that are not in the table yet. It is safe to call this again with the same rows after any outcome,
    /// and to drop the future at any moment: the commit continues in a task of its own.
    pub async fn append(&self, append: Append) -> Result<Appended, Arc<LakeError>> {
        let (answer, answered) = oneshot::channel();
        self.queue().push(Pending { append, answer });
        let shared = self.clone();
        tokio::spawn(async move { shared.commit_queue().await });
        answered.await.unwrap_or_else(|_| {
            Err(Arc::new(LakeError::Internal {
                attempt: "commit",
                table: self.shared.table.spec.name.into(),
                detail: "the committing task ended early".into(),
            }))
        })
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Vec<Pending>> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests of one commit, in the order of their arrival: the first, and those after it with the same note.
    fn take_pending(&self) -> Vec<Pending> {
        let mut queue = self.queue();
        let mut rows = 0;
        let note = queue.first().and_then(|first| first.append.note.clone());
        let fits = |pending: &&Pending| {
            let fits = rows < COMMIT_ROWS && pending.append.note == note;
            rows += pending.append.rows.num_rows();
            fits
        };
        let count = queue.iter().take_while(fits).count();
        queue.drain(..count).collect()
    }

    /// Commits what is waiting as soon as the current commit is done. This runs once per request, so no request is
    /// forgotten.
    async fn commit_queue(&self) {
        let mut known = self.shared.known.lock().await;
        let pending = self.take_pending();
        if pending.is_empty() {
            return;
        }
        let (appends, answers): (Vec<_>, Vec<_>) = pending.into_iter().map(|p| (p.append, p.answer)).unzip();
        let outcome = self.shared.commit(&mut known, appends).await;
        if outcome.is_err() {
            // The cause may be that the snapshot is wrong: the next commit reads the log again.
            *known = None;
        }
        let outcomes = match outcome {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let error = Arc::new(error);
                answers.iter().map(|_| Err(error.clone())).collect()
            }
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // The caller may be gone. The rows are in the table all the same.
            let _ = answer.send(outcome);
        }
    }
}

type Outcome = Result<Appended, Arc<LakeError>>;

impl Shared {
    async fn commit(&self, known: &mut Option<Snapshot>, appends: Vec<Append>) -> Result<Vec<Outcome>, LakeError> {
        let known = match known {
            Some(known) => known,
            None => {
                self.table.create_if_missing(latest_ms(&appends)).await?;
                known.insert(self.table.snapshot(Replay::Txns).await?)
            }
        };
        let mut written: Option<(Vec<Dedup>, Vec<Add>)> = None;
        for attempt in 1..=COMMIT_ATTEMPTS {
            let positions = appends.iter().map(|append| (append.app_id.as_str(), append.positions.as_slice()));
            let dedups = deduplicate(positions, &known.txns);
            if !dedups.iter().any(|dedup| matches!(dedup, Dedup::Keep { .. })) {
                return Ok(outcomes(&appends, dedups, None));
            }
            // After a conflict the files can be committed as they are, unless the winner has some of the same rows.
            let adds = match written.take() {
                Some((before, adds)) if before == dedups => adds,
                _ => self.write_files(&appends, &dedups).await?,
            };
            // Directly after the version that the rows were compared with: nobody can have added one of them in between.
            let commit = self.plan_commit(known.version + 1, &appends, &dedups, &adds);
            match commit::put(&self.table.log, &commit).await? {
                CommitOutcome::Committed(version) => {
                    known.apply(&commit, Replay::Txns);
                    self.table.checkpoints.write_if_due(version);
                    return Ok(outcomes(&appends, dedups, Some(version)));
                }
                CommitOutcome::Conflict(winner) if mutants::is(Mutant::ConflictNotReread) => {
                    known.version = winner.version;
                }
                CommitOutcome::Conflict(winner) => {
                    self.catch_up(known, winner).await?;
                    written = Some((dedups, adds));
                    commit::backoff(&self.table.log, attempt).await;
                }
            }
        }
        Err(LakeError::Contended { table: self.table.spec.name.into(), attempts: COMMIT_ATTEMPTS })
    }

    /// Applies what others have committed: `winner` and all versions after it. One version per attempt would not do: the
    /// others commit faster than that.
    async fn catch_up(&self, known: &mut Snapshot, winner: Commit) -> Result<(), LakeError> {
        let mut commits = vec![winner];
        let later = self.table.log.versions_after(commits[0].version).await?;
        commits.extend(self.table.log.read_all(&later).await?);
        commits.iter().for_each(|commit| known.apply(commit, Replay::Txns));
        let changes_table = |action: &Action| action.protocol.is_some() || action.meta_data.is_some();
        match commits.iter().flat_map(|commit| &commit.actions).any(changes_table) {
            true => self.table.verify(known),
            false => Ok(()),
        }
    }

    /// One file for each table partition that the kept rows belong to.
    async fn write_files(&self, appends: &[Append], dedups: &[Dedup]) -> Result<Vec<Add>, LakeError> {
        let mut by_partition: BTreeMap<Option<String>, Vec<RecordBatch>> = BTreeMap::new();
        for (append, dedup) in appends.iter().zip(dedups) {
            if let Dedup::Keep { from } = dedup {
                let rows = append.rows.slice(*from, append.rows.num_rows() - from);
                by_partition.entry(append.partition.clone()).or_default().push(rows);
            }
        }
        let spec = self.table.spec.clone();
        let encode = move || {
            let encode_one = |(partition, rows): (&Option<String>, &Vec<RecordBatch>)| {
                NewFile::encode(&spec, partition.as_deref(), rows)
            };
            by_partition.iter().map(encode_one).collect::<Result<Vec<_>, _>>()
        };
        let files = self.table.workers.run("encode rows", encode).await??;
        let now_ms = latest_ms(appends);
        let mut adds = Vec::new();
        for file in files {
            adds.push(self.table.put_file(file, now_ms).await?);
        }
        Ok(adds)
    }

    fn plan_commit(&self, version: Version, appends: &[Append], dedups: &[Dedup], adds: &[Add]) -> Commit {
        let now_ms = latest_ms(appends);
        let mut details = Map::from_iter([
            ("isBlindAppend".to_owned(), json!(true)),
            ("operationParameters".to_owned(), json!({"mode": "Append"})),
        ]);
        // All appends of a commit have the same note.
        let note = appends.first().and_then(|append| append.note.as_ref());
        details.extend(note.map(|note| (note.name.to_owned(), json!(note.value))));
        details.extend(details_of_added(appends, dedups));
        let mut actions = vec![commit::info(&self.table.log, "WRITE", now_ms, &details)];
        let mut last_positions: BTreeMap<&str, SourcePosition> = BTreeMap::new();
        for (append, dedup) in appends.iter().zip(dedups) {
            let adds_rows = matches!(dedup, Dedup::Keep { .. }) || mutants::is(Mutant::TxnMovesBack);
            if let (true, Some(last)) = (adds_rows, append.positions.last()) {
                last_positions.insert(&append.app_id, *last);
            }
        }
        if mutants::is(Mutant::TxnNotCommitted) {
            last_positions.clear();
        }
        // Rows and sequence numbers are in one commit: this is what makes an append happen exactly once.
        actions.extend(last_positions.into_iter().map(|(app_id, last)| {
            Action::from(Transaction::new_with_last_update(app_id, last.sequence, Some(last.enqueued_ms)))
        }));
        actions.extend(adds.iter().cloned().map(Action::from));
        Commit { version, actions }
    }
}

/// What the commit says of the rows that it adds: nothing of an append that adds none.
fn details_of_added(appends: &[Append], dedups: &[Dedup]) -> Option<(String, Value)> {
    let adding = appends.iter().zip(dedups).filter_map(|(append, dedup)| match dedup {
        Dedup::Keep { from } => Some((append.details.as_ref()?, *from)),
        Dedup::Nothing | Dedup::Restarted { .. } => None,
    });
    let first_row = |from| if mutants::is(Mutant::DetailsOfWholeAppend) { 0 } else { from };
    let (all, values): (Vec<_>, Vec<_>) =
        adding.map(|(details, from)| (details, (details.of)(first_row(from)))).unzip();
    all.first().map(|details| (details.name.to_owned(), (details.merge)(values)))
}

/// The time of a commit of all `appends`, in milliseconds since the epoch.
fn latest_ms(appends: &[Append]) -> i64 {
    appends.iter().map(|append| append.now_ms).max().unwrap_or_default()
}

fn outcomes(appends: &[Append], dedups: Vec<Dedup>, version: Option<Version>) -> Vec<Outcome> {
    let outcome = |(append, dedup): (&Append, Dedup)| {
        let all = append.positions.len();
        match dedup {
            Dedup::Keep { from } => Ok(Appended { rows: all - from, duplicates: from, version }),
            Dedup::Nothing => Ok(Appended { rows: 0, duplicates: all, version: None }),
            Dedup::Restarted { sequence, committed, later_by } => {
                let app_id = append.app_id.clone();
                Err(Arc::new(LakeError::SequenceRestarted { app_id, sequence, committed, later_by }))
            }
        }
    };
    appends.iter().zip(dedups).map(outcome).collect()
}
