//! That the simulation can fail: each crucial line, broken, is found within a bounded number of seeds.

use super::seeds::{self, Seeds};
use clickstream::mutants::{self, Mutant};

const VARIANTS: [Mutant; 10] = [
    Mutant::TxnNotCommitted,
    Mutant::TrimOffByOne,
    Mutant::OwnCommitNotRecognised,
    Mutant::ConflictNotReread,
    Mutant::TxnMovesBack,
    Mutant::CheckpointDropsTxn,
    Mutant::RewriteNotPlannedAgain,
    Mutant::GoldTxnIgnored,
    Mutant::ControlBeforeGold,
    Mutant::SilverFailureAcknowledged,
];

/// Seeds within which each has to be found.
const SEEDS: Seeds = Seeds { from: 0, to: 200 };

#[test]
fn simulation_finds_every_broken_variant() {
    let asked_for = std::env::var("SIMULATION_MUTANTS").unwrap_or_else(|_| "all".to_owned());
    let chosen: Vec<Mutant> =
        VARIANTS.into_iter().filter(|variant| asked_for == "all" || asked_for == format!("{variant:?}")).collect();
    assert!(!chosen.is_empty(), "SIMULATION_MUTANTS is `all` or one of {VARIANTS:?}, not `{asked_for}`");
    let seeds = Seeds::asked_for().unwrap_or(SEEDS);
    let mut not_found = Vec::new();
    for variant in chosen {
        match seeds_until_found(variant, seeds) {
            Some((tried, why)) => {
                println!("{variant:?}: found within {tried} seeds: {}", first_line(&why))
            }
            None => not_found.push(variant),
        }
    }
    assert!(not_found.is_empty(), "not found within seeds {seeds:?}: {not_found:?}");
}

fn seeds_until_found(variant: Mutant, seeds: Seeds) -> Option<(u64, String)> {
    mutants::with(Some(variant), || {
        (seeds.from..seeds.to).find_map(|seed| Some((seed - seeds.from + 1, seeds::run_caught(seed).err()?.why)))
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
