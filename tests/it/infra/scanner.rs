//! A checker that we did not write: checkov, run on the expanded deployments.
//!
//! Its Bicep parser silently gives up on half of our files (imports, lambdas, spreads). So it gets the expansion as a
//! template: it reads every resource there, with every value resolved.

use super::specimen::{PARAMETER_SETS, committed_snapshot};
use crate::support::limit::Watchdog;
use crate::support::python;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// With fewer checks, checkov did not read everything.
const FEWEST_CHECKS: u64 = 30;

/// Check and reason, from `infra/checkov.yaml`.
fn skipped() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/checkov.yaml");
    let text = std::fs::read_to_string(path).expect("the skips are there");
    serde_yaml_ng::from_str(&text).expect("a reason for each check")
}

#[test]
fn the_scanner_finds_nothing_that_has_no_reason() {
    let _limit = Watchdog::of_this_test();
    let folder = tempfile::tempdir().expect("a folder");
    for name in PARAMETER_SETS {
        let template = json!({
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": committed_snapshot(name)["predictedResources"],
        });
        std::fs::write(folder.path().join(format!("{name}.json")), template.to_string()).expect("written");
    }
    let scanner = python::environment("checkov", "infra/checkov-requirements.txt");
    let output = Command::new(scanner.with_file_name("checkov"))
        .args(["--framework", "arm", "--skip-download", "--output", "json", "--quiet", "--compact", "--directory"])
        .arg(folder.path())
        .output()
        .expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let summary = &report["summary"];
    assert_eq!(summary["parsing_errors"], 0, "{summary}");
    let count = |outcome: &str| summary[outcome].as_u64().unwrap_or_default();
    assert!(count("passed") + count("failed") > FEWEST_CHECKS * PARAMETER_SETS.len() as u64, "{summary}");
    let failed = report["results"]["failed_checks"].as_array().expect("a list");
    let skipped = skipped();
    let unexplained: BTreeSet<String> = failed
        .iter()
        .filter(|check| !skipped.contains_key(check["check_id"].as_str().unwrap_or_default()))
        .map(|check| format!("{} {}: {}", check["check_id"], check["resource"], check["check_name"]))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let needed: BTreeSet<&str> = failed.iter().filter_map(|check| check["check_id"].as_str()).collect();
    let idle: Vec<&String> = skipped.keys().filter(|id| !needed.contains(id.as_str())).collect();
    assert!(idle.is_empty(), "skipped, but not needed: {idle:?}");
}
