//! The tests that need more than one module. One executable: each further one would link deltalake again.

mod defects;
mod gold_beside_itself;
mod gold_equals_naive_fold;
mod handler_contract;
mod lake_exactly_once;
mod listen;
mod local_run;
mod readers;
mod scripts;
mod stores;
mod support;
mod tidy;
