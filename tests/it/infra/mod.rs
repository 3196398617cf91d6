//! The gate before a deployment, offline: the files compile without a diagnostic, their expansion keeps the policy and
//! agrees with the code, and each seeded defect is found by a check.
//!
//! Policy and agreement read the committed expansions (`infra/snapshots/`) and need no compiler. Tests that need the Bicep
//! compiler print that they did not run when it is missing; if `REQUIRE_BICEP` is set, they fail.

mod agreement;
mod azure_yaml;
mod bicep;
mod compile;
mod deploy_script;
mod mutants;
mod policy;
mod scanner;
mod specimen;

use specimen::Specimen;

/// Finds the problems of a deployment, one sentence for each.
type Check = fn(&Specimen) -> Vec<String>;

/// Every check that needs no compiler, by name.
fn checks() -> Vec<(&'static str, Check)> {
    [policy::CHECKS, agreement::CHECKS, azure_yaml::CHECKS].concat()
}

#[test]
fn the_committed_deployment_passes_every_check() {
    let specimen = Specimen::committed();
    let mut failures = Vec::new();
    for (name, check) in checks() {
        failures.extend(check(&specimen).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
