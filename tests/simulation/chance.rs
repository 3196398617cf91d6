//! The seeded source of randomness. One seed is one schedule: everything the simulated world decides is drawn from it, in the
//! order in which it happens.

pub use clickstream::lake::store::Random as Chance;

/// True once in `n`; never for 0.
pub fn one_in(chance: &Chance, n: u64) -> bool {
    n > 0 && chance.up_to(n - 1) == 0
}

/// One of `from ..= to`.
pub fn between(chance: &Chance, from: u64, to: u64) -> u64 {
    from + chance.up_to(to - from)
}
