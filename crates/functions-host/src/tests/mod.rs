//! The host with a real handler process: retries, kills, restarts, checkpoints, stopping, moves.

mod bench;
mod deliveries;
mod requests;
mod scaling;
