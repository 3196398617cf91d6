//! `clickstream`: what a person types.

#![expect(
    clippy::disallowed_methods,
    reason = "a person's tool reads the environment of that person and measures in real time"
)]

mod audit;
mod cost;
mod generate;
mod lake;
mod local;
mod package;
mod publish;
mod rebuild;
mod source;
mod table;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A serverless real-time clickstream lakehouse: run it, look at it, check it.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine: event source, Functions host, functions
    Local(local::Arguments),
    /// Write the events of an invented shop, one JSON object a line, or publish them to an event hub
    Generate(publish::Arguments),
    /// Prove from the tables that nothing was lost and nothing doubled
    Audit(audit::Arguments),
    /// Recompute gold from silver and replace what differs
    Rebuild(rebuild::Arguments),
    /// Stage the folder that `func start` runs and that is deployed
    Package(package::Arguments),
    /// What a workload costs on Azure in a month, at list prices
    Cost(cost::Arguments),
}

/// How a command ended that did what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// It looked, and something is wrong.
    Fails,
}

/// A failure, for the person at the terminal.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Local(arguments) => local::run(arguments),
        Command::Generate(arguments) => publish::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Rebuild(arguments) => rebuild::run(arguments),
        Command::Package(arguments) => package::run(arguments),
        Command::Cost(arguments) => cost::run(arguments),
    };
    match outcome {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Fails) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {}", clickstream::error::with_causes(error.as_ref()));
            ExitCode::from(2)
        }
    }
}
