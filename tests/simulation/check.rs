//! The invariants that hold after every schedule. They compare the tables with what was sent.

use super::instance::Instance;
use super::naive;
use super::render;
use super::tables;
use super::world::{Expected, World};
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
    every_event_is_in_its_tables_once(&expected, instance).await?;
    gold_is_the_naive_fold(&expected, instance).await?;
    reports_are_true(world, expected.len() as u64)?;
    control_has_a_row_for_every_commit_to_gold(instance).await?;
    let report = audit::audit(&instance.app).await.map_err(|error| format!("audit: {error}"))?;
    if report.holds { Ok(()) } else { Err(format!("the audit fails: {:?}", report.findings)) }
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

async fn every_event_is_in_its_tables_once(expected: &[Expected], instance: &Instance) -> Result<(), String> {
    let rows = async |spec| render::rows(&Table::at(&instance.app.lake, spec, &Workers::InPlace)).await;
    let bronze_rows = rows(bronze::schema::table()).await;
    let (silver_rows, rejects) = (rows(silver::table()).await, rows(silver_layer::quarantine::table()).await);
    let (in_bronze, in_silver, in_quarantine) =
        (by_position(&bronze_rows), by_position(&silver_rows), by_position(&rejects));
    for sent in expected {
        let position = (u64::from(sent.epoch), sent.partition.to_string(), sent.sequence);
        let products = sent.produced.event.as_ref().map_or(0, |event| event.products.len().max(1));
        let rejects = usize::from(sent.produced.event.is_none());
        let found = [&in_bronze, &in_silver, &in_quarantine].map(|table| table.get(&position).map_or(0, Vec::len));
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
    if positions != 2 * expected.len() {
        return Err(format!("{positions} positions in the tables for {} events", expected.len()));
    }
    Ok(())
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

async fn gold_is_the_naive_fold(expected: &[Expected], instance: &Instance) -> Result<(), String> {
    let events: Vec<_> = expected.iter().filter_map(|sent| sent.produced.event.clone()).collect();
    let rows = render::rows(&instance.app.gold.table).await;
    let mut stored: Vec<Value> = rows.iter().map(naive::of_row).collect();
    stored.sort_by_key(Value::to_string);
    let naive = naive::fold(&events);
    match stored.iter().zip(&naive).find(|(stored, naive)| stored != naive) {
        Some((stored, naive)) => Err(format!("gold is not the naive fold:\n  stored {stored}\n  naive  {naive}")),
        None if stored.len() != naive.len() => Err(format!("gold has {} sessions, not {}", stored.len(), naive.len())),
        None => Ok(()),
    }
}

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
