//! Bytes that others wrote, changed in every way: no panic, no hang, no memory without bound.
//!
//! A few inputs each time; `FUZZ_INPUTS` of them in all, from seed `FUZZ_SEED`, where that is set.

#[path = "../fuzz/lake.rs"]
mod lake;
#[path = "../fuzz/mod.rs"]
mod machine;

use crate::support::limit::Watchdog;
use machine::campaign::{self, Plan};
use machine::{Target, network};
use std::path::Path;

/// Seconds in a build that is not optimised.
const INPUTS: u64 = 20_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("`{name}` must be a number, it is `{text}`")))
}

fn run(targets: &[Target]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in targets {
        let plan = Plan {
            corpus: root.join("tests/fuzz/corpus"),
            failures: root.join("target/fuzz"),
            inputs: setting("FUZZ_INPUTS").unwrap_or(INPUTS) * target.share / 1_000,
            seed: setting("FUZZ_SEED").unwrap_or(1),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let report = campaign::run(target, &plan).unwrap_or_else(|failure| panic!("{failure}"));
        println!("fuzz {}: {report}", target.name);
    }
}

#[test]
fn what_the_network_sends() {
    let _limit = Watchdog::of_this_test();
    run(&network::TARGETS);
}

#[test]
fn what_the_lake_says() {
    let _limit = Watchdog::of_this_test();
    run(&lake::TARGETS);
}
