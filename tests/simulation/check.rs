//! The invariants that hold after every schedule. They compare the tables with what was sent.

use super::envelope::{Sent, envelope};
use super::instance::{Answer, Instance};
use super::naive::{self, Content};
use super::quality;
use super::render;
use super::rewrite;
use super::tables;
use super::world::{Expected, World};
use clickstream::audit::{Finding, Kind};
use clickstream::gold::control::{self, RUN};
use clickstream::gold::schema as gold;
use clickstream::lake::log::{Commit, Version};
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use clickstream::lineage;
use clickstream::silver::schema as silver;
use clickstream::{audit, bronze, silver as silver_layer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Source epoch, partition, sequence number.
type Position = (u64, String, i64);

pub async fn everything(world: &World, instance: &Instance) -> Result<(), String> {
    let expected = world.expected.take();
    for spec in tables::all() {
        the_log_is_whole(&Table::at(&instance.app.lake, spec, &Workers::InPlace)).await?;
    }
    every_event_is_in_its_tables_once(world, &expected, instance).await?;
    gold_is_the_naive_fold(world, &expected, instance).await?;
    if !world.has_changed_rows() {
        commits_count_the_rows_that_they_add(instance).await?;
    }
    truncated_sessions_are_those_of_the_opposite_order(world, &expected, instance).await?;
    reports_are_true(world, expected.len() as u64)?;
    control_has_a_row_for_every_commit_to_gold(instance).await?;
    the_audit_names_what_another_engine_changed(world, instance).await
}

/// The log has no gap, no `txn` moves back, no file is added twice, and a checkpoint agrees with the commits it replaces.
async fn the_log_is_whole(table: &Table) -> Result<(), String> {
    let name = table.spec.name;
    let versions = table.log.versions_after(-1).await.map_err(|error| error.to_string())?;
    if versions.is_empty() {
        return Ok(());
    }
    let commits = table.log.read_all(&versions).await.map_err(|error| error.to_string())?;
    let mut txns: BTreeMap<String, (i64, Version)> = BTreeMap::new();
    let mut added = BTreeSet::new();
    for commit in &commits {
        for txn in commit.txns() {
            let before = txns.insert(txn.app_id.clone(), (txn.version, commit.version));
            if let Some((before, at)) = before.filter(|(before, _)| *before >= txn.version) {
                let app_id = &txn.app_id;
                return Err(format!(
                    "{name}: txn of {app_id} goes from {before} (version {at}) to {} (version {})",
                    txn.version, commit.version
                ));
            }
        }
        if let Some(add) = commit.adds().find(|add| !added.insert(add.path.clone())) {
            return Err(format!("{name}: version {} adds {} again", commit.version, add.path));
        }
    }
    let snapshot = table.snapshot(Replay::TxnsAndFiles).await.map_err(|error| error.to_string())?;
    let replayed: BTreeMap<String, i64> = txns.into_iter().map(|(app_id, (version, _))| (app_id, version)).collect();
    let known: BTreeMap<String, i64> =
        snapshot.txns.iter().map(|(app_id, progress)| (app_id.clone(), progress.version)).collect();
    if known != replayed || !live_files(&commits).eq(snapshot.files.keys()) {
        return Err(format!("{name}: the checkpoint disagrees with the commits: {known:?}, {replayed:?}"));
    }
    Ok(())
}

fn live_files(commits: &[Commit]) -> impl Iterator<Item = &String> {
    let mut live = BTreeSet::new();
    for action in commits.iter().flat_map(|commit| &commit.actions) {
        if let Some(remove) = &action.remove {
            live.remove(&remove.path);
        }
        live.extend(action.add.as_ref().map(|add| &add.path));
    }
    live.into_iter()
}

/// Rows that another engine may have deleted are missing from silver alone.
async fn every_event_is_in_its_tables_once(
    world: &World,
    expected: &[Expected],
    instance: &Instance,
) -> Result<(), String> {
    let rows = async |spec| render::rows(&Table::at(&instance.app.lake, spec, &Workers::InPlace)).await;
    let bronze_rows = rows(bronze::schema::table()).await;
    let (silver_rows, rejects) = (rows(silver::table()).await, rows(silver_layer::quarantine::table()).await);
    let (in_bronze, in_silver, in_quarantine) =
        (by_position(&bronze_rows), by_position(&silver_rows), by_position(&rejects));
    let (has_deletions, mut deleted) = (world.stats.get().deletions > 0, 0);
    for sent in expected {
        let position = (u64::from(sent.epoch), sent.partition.to_string(), sent.sequence);
        let products = sent.produced.event.as_ref().map_or(0, |event| event.products.len().max(1));
        let rejects = usize::from(sent.produced.event.is_none());
        let mut found = [&in_bronze, &in_silver, &in_quarantine].map(|table| table.get(&position).map_or(0, Vec::len));
        if has_deletions && found[1] == 0 {
            (found[1], deleted) = (products, deleted + usize::from(products > 0));
        }
        if found != [1, products, rejects] {
            return Err(format!(
                "event {position:?} has {found:?} rows in bronze, silver, quarantine; it needs {:?}",
                [1, products, rejects]
            ));
        }
        let body: String = sent.produced.body.iter().map(|byte| format!("{byte:02x}")).collect();
        if in_bronze[&position][0][bronze::schema::BODY] != body {
            return Err(format!("event {position:?} is not in bronze as it was sent"));
        }
    }
    let positions: usize = [&in_bronze, &in_silver, &in_quarantine].iter().map(|table| table.len()).sum();
    if positions + deleted != 2 * expected.len() {
        return Err(format!("{positions} positions in the tables for {} events", expected.len()));
    }
    Ok(())
}

/// However batches were cut, redelivered and shared commits.
async fn commits_count_the_rows_that_they_add(instance: &Instance) -> Result<(), String> {
    let table = |spec| Table::at(&instance.app.lake, spec, &Workers::InPlace);
    let quarantine = table(silver_layer::quarantine::table());
    quality::check([&table(bronze::schema::table()), &table(silver::table()), &quarantine]).await
}

fn by_position(rows: &[Value]) -> BTreeMap<Position, Vec<&Value>> {
    let mut found: BTreeMap<Position, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        let number = |name: &str| row[name].as_i64().expect("a number");
        let partition = row[lineage::PARTITION_ID].as_str().expect("a text").to_owned();
        let position = (number(lineage::SOURCE_EPOCH) as u64, partition, number(lineage::SEQUENCE_NUMBER));
        found.entry(position).or_default().push(row);
    }
    found
}

/// Of all events that were sent or, where another engine changed rows of silver, of the rows that silver has.
async fn gold_is_the_naive_fold(world: &World, expected: &[Expected], instance: &Instance) -> Result<(), String> {
    let rows = async |spec| render::rows(&Table::at(&instance.app.lake, spec, &Workers::InPlace)).await;
    let contents: Vec<Content> = match world.has_changed_rows() {
        true => naive::contents_of(&rows(silver::table()).await),
        false => expected.iter().filter_map(|sent| Some(sent.produced.event.as_ref()?.content())).collect(),
    };
    let stored = naive::sorted(rows(gold::table()).await.iter().map(naive::of_row).collect());
    let naive = naive::fold(&contents, world.plan.max_session_events);
    match stored.iter().zip(&naive).find(|(stored, naive)| stored != naive) {
        Some((stored, naive)) => Err(format!("gold is not the naive fold:\n  stored {stored}\n  naive  {naive}")),
        None if stored.len() != naive.len() => Err(format!("gold has {} sessions, not {}", stored.len(), naive.len())),
        None => Ok(()),
    }
}

/// What a session keeps beyond its bound depends on its events, not on which came first: the row is the same in a lake that
/// gets them in the opposite order. Sessions with two contents of one event are left out.
async fn truncated_sessions_are_those_of_the_opposite_order(
    world: &World,
    expected: &[Expected],
    instance: &Instance,
) -> Result<(), String> {
    let is_truncated = |row: &&Value| row["is_truncated"] == true;
    let stored = render::sessions(&instance.app.gold.table).await;
    if world.has_changed_rows() || !stored.iter().any(|row| is_truncated(&row)) {
        return Ok(());
    }
    let other = world.instance_on_another_lake();
    let bodies = expected.iter().rev().filter(|sent| sent.produced.event.is_some()).map(|sent| &sent.produced.body);
    let numbered = bodies.zip(0..);
    let enqueued_at = other.app.clock.now();
    let batch: Vec<Sent> =
        numbered.map(|(body, sequence_number)| Sent { sequence_number, enqueued_at, body: body.clone() }).collect();
    let answer = other.call("ingest", envelope("0", &batch)).await;
    if !matches!(answer, Answer::Done { .. }) {
        return Err(format!("another lake does not accept the events: {answer:?}"));
    }
    while other.app.gold.sessionize().await.map_err(|error| format!("sessionize: {error}"))?.run.is_some() {}
    let opposite = render::sessions(&other.app.gold.table).await;
    let conflicting = conflicting(expected);
    let of_one_content = |row: &&Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        !conflicting.contains(&(text(gold::USER_ID), text(gold::SESSION_ID)))
    };
    let compared =
        |rows: &[Value]| -> Vec<Value> { rows.iter().filter(is_truncated).filter(of_one_content).cloned().collect() };
    let (stored, opposite) = (compared(&stored), compared(&opposite));
    match stored.iter().zip(&opposite).find(|(stored, opposite)| stored != opposite) {
        Some((stored, opposite)) => {
            Err(format!("a truncated session depends on the order:\n  stored   {stored}\n  opposite {opposite}"))
        }
        None => Ok(()),
    }
}

/// User and session of the events that were sent with several contents.
fn conflicting(expected: &[Expected]) -> BTreeSet<(String, String)> {
    let contents: Vec<Content> =
        expected.iter().filter_map(|sent| Some(sent.produced.event.as_ref()?.content())).collect();
    let is_other = |content: &&Content, counts: &&Content| {
        (&content.user, &content.session, content.key, content.at_micros)
            == (&counts.user, &counts.session, counts.key, counts.at_micros)
            && content.compare(counts).is_ne()
    };
    let counted = naive::counted(&contents);
    let others = contents.iter().filter(|content| counted.iter().any(|counts| is_other(content, counts)));
    others.map(|content| (content.user.clone(), content.session.clone())).collect()
}

/// The audit finds nothing but the rows that are gone from silver or have changed, and names who did it.
async fn the_audit_names_what_another_engine_changed(world: &World, instance: &Instance) -> Result<(), String> {
    let report = audit::audit(&instance.app).await.map_err(|error| format!("audit: {error}"))?;
    let has_changed_rows = world.has_changed_rows();
    let is_expected = |finding: &Finding| has_changed_rows && OF_CHANGED_ROWS.contains(&finding.kind);
    if let Some(unexpected) = report.findings.iter().find(|finding| !is_expected(finding)) {
        return Err(format!("the audit fails: {unexpected:?}"));
    }
    let is_named = report.findings.iter().any(|finding| finding.object.engine.as_deref() == Some(rewrite::ENGINE));
    if is_named == has_changed_rows {
        return Ok(());
    }
    Err(format!("the audit does not name `{}`: {:?}", rewrite::ENGINE, report.findings))
}

/// What the audit may find where another engine deleted or updated rows of silver.
/// Where the newest event of a partition was deleted, its rows end before the position that the log records.
const OF_CHANGED_ROWS: [Kind; 4] = [Kind::RowsRemoved, Kind::EventsUnplaced, Kind::RowDiffers, Kind::TxnDisagrees];

/// If every invocation answered, the reported rows add up: each event is reported once, by the invocation that committed it.
fn reports_are_true(world: &World, events: u64) -> Result<(), String> {
    let stats = world.stats.get();
    let complete = stats.failures + stats.gone == 0;
    if complete && stats.reported_rows != events {
        return Err(format!("{} rows are reported for {events} events", stats.reported_rows));
    }
    Ok(())
}

/// Each commit to gold that advanced it has exactly one control row, no other row claims one, and the watermark never moves back.
async fn control_has_a_row_for_every_commit_to_gold(instance: &Instance) -> Result<(), String> {
    let log = &instance.app.gold.table.log;
    let versions = log.versions_after(-1).await.map_err(|error| error.to_string())?;
    let commits = log.read_all(&versions).await.map_err(|error| error.to_string())?;
    let runs =
        commits.iter().filter(|commit| commit.txns().next().is_some()).filter_map(|commit| commit.info()?.get(RUN));
    let position = |row: &Value| (row[control::SILVER_VERSION].as_i64(), row[control::GOLD_VERSION].as_i64());
    let committed: Vec<_> = runs.map(position).collect();
    let rows = render::rows(&instance.app.gold.control.table).await;
    let mut recorded: Vec<_> = rows.iter().filter(|row| row[control::ACTIVITY] == "sessionize").collect();
    recorded.sort_by_key(|row| position(row));
    let watermarks: Vec<_> = recorded.iter().map(|row| row[control::WATERMARK].as_str()).collect();
    if !watermarks.is_sorted() {
        return Err(format!("the watermark moves back: {watermarks:?}"));
    }
    let recorded: Vec<_> = recorded.into_iter().map(position).collect();
    if recorded == committed {
        Ok(())
    } else {
        Err(format!("{}: {recorded:?}, {}: {committed:?}", control::TABLE, gold::TABLE))
    }
}
