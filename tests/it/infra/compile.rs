//! Checks that need the compiler.

use super::bicep::Compiler;
use super::specimen::{PARAMETER_SETS, committed_snapshot};
use crate::support::limit::Watchdog;
use std::path::{Path, PathBuf};

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("infra")
}

/// All Bicep and parameter files.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["", "modules", "snapshots"] {
        for entry in std::fs::read_dir(infra().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "bicep" || ending == "bicepparam") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 15, "{} files", files.len());
    files
}

/// The compiler only warns of unknown properties, missing ones, and API versions that do not exist. So any diagnostic fails.
#[test]
fn every_file_compiles_without_a_diagnostic_and_is_formatted() {
    let _limit = Watchdog::of_this_test();
    let Some(mut compiler) = Compiler::start() else { return };
    let mut problems = Vec::new();
    for path in files() {
        problems.extend(compiler.diagnostics(&path));
        if compiler.formatted(&path) != std::fs::read_to_string(&path).expect("text") {
            problems.push(format!("{}: not formatted, run `bicep format`", path.display()));
        }
    }
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Compares as `bicep snapshot --mode Validate` does, in one process. Also, a user who sets only a name and a region gets
/// what the default snapshot shows.
#[test]
fn the_committed_snapshots_are_what_the_files_expand_to() {
    let _limit = Watchdog::of_this_test();
    let Some(mut compiler) = Compiler::start() else { return };
    for name in PARAMETER_SETS {
        let expanded = compiler.expand(&infra().join(format!("snapshots/{name}.bicepparam")));
        let is_current = expanded == Some(committed_snapshot(name));
        assert!(is_current, "snapshot `{name}` is not current; run infra/scripts/snapshots.sh and read the difference");
    }
    let expanded = compiler.expand(&infra().join("main.bicepparam"));
    assert!(expanded == Some(committed_snapshot("default")), "main.bicepparam has other defaults than main.bicep");
    let folder = std::fs::read_dir(infra().join("snapshots")).expect("a folder");
    assert_eq!(folder.count(), 2 * PARAMETER_SETS.len(), "files in infra/snapshots");
}

/// Variables alone make `main.bicepparam` expand to what `vnet.bicepparam` gives, so nobody has to edit a file.
#[test]
fn variables_switch_everything_on() {
    let _limit = Watchdog::of_this_test();
    let variables = [
        ("AZURE_ENV_NAME", "example"),
        ("AZURE_LOCATION", "westeurope"),
        ("VNET_ENABLED", "true"),
        ("ZONE_REDUNDANT", "true"),
        ("LAKE_REDUNDANCY", "Standard_ZRS"),
        ("ALWAYS_READY_INGEST", "1"),
        ("DEVELOPER_PRINCIPAL_ID", "00000000-0000-0000-0000-00000000de57"),
        ("PRODUCER_PRINCIPAL_IDS", "00000000-0000-0000-0000-0000000000c1"),
        ("FUNCTION_SETTINGS", r#"{"SITE_DOMAIN": "shop.example", "SESSION_TIMEOUT": "20m"}"#),
        ("ALERT_EMAIL", "operator@shop.example"),
        ("BUDGET_AMOUNT", "100"),
        ("BUDGET_START_DATE", "2026-11-01"),
        ("GITHUB_REPOSITORY_TO_TRUST", "shop/clickstream"),
    ];
    let Some(mut compiler) = Compiler::start_with(&variables) else { return };
    let expanded = compiler.expand(&infra().join("main.bicepparam"));
    assert!(expanded == Some(committed_snapshot("vnet")), "the variables do not give what vnet.bicepparam gives");
}
