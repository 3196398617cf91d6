//! Runs the targets that read input from the network. The first argument is the number of inputs, the second the seed.
//!
//! Fails at a panic, at a hang, and when memory grows by more than any target needs.

use clickstream_fuzz::machine::campaign::{self, Plan};
use clickstream_fuzz::machine::network::TARGETS;
use std::path::Path;
use std::process::ExitCode;

/// Covers the tables for user agents, the cache of recognised ones, and large inputs.
const MAX_GROWTH_BYTES: u64 = 256 << 20;

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).map_while(|text| text.parse().ok()).collect();
    let (Some(&inputs), seed) = (numbers.first(), numbers.get(1).copied().unwrap_or(1)) else {
        eprintln!("usage: many INPUTS [SEED]");
        return ExitCode::FAILURE;
    };
    // The campaign reports a failure once, with its input. The panic message would be a second report.
    std::panic::set_hook(Box::new(|_| ()));
    let Some(repository) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else { return ExitCode::FAILURE };
    for target in TARGETS {
        let plan = Plan {
            corpus: repository.join("tests/fuzz/corpus"),
            failures: repository.join("target/fuzz"),
            inputs: inputs / 1_000 * target.share,
            seed,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
        };
        match campaign::run(&target, &plan) {
            Ok(report) if report.memory_growth_bytes <= MAX_GROWTH_BYTES => println!("{}: {report}", target.name),
            Ok(report) => {
                eprintln!("{}: memory grew too much: {report}", target.name);
                return ExitCode::FAILURE;
            }
            Err(failure) => {
                eprintln!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
