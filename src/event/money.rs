//! Amounts of money, exact: ten-thousandths of a currency unit, as a Delta `decimal(18,4)` holds them.
//!
//! Knows no currency. Sums do not depend on the order of their terms.

use super::decimal::{DecimalError, scaled};
use std::fmt;

/// An amount in ten-thousandths of a currency unit, from [`Money::MIN`] to [`Money::MAX`] where [`Money::parse`] made
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
pub struct Money(pub i64);

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// Not a decimal number.
    Unreadable,
    /// A NaN, an infinity, or a number that is infinite as a double (`1e400`).
    NonFinite,
    /// 10^14 currency units or more.
    OutOfRange,
}

/// Digits kept after the point.
const PLACES: u8 = 4;

impl Money {
    pub const ZERO: Money = Money(0);
    /// The largest amount of a `decimal(18,4)`: 99999999999999.9999.
    pub const MAX: Money = Money(999_999_999_999_999_999);
    pub const MIN: Money = Money(-Money::MAX.0);

    /// Reads a decimal number, exponent allowed; more than four digits after the point round half to even.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        match scaled(text, PLACES) {
            Ok(units) if units.unsigned_abs() <= u128::from(Money::MAX.0.unsigned_abs()) => Ok(Money(units as i64)),
            Ok(_) => Err(MoneyError::OutOfRange),
            Err(DecimalError::TooLarge) => Err(too_large(text)),
            Err(DecimalError::NotANumber) => Err(not_a_number(text)),
        }
    }

    /// The sum, or `None` where a `decimal(18,4)` cannot hold it.
    pub(super) fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money).filter(|sum| (Money::MIN..=Money::MAX).contains(sum))
    }

    /// The amount of `pieces` of them, or `None` where a `decimal(18,4)` cannot hold it.
    pub fn times(self, pieces: i32) -> Option<Money> {
        self.0.checked_mul(pieces.into()).map(Money).filter(|amount| (Money::MIN..=Money::MAX).contains(amount))
    }

    /// Without its sign.
    pub fn magnitude(self) -> Money {
        Money(self.0.saturating_abs())
    }

    /// The sum, or the nearest amount that a `decimal(18,4)` can hold.
    pub fn saturating_add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0)).clamp(Money::MIN, Money::MAX)
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// JSON has no infinity, so producers send one as a number that no double can hold.
fn too_large(text: &str) -> MoneyError {
    match text.parse::<f64>() {
        Ok(double) if double.is_finite() => MoneyError::OutOfRange,
        _ => MoneyError::NonFinite,
    }
}

fn not_a_number(text: &str) -> MoneyError {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if ["nan", "inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name)) {
        MoneyError::NonFinite
    } else {
        MoneyError::Unreadable
    }
}

impl fmt::Display for Money {
    /// `-1234.5000`: always four digits after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let units = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:04}", units / 10_000, units % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_exact() {
        let cases = [
            ("0.1", "0.1000"),
            ("1299.99", "1299.9900"),
            ("-5", "-5.0000"),
            ("-0.5", "-0.5000"),
            ("1e2", "100.0000"),
            ("0.00005", "0.0000"),
            ("99999999999999.9999", "99999999999999.9999"),
            ("0.1000000000000000055511151231257827", "0.1000"),
        ];
        for (text, expected) in cases {
            assert_eq!(Money::parse(text).map(|money| money.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        let cases = [
            ("abc", MoneyError::Unreadable),
            ("", MoneyError::Unreadable),
            ("$5", MoneyError::Unreadable),
            ("NaN", MoneyError::NonFinite),
            ("-Infinity", MoneyError::NonFinite),
            ("+inf", MoneyError::NonFinite),
            ("1e400", MoneyError::NonFinite),
            ("-1e400", MoneyError::NonFinite),
            ("1e308", MoneyError::OutOfRange),
            ("1e14", MoneyError::OutOfRange),
            ("99999999999999.99995", MoneyError::OutOfRange),
        ];
        for (text, expected) in cases {
            assert_eq!(Money::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn sums_stay_within_the_column() {
        assert_eq!(Money::MAX.checked_add(Money(1)), None);
        assert_eq!(Money::MAX.saturating_add(Money(1)), Money::MAX);
        assert_eq!(Money::MIN.saturating_add(Money::MIN), Money::MIN);
        assert_eq!(Money(1).checked_add(Money(2)), Some(Money(3)));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(units in Money::MIN.0..=Money::MAX.0) {
            prop_assert_eq!(Money::parse(&Money(units).to_string()), Ok(Money(units)));
        }
    }
}
