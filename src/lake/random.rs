//! The only place that draws random numbers: names of files, ids of commits, how long to wait after a lost race.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex, PoisonError};

/// Where chance comes from. Clones share it.
#[derive(Debug, Clone, Default)]
pub enum Random {
    #[default]
    System,
    /// The same seed gives the same numbers: for simulations.
    Seeded(Arc<Mutex<ChaCha8Rng>>),
}

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Random::Seeded(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// A name that nothing else has.
    pub fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.with(|numbers| numbers.fill_bytes(&mut bytes));
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// 0 to `most`.
    pub fn up_to(&self, most: u64) -> u64 {
        let mut number = 0;
        self.with(|numbers| number = numbers.random_range(0..=most));
        number
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws random numbers")]
    fn with(&self, draw: impl FnOnce(&mut dyn RngCore)) {
        match self {
            Random::System => draw(&mut rand::rng()),
            Random::Seeded(numbers) => draw(&mut *numbers.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}
