//! What tests share: a world with real code in it, and ways to look at it.

pub mod azure;
pub mod azurite;
pub mod corruption;
pub mod envelope;
pub mod faulty;
pub mod listening;
pub mod naive;
pub mod numbers;
pub mod process;
pub mod proxy;
pub mod python;
pub mod render;
pub mod scaled;
pub mod stored;
pub mod storm;
pub mod senders;
pub mod world;
