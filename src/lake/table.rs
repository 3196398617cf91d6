//! One table: create it, open it, follow it, and replace some of its files.
//!
//! Every state of the table that leaves this module was compared with the table's [`TableSpec`].

use super::action::{Action, Add, Commit, Format, MetaData, Protocol, Remove, Version};
use super::checkpoint::Checkpoints;
use super::commit::{self, CommitOutcome, Rewrite};
use super::error::LakeError;
use super::features::{self, Unsupported};
use super::file::NewFile;
use super::log::Log;
use super::snapshot::{Replay, Snapshot};
use super::store::Lake;
use super::workers::Workers;
use crate::columns::TableSpec;
use crate::mutants::{self, Mutant};
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use object_store::ObjectStore;
use std::collections::HashMap;
use std::sync::Arc;

/// A table of the lake, whether it exists or not.
#[derive(Debug, Clone)]
pub struct Table {
    pub spec: TableSpec,
    pub(super) lake: Lake,
    pub log: Log,
    /// Rooted at the table.
    pub store: Arc<dyn ObjectStore>,
    pub workers: Workers,
    pub(super) checkpoints: Checkpoints,
}

/// The files that one version added and removed, for a reader that follows the table.
#[derive(Debug, Clone)]
pub struct Change {
    pub version: Version,
    /// Files with new rows (`dataChange`). Compaction only moves rows.
    pub added: Vec<Add>,
    /// Files whose rows left the table or were replaced (`dataChange`).
    pub removed: Vec<Remove>,
    /// What wrote the version, as it calls itself; else what it calls its operation.
    pub engine: Option<String>,
}

impl Change {
    /// Whether rows left the table or were replaced. A deletion vector counts too: its commit removes the file, and adds
    /// it with the vector.
    pub fn removes_rows(&self) -> bool {
        !self.removed.is_empty()
    }

    pub fn of(commit: Commit) -> Self {
        let member = |name| commit.info()?.get(name)?.as_str().map(str::to_owned);
        let engine = member("engineInfo").or_else(|| member("operation"));
        let mut change = Change { version: commit.version, added: Vec::new(), removed: Vec::new(), engine };
        for action in commit.actions {
            // A deletion vector removes rows from a file that was added without it. Nothing in such a file is new.
            change.added.extend(action.add.filter(|add| add.data_change && add.deletion_vector.is_none()));
            change.removed.extend(action.remove.filter(|remove| remove.data_change));
        }
        change
    }
}

/// What a reader that follows the table has read, and how many newer versions there are beyond.
#[derive(Debug, Clone)]
pub struct Changes {
    pub read: Vec<Change>,
    pub unread: usize,
}

impl Table {
    /// Sends no request.
    pub fn at(lake: &Lake, spec: TableSpec, workers: &Workers) -> Self {
        let store = lake.table_store(spec.name);
        let log = Log { table: spec.name, store: store.clone(), random: lake.random().clone() };
        let checkpoints = Checkpoints::new(lake, spec.name, workers);
        Table { spec, lake: lake.clone(), log, store, workers: workers.clone(), checkpoints }
    }

    /// Creates the table unless it exists. Any number of processes may do so at once: only one of them can put version 0.
    pub async fn create_if_missing(&self, now_ms: i64) -> Result<(), LakeError> {
        if self.exists().await? {
            return Ok(());
        }
        let first = self.first_commit(now_ms)?;
        commit::put(&self.log, &first).await.map(|_| ())
    }

    pub async fn exists(&self) -> Result<bool, LakeError> {
        if self.log.last_checkpoint().await?.is_some() {
            return Ok(true);
        }
        Ok(self.log.read(0).await?.is_some())
    }

    fn first_commit(&self, now_ms: i64) -> Result<Commit, LakeError> {
        let internal = |error: serde_json::Error| LakeError::Internal {
            attempt: "describe the columns",
            table: self.spec.name.into(),
            detail: error.to_string(),
        };
        let protocol =
            Protocol { min_reader_version: 1, min_writer_version: 2, reader_features: vec![], writer_features: vec![] };
        let setting = |key: &str, value: String| (key.to_owned(), Some(value));
        let metadata = MetaData {
            id: self.log.random.uuid().to_string(),
            format: Format { provider: "parquet".into(), options: HashMap::new() },
            schema_string: serde_json::to_string(&delta_schema(&self.spec)?).map_err(internal)?,
            partition_columns: self.spec.partition_column.iter().map(|&column| column.to_owned()).collect(),
            configuration: HashMap::from([
                setting("delta.enableExpiredLogCleanup", "false".into()),
                setting("delta.dataSkippingStatsColumns", self.spec.statistics_columns.join(",")),
            ]),
            created_time: Some(now_ms),
        };
        let actions = vec![
            commit::info(&self.log, "CREATE TABLE", now_ms, &serde_json::Map::new()),
            Action { protocol: Some(protocol), ..Action::default() },
            Action { meta_data: Some(metadata), ..Action::default() },
        ];
        Ok(Commit { version: 0, actions })
    }

    /// The table at its newest version.
    pub async fn snapshot(&self, replay: Replay) -> Result<Snapshot, LakeError> {
        let found = self.snapshot_if_there(replay).await?;
        found.ok_or_else(|| LakeError::NoTable { table: self.spec.name.into() })
    }

    /// `None` when there is no such table.
    pub async fn snapshot_if_there(&self, replay: Replay) -> Result<Option<Snapshot>, LakeError> {
        match Snapshot::read(&self.log, Version::MAX, replay).await? {
            Some(snapshot) => self.verified(snapshot).map(Some),
            None => Ok(None),
        }
    }

    /// The table as it was at `version`, as far as the log goes back. Never an older state.
    pub async fn snapshot_at(&self, version: Version, replay: Replay) -> Result<Snapshot, LakeError> {
        match Snapshot::read(&self.log, version, replay).await? {
            Some(snapshot) if snapshot.version == version => self.verified(snapshot),
            older => {
                let seen = older.map(|snapshot| snapshot.version);
                Err(LakeError::NotListedYet { table: self.spec.name.into(), seen, wanted: version })
            }
        }
    }

    /// What the versions above `after` added and removed, the first `max_versions` of them, in order. Fails where the table is not what
    /// this version writes.
    pub async fn changes_after(&self, after: Version, max_versions: usize) -> Result<Changes, LakeError> {
        let mut versions = self.log.versions_after(after).await?;
        let unread = versions.len().saturating_sub(max_versions);
        versions.truncate(max_versions);
        let commits = self.log.read_all(&versions).await?;
        if commits.iter().any(|commit| self.verify(&Snapshot::of_one(commit)).is_err()) {
            // It may be switched off by now: the newest state decides.
            self.snapshot(Replay::TxnsAndFiles).await?;
        }
        Ok(Changes { read: commits.into_iter().map(Change::of).collect(), unread })
    }

    /// Stores `file` under a name of its own. Its rows belong to the table only once a commit has the returned action.
    pub async fn put_file(&self, file: NewFile, now_ms: i64) -> Result<Add, LakeError> {
        let name = format!("part-{}.parquet", self.log.random.uuid());
        file.put(self.store.as_ref(), &self.spec, &name, now_ms).await
    }

    /// Commits `rewrite` as the version after `planned_on`, and as no other. This is stricter than Delta's own rules for
    /// conflicts, and it is what makes them simple: whatever was read while planning is still so. It holds for every
    /// commit of another writer, `dataChange` or not. After a conflict the caller has to plan again.
    pub async fn rewrite(
        &self,
        planned_on: &Snapshot,
        mut rewrite: Rewrite,
        now_ms: i64,
    ) -> Result<CommitOutcome, LakeError> {
        let mut added = std::mem::take(&mut rewrite.added);
        for file in std::mem::take(&mut rewrite.add) {
            added.push(self.put_file(file, now_ms).await?);
        }
        let mut commit = rewrite.into_commit(&self.log, planned_on.version + 1, added, now_ms);
        let mut outcome = commit::put(&self.log, &commit).await?;
        while mutants::is(Mutant::RewriteNotPlannedAgain) && matches!(outcome, CommitOutcome::Conflict(_)) {
            commit.version += 1;
            outcome = commit::put(&self.log, &commit).await?;
        }
        if let CommitOutcome::Committed(version) = outcome {
            self.checkpoints.write_if_due(version);
        }
        Ok(outcome)
    }

    /// Writes the checkpoint of `version`.
    pub async fn checkpoint(&self, version: Version) -> Result<(), LakeError> {
        self.checkpoints.write(version).await
    }

    fn verified(&self, snapshot: Snapshot) -> Result<Snapshot, LakeError> {
        self.verify(&snapshot)?;
        Ok(snapshot)
    }

    /// Fails when the table is not what this version writes, or something is switched on in it that this version cannot
    /// keep.
    pub(super) fn verify(&self, snapshot: &Snapshot) -> Result<(), LakeError> {
        let metadata = snapshot.metadata.as_ref();
        let mut found = Vec::new();
        if let Some(protocol) = &snapshot.protocol {
            found.extend(features::of_protocol(protocol, metadata));
        }
        let parse = |metadata: &MetaData| serde_json::from_str::<StructType>(&metadata.schema_string);
        let columns = metadata.map(parse).transpose();
        let columns = columns.map_err(|error| self.log.damaged("schemaString", error.to_string()))?;
        if let Some((metadata, columns)) = metadata.zip(columns.as_ref()) {
            found.extend(features::of_metadata(metadata, columns, self.spec.is_rewritten));
        }
        let deleted = snapshot.files.values().find(|add| add.deletion_vector.is_some());
        found.extend(deleted.map(|add| Unsupported::deletion_vector(&add.path)));
        if !found.is_empty() {
            return Err(features::refusal(self.spec.name, found));
        }
        let Some((metadata, columns)) = metadata.zip(columns.as_ref()) else { return Ok(()) };
        match difference(&self.spec, columns, &metadata.partition_columns)? {
            Some(difference) => Err(LakeError::Foreign { table: self.spec.name.into(), difference }),
            None => Ok(()),
        }
    }
}

/// The columns of `spec` as Delta describes them.
fn delta_schema(spec: &TableSpec) -> Result<StructType, LakeError> {
    spec.columns.as_ref().try_into_kernel().map_err(|error: deltalake::arrow::error::ArrowError| LakeError::Internal {
        attempt: "describe the columns",
        table: spec.name.into(),
        detail: error.to_string(),
    })
}

/// How a stored schema differs from `spec`. `None` when it does not.
fn difference(
    spec: &TableSpec,
    stored: &StructType,
    partition_columns: &[String],
) -> Result<Option<String>, LakeError> {
    let ours = delta_schema(spec)?;
    let mut found = Vec::new();
    for field in ours.fields() {
        match stored.field(field.name()) {
            None => found.push(format!("column `{}` is missing", field.name())),
            Some(other) if other.data_type() != field.data_type() => found.push(format!(
                "column `{}` is {} instead of {}",
                field.name(),
                other.data_type(),
                field.data_type()
            )),
            Some(_) => {}
        }
    }
    for field in stored.fields().filter(|field| ours.field(field.name()).is_none()) {
        found.push(format!("column `{}` is unknown", field.name()));
    }
    let partitioning: Vec<&str> = spec.partition_column.into_iter().collect();
    if partition_columns != partitioning {
        let named = |columns: &[&str]| {
            if columns.is_empty() { "nothing".to_owned() } else { format!("`{}`", columns.join("`, `")) }
        };
        let stored: Vec<&str> = partition_columns.iter().map(String::as_str).collect();
        found.push(format!("partitioned by {} instead of {}", named(&stored), named(&partitioning)));
    }
    Ok((!found.is_empty()).then(|| found.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::action::Transaction;
    use super::super::arrow::array::RecordBatch;
    use super::*;
    use crate::columns::{Column, Lists, Rows};
    use crate::event::money::Money;
    use serde_json::{Map, json};
    use std::collections::BTreeMap;

    struct Basket<'a> {
        id: i64,
        lines: &'a [(&'a str, Option<i64>)],
    }

    struct Line<'a> {
        product: &'a str,
        price: Option<i64>,
    }

    crate::columns::declare! {
        ['a] Line<'a>;

        /// What is in the basket.
        PRODUCT = "product", string(|line| Some(line.product)).required();
        /// How often.
        COUNT = "count", long(|_| Some(1)).required();
        /// What it costs.
        PRICE = "price", money(|line| line.price.map(Money));
    }

    fn lines<'a>(basket: &Basket<'a>) -> Vec<Line<'a>> {
        basket.lines.iter().map(|&(product, price)| Line { product, price }).collect()
    }

    fn baskets<'a>() -> Vec<Column<Basket<'a>>> {
        vec![
            Column::long("id", "", |basket: &Basket| Some(basket.id)).required().with_statistics(),
            Column::structs("lines", "", |baskets: &[Basket]| Lists::of(&declared(), baskets.iter().map(lines)))
                .required(),
        ]
    }

    fn spec() -> TableSpec {
        TableSpec::of("baskets", &baskets()).rewritten()
    }

    fn rows() -> RecordBatch {
        let of = |id, lines| Basket { id, lines };
        let rows = [of(1, &[(PRODUCT, Some(20_000)), (COUNT, None)][..]), of(2, &[]), of(3, &[(PRICE, None)])];
        spec().record_batch(&baskets(), &rows).expect("rows")
    }

    async fn table() -> Table {
        let lake = Lake::open("memory:///", &BTreeMap::new()).expect("a lake in memory");
        let table = Table::at(&lake, spec(), &Workers::new(1));
        table.create_if_missing(0).await.expect("a table");
        table
    }

    /// Stores a file of [`rows`] and commits it as an addition, without removing what was there.
    async fn add(table: &Table, remove: Vec<Add>) -> Add {
        let file = NewFile::encode(&table.spec, None, &[rows()]).expect("a file");
        let add = table.put_file(file, 0).await.expect("stored");
        let base = table.snapshot(Replay::TxnsAndFiles).await.expect("a table");
        let rewrite = Rewrite { operation: "WRITE", remove, added: vec![add.clone()], ..Rewrite::default() };
        let outcome = table.rewrite(&base, rewrite, 0).await.expect("the store answers");
        assert!(matches!(outcome, CommitOutcome::Committed(version) if version == base.version + 1));
        add
    }

    #[tokio::test]
    async fn a_list_of_structs_is_stored_and_read_like_any_column() {
        assert_eq!(baskets()[1].type_name(), "array<struct<product:string,count:bigint,price:decimal(18,4)>>");
        let table = table().await;
        let file = add(&table, Vec::new()).await;
        let read = table.read(&file, &[]).await.expect("a file");
        assert_eq!(read, [rows()]);
        let json = Rows::of("baskets", &read[0]).as_json(|_| true).expect("JSON");
        assert_eq!(
            json.iter().map(|row| String::from_utf8_lossy(row)).collect::<Vec<_>>(),
            [
                r#"{"id":1,"lines":[{"product":"product","count":1,"price":2.0000},{"product":"count","count":1}]}"#,
                r#"{"id":2,"lines":[]}"#,
                r#"{"id":3,"lines":[{"product":"price","count":1}]}"#,
            ]
        );
        table.checkpoint(1).await.expect("a checkpoint");
        let from_checkpoint = table.snapshot(Replay::TxnsAndFiles).await.expect("the schema is still the same");
        assert_eq!(from_checkpoint.files.keys().collect::<Vec<_>>(), [&file.path]);
    }

    #[test]
    fn a_required_member_without_a_value_is_an_error() {
        let of = |rows: &[i64]| {
            let members = [Column::<i64>::long("member", "", |_| None).required()];
            Lists::of(&members, rows.iter().map(|row| vec![*row]))
        };
        let columns = [Column::<i64>::structs("lists", "", of)];
        let error = TableSpec::of("any", &columns).record_batch(&columns, &[1]).expect_err("a member is missing");
        assert!(error.to_string().contains("member"), "{error}");
    }

    #[tokio::test]
    async fn a_follower_learns_which_rows_left_and_who_removed_them() {
        let table = table().await;
        let first = add(&table, Vec::new()).await;
        add(&table, vec![first]).await;
        let changes = table.changes_after(0, 10).await.expect("the log can be read").read;
        assert_eq!(changes.iter().map(Change::removes_rows).collect::<Vec<_>>(), [false, true]);
        assert_eq!(changes[1].removed[0].path, changes[0].added[0].path);
        assert_eq!(changes[1].engine.as_deref(), Some(concat!("clickstream/", env!("CARGO_PKG_VERSION"))));
    }

    #[test]
    fn compaction_removes_no_rows_and_an_operation_stands_for_an_engine() {
        let info = Map::from_iter([("operation".to_owned(), json!("OPTIMIZE"))]);
        let commit = Commit {
            version: 1,
            actions: vec![
                Action { commit_info: Some(info), ..Action::default() },
                Action::from(Remove { path: "old".into(), data_change: false, ..Remove::default() }),
                Action::from(Transaction::new("app", 1)),
            ],
        };
        let change = Change::of(commit);
        assert!(!change.removes_rows());
        assert_eq!(change.engine.as_deref(), Some("OPTIMIZE"));
    }
}
