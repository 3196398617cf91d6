//! What tests share: a world with the real code in it, processes, stores, and ways to look at tables.

pub mod azure;
pub mod azurite;
pub mod corruption;
pub mod diff;
pub mod envelope;
pub mod event;
pub mod faulty;
pub mod limit;
pub mod listening;
pub mod naive;
pub mod numbers;
pub mod process;
pub mod proxy;
pub mod python;
pub mod quality;
pub mod render;
pub mod rewrite;
pub mod scaled;
pub mod script;
pub mod senders;
pub mod stored;
pub mod storm;
pub mod world;
