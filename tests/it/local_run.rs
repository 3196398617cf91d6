//! `clickstream local` as a user runs it, with real processes, real files and SIGKILL.

use crate::support::limit::{Deadline, STEP_LIMIT};
use crate::support::process::{clickstream, web_log};
use crate::support::render;
use clickstream::app::App;
use clickstream::clock::Clock;
use clickstream::config;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs the command until all events are processed. Returns what it printed.
fn drain(lake: &Path, arguments: &[&str]) -> Value {
    let output = local(lake, arguments).args(["--drain", "--json"]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn local(lake: &Path, arguments: &[&str]) -> Command {
    let mut command = clickstream();
    command.args(["local", "--port", "0", "--lake"]).arg(lake).args(arguments);
    command
}

async fn sessions(lake: &Path) -> Vec<Value> {
    let settings = config::app(&BTreeMap::new(), &lake.to_string_lossy()).expect("defaults are good");
    let app = App::new(settings, Clock::System).expect("a folder opens");
    render::sessions(&app.gold.table).await
}

#[tokio::test(crate = "crate::support::limit")]
async fn the_web_log_gives_its_true_totals_and_running_it_again_does_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("web-log.ndjson");
    std::fs::write(&input, web_log()).expect("written");
    let input = input.to_string_lossy().into_owned();
    let lake = folder.path().join("lake");
    let outcome = drain(&lake, &["--input", &input]);
    assert_eq!(outcome["events"], 10_000);
    assert_eq!(outcome["gold"]["events"], 9_980);
    assert_eq!(outcome["gold"]["sessions"], 3_224);
    let again = drain(&lake, &["--input", &input]);
    assert_eq!(again["delivered"]["bronze_rows"], 0);
    assert_eq!(again["gold"]["sessions"], 3_224);
    let audit = clickstream().args(["audit", "--json", "--lake"]).arg(&lake).output().expect("it starts");
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[tokio::test(crate = "crate::support::limit")]
async fn shuffled_doubled_and_split_otherwise_gold_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("plain.ndjson");
    std::fs::write(&plain, web_log()).expect("written");
    let text = web_log();
    let mut lines: Vec<&str> = text.lines().chain(text.lines().step_by(7)).collect();
    // An order that does not depend on the original one.
    lines.sort_by_key(|line| xxhash_rust::xxh3::xxh3_64(line.as_bytes()));
    let shuffled = folder.path().join("shuffled.ndjson");
    std::fs::write(&shuffled, lines.join("\n")).expect("written");
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    drain(&one, &["--partitions", "1", "--batch", "1000", "--input", &plain.to_string_lossy()]);
    drain(&other, &["--partitions", "16", "--batch", "77", "--input", &shuffled.to_string_lossy()]);
    let (one, other) = (sessions(&one).await, sessions(&other).await);
    assert_eq!(one.len(), 3_224);
    assert!(one == other, "gold differs");
}

#[tokio::test(crate = "crate::support::limit")]
async fn under_every_fault_the_host_can_make_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let faults = ["--faults", "kill=11,overlap=3,redeliver=4,duplicate=5", "--batch", "200", "--events", "6000"];
    let outcome = drain(&lake, &faults);
    assert_eq!(outcome["audit"]["holds"], true);
    let clean = folder.path().join("clean");
    drain(&clean, &["--events", "6000"]);
    assert!(sessions(&lake).await == sessions(&clean).await, "gold differs");
}

/// Kills the tool and its handler after some commits, several times, and then runs the same command to the end.
#[tokio::test(crate = "crate::support::limit")]
async fn killed_at_any_moment_the_same_command_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let arguments = ["--events", "4000", "--batch", "50", "--rate", "4000"];
    for kill_after_commits in [1, 8, 20] {
        let child = local(&lake, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        kill_once_bronze_has(child, &lake, kill_after_commits);
    }
    let outcome = drain(&lake, &["--events", "4000", "--batch", "50"]);
    assert_eq!(outcome["audit"]["holds"], true, "{}", outcome["audit"]["findings"]);
    let clean = folder.path().join("clean");
    drain(&clean, &["--events", "4000"]);
    assert!(sessions(&lake).await == sessions(&clean).await, "gold differs");
}

/// Kills the process as soon as bronze has `commits` more commits than now, unless it has ended before.
fn kill_once_bronze_has(mut child: Child, lake: &Path, commits: usize) {
    let log = lake.join("bronze/events/_delta_log");
    let count = || std::fs::read_dir(&log).map_or(0, Iterator::count);
    let before = count();
    let deadline = Deadline::after(STEP_LIMIT);
    while count() < before + commits && child.try_wait().expect("it can be asked").is_none() {
        deadline.check("commits to bronze");
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().expect("it ended");
}

#[tokio::test(crate = "crate::support::limit")]
async fn standard_input_is_a_source_too() {
    use std::io::Write;
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let mut child = local(&lake, &["--input", "-", "--drain", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let text = web_log();
    let head: Vec<&str> = text.lines().take(500).collect();
    child.stdin.take().expect("piped").write_all(head.join("\n").as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let outcome: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(
        outcome["audit"]["partitions"]
            .as_array()
            .map(|all| all.iter().map(|p| p["bronze"].as_i64().unwrap_or(0)).sum::<i64>()),
        Some(500)
    );
}
