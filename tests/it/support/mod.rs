//! What tests share: a world with real code in it, and ways to look at it.

pub mod azure;
pub mod azurite;
pub mod envelope;
pub mod faulty;
pub mod naive;
pub mod process;
pub mod python;
pub mod render;
pub mod world;
