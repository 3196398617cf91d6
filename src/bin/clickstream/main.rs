//! `clickstream`: the tool that a person uses at the command line.
//!
//! Each command is a module with `Arguments` and `run`. This file only chooses the command.

#![expect(
    clippy::disallowed_methods,
    reason = "a person's tool reads the environment of that person and measures in real time"
)]

// What the commands share.
mod command;
mod terminal;

// Where events come from without Azure.
mod shop;
mod source;

// The commands.
mod local;
mod generate;
mod audit;
mod rebuild;
mod quarantine;
mod package;
mod cost;

use clap::{Parser, Subcommand};
use clickstream::config::ProcessEnvironment;
use std::process::ExitCode;

/// A serverless real-time clickstream lakehouse: run it, look at it, check it.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit code 0: the command did its work. 1: it did, and found that something is wrong. 2: it could not do it."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine: event source, Functions host, functions
    Local(local::Arguments),
    /// Write the events of a synthetic shop, one JSON object per line, or publish them to an event hub
    Generate(generate::Arguments),
    // The next three describe themselves at length: a comment here would replace that.
    Audit(audit::Arguments),
    Rebuild(rebuild::Arguments),
    Quarantine(quarantine::Arguments),
    /// Stage the app folder, which `func start` runs and which is deployed
    Package(package::Arguments),
    /// Estimate what a workload costs on Azure in a month, at list prices
    Cost(cost::Arguments),
}

fn main() -> ExitCode {
    clickstream::memory::limit();
    let command = Arguments::parse().command;
    // `local` has settings of its own, and warns of all at once.
    if !matches!(command, Command::Local(_)) {
        command::warn_of_near_names(&ProcessEnvironment);
    }
    command::exit_code(match command {
        Command::Local(arguments) => local::run(arguments),
        Command::Generate(arguments) => generate::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Rebuild(arguments) => rebuild::run(arguments),
        Command::Quarantine(arguments) => quarantine::run(arguments),
        Command::Package(arguments) => package::run(arguments),
        Command::Cost(arguments) => cost::run(arguments),
    })
}
