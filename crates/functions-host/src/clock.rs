//! The one place where the host asks for the time, a random number or a new id.
//!
//! Does not know what they are for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;
use uuid::Uuid;

pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

pub(crate) fn new_id() -> Uuid {
    Uuid::new_v4()
}

/// A number in `0.0..1.0`.
pub(crate) fn random_fraction() -> f64 {
    rand::rng().random()
}

/// Returns once the wall clock has reached `instant`. Checks the clock every 20 seconds, because the time during which
/// a laptop is suspended does not count for an ordinary timer.
pub(crate) async fn sleep_until(instant: DateTime<Utc>) {
    const MAX_SLEEP: Duration = Duration::from_secs(20);
    while let Ok(remaining) = (instant - now()).to_std() {
        tokio::time::sleep(remaining.min(MAX_SLEEP)).await;
    }
}
