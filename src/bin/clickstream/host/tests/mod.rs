//! The host with a real handler process: retries, kills, restarts, checkpoints, stopping.

mod bench;
mod deliveries;
mod requests;
