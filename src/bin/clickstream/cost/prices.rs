//! The prices, as `prices.json` has them: each with where it is from and of when. Nothing else knows a price.

use super::super::Failure;
use serde::Deserialize;

/// US dollars for a quantity of something, after what is free each month.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    usd: f64,
    /// How many units that buys.
    per: f64,
    /// Units a month.
    free: f64,
    pub unit: String,
    pub source: String,
    /// Of the price, as exactly as it is known: 2026-09-23, or 2026-10.
    pub date: String,
}

impl Price {
    /// US dollars for `quantity` units of one month.
    pub fn of(&self, quantity: f64) -> f64 {
        self.of_more((quantity - self.free).max(0.0))
    }

    /// US dollars for `quantity` units more, where what is free is used up.
    pub fn of_more(&self, quantity: f64) -> f64 {
        quantity / self.per * self.usd
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The newest date of a price.
    pub as_of: String,
    pub region: String,
    pub flex_executions: Price,
    pub flex_gb_seconds: Price,
    pub always_ready_gb_seconds: Price,
    pub throughput_unit_hours: Price,
    /// An event counts once for each 64 KB begun.
    pub ingress_units: Price,
    pub storage_writes: Price,
    pub storage_lists: Price,
    pub storage_reads: Price,
    pub capacity_gb_months: Price,
    pub log_gb: Price,
    pub private_endpoint_hours: Price,
}

impl Prices {
    pub fn read() -> Result<Self, Failure> {
        serde_json::from_str(include_str!("prices.json"))
            .map_err(|error| format!("cannot read the prices that this program was built with: {error}").into())
    }
}
