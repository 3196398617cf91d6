//! What tests share: a world with real code in it, and ways to look at it.

pub mod azurite;
pub mod envelope;
pub mod faulty;
pub mod listening;
pub mod naive;
pub mod process;
pub mod python;
pub mod render;
pub mod senders;
pub mod world;
