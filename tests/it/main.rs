//! The tests that need more than one module. One executable: each further one would link deltalake again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, which is what panics are for")]
#![allow(clippy::disallowed_methods, reason = "tests are configured by the environment and measure real time")]
#![allow(clippy::too_many_lines, reason = "a test is read from top to bottom")]

mod chaos;
mod corruptions;
mod first_contact;
mod fuzz;
mod gold_beside_itself;
mod gold_equals_naive_fold;
mod handler_contract;
mod identity;
mod infra;
mod lake_promises;
mod listen;
mod local_run;
mod network_faults;
mod other_writers;
mod package;
mod readers;
mod readme;
mod scripts;
mod secrets;
mod settings_in_the_lake;
mod support;
mod tidy;
