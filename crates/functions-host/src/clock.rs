//! The one place where the host asks for the time, a random number or a new id.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;
use uuid::Uuid;

/// The wall clock.
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

pub fn new_id() -> Uuid {
    Uuid::new_v4()
}

/// A number in `0.0..1.0`.
pub fn random_fraction() -> f64 {
    rand::rng().random()
}

/// Returns once the wall clock has reached `instant`. Looks at the clock again and again, because a laptop that
/// slept in between does not count as time passed for an ordinary timer.
pub async fn sleep_until(instant: DateTime<Utc>) {
    const LONGEST_NAP: Duration = Duration::from_secs(20);
    while let Ok(remaining) = (instant - now()).to_std() {
        tokio::time::sleep(remaining.min(LONGEST_NAP)).await;
    }
}
