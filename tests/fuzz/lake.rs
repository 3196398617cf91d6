//! Targets that read the lake back, whose files anybody may have changed, and the way of a batch into the lake.

use super::machine::network::ENQUEUED_AT;
use super::machine::{Shape, Target};
use bytes::Bytes;
use clickstream::event::Parsed;
use clickstream::event::parse::{ParseSettings, parse};
use clickstream::event::received::ReceivedBatch;
use clickstream::event::time::{Span, Timestamp};
use clickstream::gold::control::{RUN, Run};
use clickstream::gold::read_events::EventReader;
use clickstream::gold::rows::{self, RowsByDate};
use clickstream::gold::schema::Stamp as Written;
use clickstream::gold::session::Session;
use clickstream::gold::session_event::SessionKey;
use clickstream::gold::{Windowing, layout, merge, schema, state};
use clickstream::lake::file::Statistics;
use clickstream::lake::log::{Action, Add, Commit, Log};
use clickstream::lake::snapshot::{Replay, Snapshot};
use clickstream::lake::store::Lake;
use clickstream::lake::table::Table;
use clickstream::lake::workers::Workers;
use clickstream::lineage::Stamp;
use clickstream::silver::quarantine;
use clickstream::{bronze, silver, wire};
use futures::executor::block_on;
use object_store::{ObjectStoreExt, PutPayload};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub const TARGETS: [Target; 6] = [
    Target { name: "ingest", run: ingest, shape: Shape::Json, max_bytes: 32 << 10, share: 100 },
    Target { name: "commit", run: commit, shape: Shape::Json, max_bytes: 32 << 10, share: 250 },
    Target { name: "table", run: table, shape: Shape::Json, max_bytes: 32 << 10, share: 100 },
    Target { name: "checkpoint", run: checkpoint, shape: Shape::Json, max_bytes: 1 << 10, share: 150 },
    Target { name: "run", run, shape: Shape::Json, max_bytes: 4 << 10, share: 250 },
    Target { name: "state", run: state, shape: Shape::Text, max_bytes: 16 << 10, share: 150 },
];

const TIMEOUT: Span = Span::from_minutes(30);
const WINDOWING: Windowing = Windowing { timeout: TIMEOUT, max_events: 1_000 };
const WRITTEN: Written = Written { last_updated: ENQUEUED_AT, final_before: ENQUEUED_AT };
/// Of fixed size, in one row of silver: numbers, instants, and where texts begin.
const ROW_BYTES: usize = 1_024;

/// An envelope becomes rows, as many as there are events, and these become sessions that read back as written.
fn ingest(input: &[u8]) {
    let Ok(batch) = wire::decode_events(Bytes::copy_from_slice(input), "events") else { return };
    let settings = ParseSettings { max_event_age: None, ..ParseSettings::default() };
    let parsed: Vec<Parsed> =
        batch.events.iter().map(|event| parse(&event.body, event.enqueued_at, &settings)).collect();
    let stamp = Stamp { ingested_at: ENQUEUED_AT, source_epoch: 0 };
    let bronze = bronze::rows(&batch, &parsed, stamp).expect("a batch fits bronze");
    assert_eq!(bronze.rows.num_rows(), batch.events.len(), "bronze has every event");
    let rejected = quarantine::rows(&batch, &parsed, stamp).expect("a batch fits quarantine").rows;
    assert_eq!(rejected.num_rows(), parsed.iter().filter(|parsed| parsed.is_err()).count());
    let good = silver::rows(&batch, &parsed, stamp).expect("a batch fits silver").rows;
    let max = max_silver_bytes(&batch, &parsed, &settings);
    let bytes = good.get_array_memory_size();
    assert!(bytes <= max, "{bytes} bytes of silver from {}, at most {max}", input.len());
    let mut reader = EventReader::default();
    reader.read(&good).expect("silver reads its own rows");
    let events = reader.into_complete();
    assert_eq!(events.len() + rejected.num_rows(), batch.events.len(), "each event is in exactly one of the two");
    let sessions = merge::merge(&[], events, &WINDOWING).expect("nothing is stored").changed;
    sessions.iter().for_each(|(_, session)| reads_back(session));
    rows::add_rows(sessions, WRITTEN, &mut RowsByDate::new()).expect("sessions fit gold");
}

/// What the limits of a single event allow for all of them. Columns grow by doubling, and are not small when empty.
fn max_silver_bytes(batch: &ReceivedBatch, parsed: &[Parsed], settings: &ParseSettings) -> usize {
    let source = batch.source.to_string().len();
    let of_one = |(event, parsed): (&clickstream::event::received::ReceivedEvent, &Parsed)| {
        let rows = parsed.as_ref().map_or(0, |click| click.products.len().max(1));
        let texts = if rows > 1 { settings.limits.max_rows_bytes } else { 4 * event.body.len() + 1_024 };
        texts + rows * (ROW_BYTES + source + event.offset.len())
    };
    64 * ROW_BYTES + 2 * batch.events.iter().zip(parsed).map(of_one).sum::<usize>()
}

fn reads_back(session: &Session) {
    let bytes = state::write(session);
    assert_eq!(
        &state::read(&bytes).expect("gold reads its own state"),
        session,
        "a session reads back as it was written"
    );
}

/// A commit that can be read can be written, and reads the same again; nothing it says can break a reader.
fn commit(input: &[u8]) {
    let Ok(commit) = Commit::parse(1, input) else { return };
    let text = commit.to_text().expect("what was read can be written");
    let again = Commit::parse(1, &text).expect("what was written can be read");
    assert_eq!(actions(&again), actions(&commit), "a commit reads again as it was");
    let run: Option<Run> = commit.info().and_then(|info| serde_json::from_value(info.get(RUN)?.clone()).ok());
    let watermark = run.and_then(|run| run.watermark).unwrap_or(ENQUEUED_AT);
    for replay in [Replay::Txns, Replay::TxnsAndFiles] {
        let mut snapshot = Snapshot::default();
        snapshot.apply(&commit, replay);
        assert!(snapshot.files.len() <= commit.adds().count() && snapshot.txns.len() <= commit.txns().count());
        plan_with(snapshot.files.values(), watermark);
    }
}

/// Without `commitInfo`, which is for people: a number of more digits than a float has may change its last one there.
fn actions(commit: &Commit) -> Vec<Value> {
    let without = |line: &Action| Action { commit_info: None, ..line.clone() };
    commit.actions.iter().map(|line| serde_json::to_value(without(line)).expect("a line is JSON")).collect()
}

/// What gold's next activation asks of its files.
fn plan_with<'a>(files: impl Iterator<Item = &'a Add> + Clone, watermark: Timestamp) {
    let times =
        [Timestamp(i64::MIN), Timestamp::EARLIEST, Timestamp(0), ENQUEUED_AT, Timestamp::LATEST, Timestamp(i64::MAX)];
    assert!(layout::candidate_files(files.clone(), &times, TIMEOUT).len() <= files.clone().count());
    for add in files {
        let known = Statistics::of(add);
        for column in [schema::SESSION_START_TIME, schema::SESSION_END_TIME] {
            // A range that is the wrong way round is the writer's word, and harmless.
            let _ = known.instants(column);
        }
        let due = [watermark, Timestamp(i64::MIN), Timestamp(i64::MAX)]
            .map(|at| layout::is_due_for_finality(add, at, TIMEOUT));
        assert!(due[2] >= due[1], "what is due at the beginning of time is due at its end");
        let _ = layout::partition(add);
    }
}

/// Version 0 of gold, as it is created.
static FIRST_COMMIT: LazyLock<Bytes> = LazyLock::new(|| {
    let table = gold_table();
    block_on(table.create_if_missing(0)).expect("created");
    block_on(async { table.store.get(&Log::path(0)).await?.bytes().await }).expect("version 0")
});

fn gold_table() -> Table {
    let lake = Lake::open("memory:///lake", &BTreeMap::new()).expect("a lake in memory needs nothing");
    Table::at(&lake, schema::table(), &Workers::InPlace)
}

fn put(table: &Table, path: &str, bytes: Bytes) {
    block_on(table.store.put(&path.into(), PutPayload::from(bytes))).expect("memory takes everything");
}

/// Opening and walking a table whose second commit is `input`: a table or an error, and the same version by both.
fn table(input: &[u8]) {
    let table = gold_table();
    put(&table, Log::path(0).as_ref(), FIRST_COMMIT.clone());
    put(&table, Log::path(1).as_ref(), Bytes::copy_from_slice(input));
    let opened = block_on(table.snapshot(Replay::TxnsAndFiles));
    let walked = block_on(table.scan_log(Some(1), |_| ()));
    if let (Ok(opened), Ok(Some(walked))) = (&opened, &walked) {
        assert_eq!(opened.version, walked.head.version, "both read the log to its end");
        assert_eq!(opened.txns, walked.head.txns);
        assert!(opened.files.keys().eq(walked.head.files.keys()), "both know the same files");
    }
    if let Err(error) = opened {
        assert!(error.to_string().len() <= 4 * input.len() + 4_096, "an error of bounded length");
    }
}

/// Opening a table whose hint at a checkpoint is `input`.
fn checkpoint(input: &[u8]) {
    let table = gold_table();
    put(&table, Log::path(0).as_ref(), FIRST_COMMIT.clone());
    put(&table, "_delta_log/_last_checkpoint", Bytes::copy_from_slice(input));
    assert!(block_on(table.snapshot(Replay::Txns)).is_err(), "there is no checkpoint to hint at");
    let walked = block_on(table.scan_log(None, |_| ())).expect("a walk believes no hint");
    assert!(walked.is_some_and(|walk| !walk.anomalies.is_empty()), "a walk finds the hint wrong");
}

/// The control row that a commit to gold carries.
fn run(input: &[u8]) {
    let Ok(run) = serde_json::from_slice::<Run>(input) else { return };
    let text = serde_json::to_vec(&run).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<Run>(&text).expect("what was written can be read"), run);
    for at in [Some(run.finished_at), run.watermark, run.watermark_before].into_iter().flatten() {
        assert!(!at.to_string().is_empty() && !at.date().to_string().is_empty());
        let _ = at.millis();
    }
}

/// A session whose stored state is `input`: it is summed up, united with itself, written and read.
fn state(input: &[u8]) {
    let Ok(mut session) = state::read(input) else { return };
    reads_back(&session);
    let key = SessionKey::new("u", "s").expect("neither is blank");
    rows::add_rows(vec![(key, session.clone())], WRITTEN, &mut RowsByDate::new()).expect("a session fits gold");
    let before = session.events.len();
    session.unite(session.clone(), WINDOWING.max_events);
    assert!(session.events.len() <= before, "a session has each of its events once");
    reads_back(&session);
}
