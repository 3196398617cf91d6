//! `product_price` in its two forms: a list of prices, or a bare number that is the value of the whole event.
//!
//! A price that is negative, not finite or unreadable rejects the event: without it the sum would be wrong, and nobody
//! would notice. Knows no currency.

use super::limits::{self, Limits};
use super::members::{Field, Members};
use super::value::Value;
use crate::event::money::{Money, MoneyError};
use crate::event::reject::{Reject, RejectReason, excerpt};

/// The prices of an event, none of them negative.
#[derive(Debug, PartialEq)]
pub(super) enum Prices {
    Absent,
    /// The price of the only product, or the total of several.
    Bare(Money),
    /// In the order sent; `None` for a null.
    List(Vec<Option<Money>>),
}

impl Prices {
    pub(super) fn read(members: &Members<'_>, limits: &Limits) -> Result<Self, Reject> {
        let field = Field::ProductPrice;
        match members.value(field) {
            Value::List(json) => {
                let values = limits::list(field, json, limits)?;
                values.iter().map(price).collect::<Result<_, _>>().map(Prices::List)
            }
            value => Ok(price(&value)?.map_or(Prices::Absent, Prices::Bare)),
        }
    }

    /// The value of the event: the bare number, or the sum of the list. `None` for a list of nothing but nulls.
    pub(super) fn event_value(&self) -> Result<Option<Money>, Reject> {
        let prices = match self {
            Prices::Absent => return Ok(None),
            Prices::Bare(total) => return Ok(Some(*total)),
            Prices::List(prices) => prices,
        };
        let mut known = prices.iter().flatten().copied();
        let Some(first) = known.next() else { return Ok(None) };
        let sum = known.try_fold(first, Money::checked_add);
        sum.map(Some).ok_or_else(|| reject(RejectReason::PriceOutOfRange, "sums to 10^14 or more"))
    }

    /// The price of the product at `position`, where the prices say which product has which.
    pub(super) fn of_product(&self, position: usize, product_count: usize) -> Option<Money> {
        match self {
            Prices::Bare(total) if product_count == 1 => Some(*total),
            Prices::List(prices) if prices.len() == product_count => prices.get(position).copied().flatten(),
            _ => None,
        }
    }
}

/// One price; `None` for a null.
fn price(value: &Value<'_>) -> Result<Option<Money>, Reject> {
    let text = match value {
        Value::Absent => return Ok(None),
        Value::Number(text) => text,
        Value::Text(text) => text.as_ref(),
        other => {
            let problem = format!("must hold numbers, it holds {}", other.kind());
            return Err(reject(RejectReason::UnreadablePrice, &problem));
        }
    };
    let (reason, problem) = match Money::parse(text) {
        Ok(money) if !money.is_negative() => return Ok(Some(money)),
        Ok(_) => (RejectReason::NegativePrice, "is negative"),
        Err(MoneyError::Unreadable) => (RejectReason::UnreadablePrice, "is not a decimal number"),
        Err(MoneyError::NonFinite) => (RejectReason::NonFinitePrice, "is not finite"),
        Err(MoneyError::OutOfRange) => (RejectReason::PriceOutOfRange, "is 10^14 or more either way"),
    };
    Err(reject(reason, &format!("{problem}: `{}`", excerpt(text))))
}

fn reject(reason: RejectReason, problem: &str) -> Reject {
    Reject::new(reason, format!("`product_price` {problem}"))
}
