//! Measures what the design promises about cost, each promise as a ratio or a bound, in one run on this machine:
//!
//! ```text
//! cargo bench --bench costs
//! ```
//!
//! No number makes it fail, because a busy machine must not break a build. Read the numbers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::too_many_lines, reason = "a measurement that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "a measurement is in real time")]

mod support;

use bytes::Bytes;
use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::columns::{Column, TableSpec};
use clickstream::event::parse::{EventMap, ParseSettings, parse};
use clickstream::event::time::Timestamp;
use clickstream::functions;
use clickstream::lake::append::{Append, Appender, SourcePosition};
use clickstream::lake::file::NewFile;
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use clickstream::lineage::Stamp;
use clickstream::silver::quarantine;
use clickstream::{bronze, config, silver, wire};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use support::{Build, watch};

/// 2026-01-15T12:00:00Z.
const NOON: Timestamp = Timestamp(1_768_478_400_000_000);

fn main() {
    // First of all, because later nothing of it is new to the process.
    the_first_user_agents();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(append_to_a_small_and_a_large_table());
    runtime.block_on(an_invocation_and_its_parts());
    an_event_with_and_without_a_map();
    audit_of_ten_thousand_files(&runtime);
    from_exec_to_the_first_answer();
    memory_under_many_partitions();
    println!("size of `handler`: {:.1} MB (at most 40)", Build::own().handler_bytes() as f64 / 1e6);
}

/// What a new process spends on user agents: on the first one, and on the hundred commonest ones together.
fn the_first_user_agents() {
    let browsers = include_str!("../src/event/browser/tests/common_browsers.txt");
    let events: Vec<Vec<u8>> = browsers.lines().map(event_of_user_agent).collect();
    // Whatever else is new to the process is no part of it.
    parse(&event(0), NOON, &ParseSettings::default()).expect("an event");
    let started = Instant::now();
    let times = events.iter().map(|event| {
        parse(event, NOON, &ParseSettings::default()).expect("an event");
        started.elapsed()
    });
    let times: Vec<Duration> = times.collect();
    println!(
        "user agents in a new process: {:?} for the first, {:?} for the hundred (at most 10 ms)",
        times[0], times[99]
    );
}

fn event_of_user_agent(user_agent: &str) -> Vec<u8> {
    json!({
        "user_id": "u", "session_id": "s", "timestamp": NOON.to_string(), "event_type": "page_view",
        "user_agent": user_agent,
    })
    .to_string()
    .into_bytes()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The time of an append must not depend on how many files the table has.
async fn append_to_a_small_and_a_large_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy(), &BTreeMap::new()).expect("a lake");
    let (small, large) = (numbers_table(&lake, "small"), numbers_table(&lake, "large"));
    fill(&small, 10).await;
    fill(&large, 10_000).await;
    // The last checkpoint: no other runs while we measure.
    large.checkpoint(10_000).await.expect("a checkpoint");
    // In turns, so that both tables see the machine in the same state.
    let (small, large) = (Appender::new(small), Appender::new(large));
    let (mut small_times, mut large_times) = (Vec::new(), Vec::new());
    for number in 0..101 {
        small_times.push(append_100(&small, 1_000_000 + number).await);
        large_times.push(append_100(&large, 1_000_000 + number).await);
    }
    let (small, large) = (median(small_times), median(large_times));
    println!(
        "append of 100 rows: {small:?} to a table of 10 files, {large:?} to a table of 10,000: ratio {:.2} (at most 1.2)",
        large.as_secs_f64() / small.as_secs_f64()
    );
}

fn numbers_table(lake: &Lake, name: &'static str) -> Table {
    let spec = TableSpec::of(name, &columns());
    Table::at(lake, spec, &Workers::new(2))
}

async fn fill(table: &Table, files: i64) {
    let appender = Appender::new(table.clone());
    for number in 0..files {
        append_100(&appender, number).await;
    }
}

fn columns() -> Vec<Column<i64>> {
    vec![Column::long("number", "A number.", |number| Some(*number)).required().with_statistics()]
}

async fn append_100(appender: &Appender, batch: i64) -> Duration {
    let numbers: Vec<i64> = (batch * 100..(batch + 1) * 100).collect();
    let columns = columns();
    let rows = TableSpec::of("any", &columns).record_batch(&columns, &numbers).expect("one column");
    let positions = numbers.iter().map(|&sequence| SourcePosition { sequence, enqueued_ms: 0 }).collect();
    let append =
        Append { app_id: "bench".into(), partition: None, rows, positions, now_ms: 0, note: None, details: None };
    let started = Instant::now();
    appender.append(append).await.expect("in");
    started.elapsed()
}

/// An event like those of the synthetic shop.
fn event(number: i64) -> Vec<u8> {
    json!({
        "user_id": format!("user_{:08x}", number % 977), "session_id": format!("session_{:012x}", number % 977),
        "timestamp": Timestamp(NOON.0 - 60_000_000 + number).to_string(), "event_type": "add_to_cart",
        "page_url": "/products/LAPTOP-XPS15-2024", "product_id": ["LAPTOP-XPS15-2024"], "product_name": ["Dell XPS 15"],
        "product_brand": ["Dell"], "product_price": [1899.99], "category": "Laptops", "browser": "Chrome",
        "os": "Windows", "device_type": "desktop", "referral_source": "google", "geo_country": "PL",
        "geo_city": "Warsaw", "ip_address": "203.0.113.7", "is_new_user": false, "cart_size": 1,
    })
    .to_string()
    .into_bytes()
}

fn envelope(partition: usize, first: i64, events: i64) -> Bytes {
    support::envelope(partition, first, "2026-01-15T12:00:00.000", (first..first + events).map(event))
}

/// Compares a whole invocation with its unavoidable part: decoding the envelope and encoding bronze and silver.
async fn an_invocation_and_its_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = config::app(&BTreeMap::new(), &folder.path().to_string_lossy()).expect("defaults are good");
    let app = App::new(settings, Clock::manual(NOON)).expect("a folder opens");
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for number in 0..101 {
        let body = envelope(0, number * 1_000, 1_000);
        let started = Instant::now();
        functions::ingest(app.clone(), body.clone()).await.expect("the batch is ingested");
        whole.push(started.elapsed());
        let started = Instant::now();
        decode_and_encode(body);
        parts.push(started.elapsed());
    }
    let (whole, parts) = (median(whole), median(parts));
    println!(
        "invocation of 1,000 events: {whole:?}; decoding and both encodings alone: {parts:?}: ratio {:.2} (at most 2)",
        whole.as_secs_f64() / parts.as_secs_f64()
    );
    println!("events per second and core, at most: {:.0}", 1_000.0 / parts.as_secs_f64());
}

fn decode_and_encode(body: Bytes) {
    let settings = ParseSettings::default();
    let stamp = Stamp { ingested_at: NOON, source_epoch: 0 };
    let batch = wire::decode_events(body, "events").expect("an envelope");
    let parsed: Vec<_> = batch.events.iter().map(|event| parse(&event.body, event.enqueued_at, &settings)).collect();
    let bronze_rows = bronze::rows(&batch, &parsed, stamp).expect("rows");
    let silver_rows = silver::rows(&batch, &parsed, stamp).expect("rows");
    quarantine::rows(&batch, &parsed, stamp).expect("rows");
    let date = Some("2026-01-15");
    NewFile::encode(&bronze::schema::table(), date, &[bronze_rows.rows]).expect("a file");
    NewFile::encode(&silver::schema::table(), date, &[silver_rows.rows]).expect("a file");
}

/// A map that renames every field must cost little. In turns, so that both see the machine in the same state.
fn an_event_with_and_without_a_map() {
    let plain: Vec<Vec<u8>> = (0..1_000).map(event).collect();
    let names: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&plain[0]).expect("an object");
    let renamed = |body: &[u8]| {
        let members: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).expect("an object");
        let members = members.into_iter().map(|(name, value)| (format!("x{}", &name[1..]), value));
        json!(members.collect::<BTreeMap<_, _>>()).to_string().into_bytes()
    };
    let in_order = |body: &[u8]| {
        let members: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).expect("an object");
        json!(members).to_string().into_bytes()
    };
    let (mapped, plain): (Vec<_>, Vec<_>) = plain.iter().map(|body| (renamed(body), in_order(body))).unzip();
    let paths: BTreeMap<&str, String> = names.keys().map(|name| (name.as_str(), format!("/x{}", &name[1..]))).collect();
    let map = EventMap::read_fields(&json!(paths).to_string()).expect("a map");
    let (without, with) = (ParseSettings::default(), ParseSettings { map, ..ParseSettings::default() });
    let time = |bodies: &[Vec<u8>], settings: &ParseSettings| {
        let encoded: Vec<String> = bodies.iter().map(|body| base64_simd::STANDARD.encode_to_string(body)).collect();
        let started = Instant::now();
        for body in &encoded {
            let body = base64_simd::STANDARD.decode_to_vec(body).expect("base64");
            std::hint::black_box(parse(&body, NOON, settings)).expect("an event");
        }
        started.elapsed()
    };
    let (mut plain_times, mut mapped_times) = (Vec::new(), Vec::new());
    for _ in 0..201 {
        plain_times.push(time(&plain, &without));
        mapped_times.push(time(&mapped, &with));
    }
    let (plain, mapped) = (median(plain_times), median(mapped_times));
    println!(
        "decode and parse of 1,000 plain events: {plain:?}; with a map that renames every field: {mapped:?}: ratio \
         {:.2} (at most 1.15)",
        mapped.as_secs_f64() / plain.as_secs_f64()
    );
}

fn from_exec_to_the_first_answer() {
    let times = (0..21).map(|_| {
        let lake = tempfile::tempdir().expect("a folder");
        let started = Instant::now();
        let handler = Build::own().start_handler(lake.path());
        let mut stream = handler.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").expect("sent");
        stream.read_to_string(&mut String::new()).expect("an answer");
        started.elapsed()
    });
    println!("exec to the answer to GET /: {:?} (below 20 ms)", median(times.collect()));
}

/// Measures both depths of the command. Batches are small, so that there are many files.
fn audit_of_ten_thousand_files(runtime: &tokio::runtime::Runtime) {
    const BATCHES: i64 = 5_000;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = config::app(&BTreeMap::new(), &folder.path().to_string_lossy()).expect("defaults are good");
    let app = App::new(settings, Clock::manual(NOON)).expect("a folder opens");
    runtime.block_on(async {
        for batch in 0..BATCHES {
            functions::ingest(app.clone(), envelope((batch % 32) as usize, batch / 32 * 100, 100))
                .await
                .expect("the batch is ingested");
        }
        while app.gold.sessionize().await.expect("sessionize works").run.is_some() {}
    });
    for depth in [&["--files-only"][..], &[]] {
        let started = Instant::now();
        let mut command = Build::own().clickstream();
        let (cost, _) = watch(command.args(["audit", "--lake"]).arg(folder.path()).args(depth));
        let (files, events) = (BATCHES * 2, BATCHES * 100);
        println!("audit {depth:?} of {files} files, {events} events: {:?}, {:.0} MB", started.elapsed(), cost.peak_mb);
    }
}

fn memory_under_many_partitions() {
    let lake = tempfile::tempdir().expect("a folder");
    let handler = Build::own().start_handler(lake.path());
    std::thread::scope(|scope| {
        for partition in 0..32 {
            let handler = &handler;
            scope.spawn(move || {
                for batch in 0..20 {
                    handler.ingest(&envelope(partition, batch * 1_000, 1_000));
                }
            });
        }
    });
    println!("peak memory under 32 partitions of 1,000-event batches: {:.0} MB (below 256)", handler.cost().peak_mb);
}
