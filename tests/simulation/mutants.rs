//! Proves that the simulation can fail: it finds every mutant within a bounded number of seeds.

use super::seeds::{self, Seeds};
use clickstream::mutants::{self, Mutant};

const MUTANTS: [Mutant; 15] = [
    Mutant::TxnNotCommitted,
    Mutant::DedupOffByOne,
    Mutant::OwnCommitNotRecognised,
    Mutant::ConflictNotReread,
    Mutant::TxnMovesBack,
    Mutant::DetailsOfWholeAppend,
    Mutant::CheckpointDropsTxn,
    Mutant::RewriteNotPlannedAgain,
    Mutant::GoldTxnIgnored,
    Mutant::ControlBeforeGold,
    Mutant::SilverFailureAcknowledged,
    Mutant::FirstComeWins,
    Mutant::RowsByAdjacency,
    Mutant::TruncationByArrival,
    Mutant::RemovedRowsIgnored,
];

/// The seeds within which each mutant must be found. `SIMULATION_SEEDS` does not change them: a seed that is replayed on a
/// healthy tree finds no mutant.
const SEARCHED: Seeds = Seeds { from: 0, to: 200 };

#[test]
fn simulation_finds_every_mutant() {
    let asked_for = seeds::setting("SIMULATION_MUTANTS").unwrap_or_else(|| "all".to_owned());
    let chosen: Vec<Mutant> =
        MUTANTS.into_iter().filter(|mutant| asked_for == "all" || asked_for == format!("{mutant:?}")).collect();
    assert!(!chosen.is_empty(), "SIMULATION_MUTANTS is `all` or one of {MUTANTS:?}, not `{asked_for}`");
    let mut not_found = Vec::new();
    for mutant in chosen {
        match seeds_until_found(mutant) {
            Some((tried, why)) => println!("{mutant:?}: found within {tried} seeds: {}", first_line(&why)),
            None => not_found.push(mutant),
        }
    }
    assert!(not_found.is_empty(), "not found within seeds {SEARCHED:?}: {not_found:?}");
}

/// The number of seeds that were tried, and why the last one failed.
fn seeds_until_found(mutant: Mutant) -> Option<(u64, String)> {
    mutants::with(Some(mutant), || {
        (SEARCHED.from..SEARCHED.to)
            .find_map(|seed| Some((seed - SEARCHED.from + 1, seeds::run_caught(seed).err()?.why)))
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
