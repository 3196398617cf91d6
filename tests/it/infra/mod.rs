//! The gate before a deployment, offline: the files compile without a diagnostic, what they expand to keeps the policy,
//! it agrees with the code, and for each seeded defect there is a check that finds it.
//!
//! Policy and agreement look at the committed expansions (`infra/snapshots/`) and need nothing. What needs the Bicep
//! compiler says so when there is none, and fails instead where `REQUIRE_BICEP` is set.

mod agreement;
mod azure_yaml;
mod bicep;
mod compile;
mod deploy_script;
mod logged;
mod mutants;
mod policy;
mod scanner;
mod snapshot;
mod specimen;

use specimen::Specimen;

/// Finds what is wrong with a deployment, a sentence each.
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
