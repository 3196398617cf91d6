//! Counts again, from rows, what commits say of the quality of the data. Shares no code with the product.

use super::render;
use clickstream::event::time::Timestamp;
use clickstream::lake::log::Commit;
use clickstream::lake::table::Table;
use clickstream::{bronze, lineage, silver};
use serde_json::Value;
use std::collections::BTreeMap;

/// A counter by source and path, such as `n/h/g/0 rejected/not_json`.
type Counters = BTreeMap<String, i64>;

/// The quality objects of each commit that has new rows, in order. Another engine may move rows, and does not count them.
pub async fn of_commits(table: &Table) -> Vec<Value> {
    let versions = table.log.versions_after(-1).await.expect("the log can be listed");
    let commits = table.log.read_all(&versions).await.expect("the log can be read");
    commits.iter().filter(|commit| commit.adds().any(|add| add.data_change)).map(quality).collect()
}

fn quality(commit: &Commit) -> Value {
    commit.info().and_then(|info| info.get("quality")).cloned().unwrap_or_default()
}

/// Fails where the commits of bronze, silver and quarantine do not count the rows that these tables have.
pub async fn check(tables: [&Table; 3]) -> Result<(), String> {
    let [bronze, silver, quarantine] = tables;
    let rows = [render::rows(bronze).await, render::rows(silver).await, render::rows(quarantine).await];
    let recounted = [of_bronze(&rows[0], &rows[1]), of_silver(&rows[1]), of_quarantine(&rows[2])];
    for (table, recounted) in tables.into_iter().zip(recounted) {
        if !table.exists().await.expect("the store answers") {
            continue;
        }
        let mut counted = Counters::new();
        for object in of_commits(table).await.iter().flat_map(|objects| objects.as_array().into_iter().flatten()) {
            let source = object["source"].as_str().expect("a text");
            let counters = object.as_object().expect("an object").iter();
            let identity = ["source", "hour", "first", "last"];
            for (name, value) in counters.filter(|(name, _)| !identity.contains(&name.as_str())) {
                add_all(&format!("{source} {name}"), value, &mut counted);
            }
        }
        if let Some(difference) = difference(&counted, &recounted) {
            return Err(format!("{}: {difference}", table.spec.name));
        }
    }
    Ok(())
}

fn difference(counted: &Counters, recounted: &Counters) -> Option<String> {
    let paths = counted.keys().chain(recounted.keys());
    let mut differing = paths.filter(|path| counted.get(*path) != recounted.get(*path));
    let path = differing.next()?;
    Some(format!("{path} is {:?} in the commits and {:?} in the rows", counted.get(path), recounted.get(path)))
}

fn add_all(path: &str, value: &Value, counters: &mut Counters) {
    match value {
        // The names of members are compared by their sum: rows do not have them.
        Value::Object(members) if path.ends_with(" unknown") => {
            add(path, members.values().map(|count| count.as_i64().expect("a number")).sum(), counters);
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| add_all(&format!("{path}/{name}"), value, counters));
        }
        value => add(path, value.as_i64().expect("a number"), counters),
    }
}

/// Zeros are left out, as in commits.
fn add(path: &str, number: i64, counters: &mut Counters) {
    if number == 0 {
        return;
    }
    let counter = counters.entry(path.to_owned()).or_default();
    *counter = if path.ends_with("/max_ms") { number.max(*counter) } else { *counter + number };
}

fn of_bronze(events: &[Value], silver: &[Value]) -> Counters {
    let mut counters = Counters::new();
    for event in events {
        let source = source(event);
        let mut count = |name: &str, number| add(&format!("{source} {name}"), number, &mut counters);
        count("received", 1);
        let enqueued_at = instant(event, lineage::ENQUEUED_AT);
        add_span("lag", instant(event, lineage::INGESTED_AT) - enqueued_at, &mut count);
        if let Some(error) = event[bronze::schema::PARSE_ERROR].as_str() {
            count(&format!("rejected/{}", error.split(':').next().unwrap_or_default()), 1);
            continue;
        }
        let age = enqueued_at - instant(event, bronze::schema::EVENT_TIME);
        add_span("age", age, &mut count);
        count("ahead", i64::from(age < 0));
        count("unknown", event[bronze::schema::UNKNOWN_FIELDS].as_i64().expect("a number"));
    }
    let table = silver::schema::table();
    let optional = table.columns.fields().iter().filter(|field| field.is_nullable()).map(|field| field.name().as_str());
    let of_events: Vec<&str> =
        optional.filter(|name| !name.starts_with("product_") && *name != silver::schema::QUANTITY).collect();
    for event in silver.iter().filter(|row| row[silver::schema::PRODUCT_INDEX] == 0) {
        let source = source(event);
        add(&format!("{source} bots"), i64::from(event[silver::schema::IS_BOT] == true), &mut counters);
        for column in of_events.iter().filter(|column| event[**column].is_null()) {
            add(&format!("{source} nulls/{column}"), 1, &mut counters);
        }
    }
    counters
}

fn of_silver(rows: &[Value]) -> Counters {
    let mut counters = Counters::new();
    for row in rows {
        let source = source(row);
        add(&format!("{source} rows"), 1, &mut counters);
        add(&format!("{source} events"), i64::from(row[silver::schema::PRODUCT_INDEX] == 0), &mut counters);
    }
    counters
}

fn of_quarantine(rows: &[Value]) -> Counters {
    let mut counters = Counters::new();
    for row in rows {
        let reason = row[silver::quarantine::REASON].as_str().expect("a text");
        add(&format!("{} rejected/{reason}", source(row)), 1, &mut counters);
    }
    counters
}

fn source(row: &Value) -> String {
    let parts = [lineage::NAMESPACE, lineage::EVENT_HUB, lineage::CONSUMER_GROUP, lineage::PARTITION_ID];
    let source = parts.map(|part| row[part].as_str().expect("a text")).join("/");
    match row[lineage::SOURCE_EPOCH].as_i64().expect("a number") {
        0 => source,
        epoch => format!("{source}@{epoch}"),
    }
}

/// Microseconds since the epoch.
fn instant(row: &Value, column: &str) -> i64 {
    Timestamp::parse(row[column].as_str().expect("a text")).expect("an instant").0
}

fn add_span(name: &str, micros: i64, count: &mut impl FnMut(&str, i64)) {
    let ms = (micros / 1_000).max(0);
    let bounds = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
    let bucket = bounds.take_while(|bound| *bound < ms).count();
    count(&format!("{name}/sum_ms"), ms);
    count(&format!("{name}/max_ms"), ms);
    count(&format!("{name}/buckets/{bucket}"), 1);
}
