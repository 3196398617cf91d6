//! The tests that need more than one module. One executable: each further one would link deltalake again.

mod chaos;
mod corruptions;
mod defects;
mod fuzz;
mod gold_beside_itself;
mod gold_equals_naive_fold;
mod handler_contract;
mod identity;
mod infra;
mod lake_exactly_once;
mod listen;
mod local_run;
mod network_faults;
mod package;
mod readers;
mod readme;
mod recreated_hub;
mod scripts;
mod secrets;
mod stores;
mod support;
mod tidy;
