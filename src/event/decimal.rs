//! Decimal text to a whole number of small units, exactly and without floating point.
//!
//! Knows nothing of money or time. Reads the text once, however long it is.

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalError {
    /// Not `[sign] digits [. digits] [e exponent]`.
    NotANumber,
    /// 10^19 units or more.
    TooLarge,
}

/// More digits than this are more than money or time can hold; 10^19 still fits 128 bits.
const MAX_WHOLE_DIGITS: i64 = 19;

/// A larger exponent means zero or too large whatever the digits are, because bodies are far shorter than this.
const MAX_EXPONENT: i64 = 1_000_000_000_000;

/// The number in units of 10^-`places`, the rest rounded half to even. `1.5` with 3 places is 1500.
///
/// Accepts every JSON number, and also a leading `+`, `.5` and `5.`.
pub(super) fn scaled(text: &str, places: u8) -> Result<i128, DecimalError> {
    let decimal = Decimal::read(text)?;
    let magnitude = round_to(decimal.digits(), decimal.whole_digits().saturating_add(places.into()))?;
    Ok(if decimal.negative { -magnitude } else { magnitude })
}

/// The whole number that the decimal number is equal to. `3.0` is 3, `2.5` is not whole.
pub(super) fn whole(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let decimal = Decimal::read(text).ok()?;
    let whole_digits = decimal.whole_digits();
    let is_whole = decimal.digits().skip(usize::try_from(whole_digits).unwrap_or(0)).all(|digit| digit == 0);
    let magnitude = i64::try_from(round_to(decimal.digits(), whole_digits).ok()?).ok()?;
    is_whole.then_some(if decimal.negative { -magnitude } else { magnitude })
}

/// The digits before the point, as a number without its sign; 10^18 for larger ones.
pub(super) fn whole_part(text: &str) -> Result<u64, DecimalError> {
    const MAX: u64 = 1_000_000_000_000_000_000;
    let decimal = Decimal::read(text)?;
    let mut missing = decimal.whole_digits();
    let mut whole: u64 = 0;
    // Zeros follow where the exponent asks for more digits than there are; a number that is zero so far stays zero.
    for digit in decimal.digits().map(Some).chain(std::iter::repeat(None)) {
        if missing <= 0 || whole >= MAX || (digit.is_none() && whole == 0) {
            break;
        }
        whole = (whole * 10 + u64::from(digit.unwrap_or(0))).min(MAX);
        missing -= 1;
    }
    Ok(whole)
}

/// A decimal number as written, split into its parts.
struct Decimal<'a> {
    negative: bool,
    before_point: &'a [u8],
    after_point: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Result<Self, DecimalError> {
        let (negative, unsigned) = signed(text.as_bytes());
        let (mantissa, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&unsigned[..at], read_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (before_point, after_point) = match mantissa.iter().position(|&byte| byte == b'.') {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        let has_digits = !before_point.is_empty() || !after_point.is_empty();
        if !has_digits || !before_point.iter().chain(after_point).all(u8::is_ascii_digit) {
            return Err(DecimalError::NotANumber);
        }
        Ok(Decimal { negative, before_point, after_point, exponent })
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.before_point.iter().chain(self.after_point).map(|digit| digit - b'0')
    }

    /// How many of the digits stand before the point once the exponent is applied; negative where zeros are missing
    /// between the point and the first of them.
    fn whole_digits(&self) -> i64 {
        self.before_point.len() as i64 + self.exponent
    }
}

/// Whether a `-` precedes, and what follows the sign.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

fn read_exponent(text: &[u8]) -> Result<i64, DecimalError> {
    let (negative, digits) = signed(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::NotANumber);
    }
    let magnitude = digits.iter().fold(0, |sum: i64, digit| (sum * 10 + i64::from(digit - b'0')).min(MAX_EXPONENT));
    Ok(if negative { -magnitude } else { magnitude })
}

/// The first `kept` digits as a whole number, padded with zeros, rounded by the digits that follow.
fn round_to(digits: impl Iterator<Item = u8>, kept: i64) -> Result<i128, DecimalError> {
    let mut digits = digits.peekable();
    let mut kept = kept;
    while digits.next_if_eq(&0).is_some() {
        kept -= 1;
    }
    if digits.peek().is_none() || kept < 0 {
        return Ok(0);
    }
    if kept > MAX_WHOLE_DIGITS {
        return Err(DecimalError::TooLarge);
    }
    let value = (0..kept).fold(0_i128, |value, _| value * 10 + i128::from(digits.next().unwrap_or(0)));
    let rounds_up = match digits.next() {
        None | Some(0..=4) => false,
        Some(5) => digits.any(|digit| digit != 0) || value % 2 == 1,
        Some(_) => true,
    };
    Ok(value + i128::from(rounds_up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_json_calls_a_number_and_a_little_more() {
        let cases = [
            ("0", 0),
            ("-0.0", 0),
            ("12.5", 125_000),
            ("+12.5", 125_000),
            (".5", 5_000),
            ("5.", 50_000),
            ("-3", -30_000),
            ("1e3", 10_000_000),
            ("1.25E-2", 125),
            ("0.00012345e4", 12_345),
            ("000012", 120_000),
            ("0e999999999999999999999", 0),
            ("1e-999999999999999999999", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(scaled(text, 4), Ok(expected), "{text}");
        }
    }

    #[test]
    fn rounds_half_to_even() {
        let cases = [
            ("0.00005", 0),
            ("0.00015", 2),
            ("0.00025", 2),
            ("0.000250000000000000000001", 3),
            ("0.00024999999999999999999", 2),
            ("-0.00015", -2),
            ("0.000049", 0),
            ("0.99995", 10_000),
            ("5e-5", 0),
            ("5.1e-5", 1),
            ("9e-6", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(scaled(text, 4), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_whole_number_has_no_fraction_however_it_is_written() {
        let cases = [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("0.3e1", Some(3)),
            ("30e-1", Some(3)),
            ("-0.0", Some(0)),
            ("0e-9", Some(0)),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1.00000000000000000000000001", None),
            ("1e-1", None),
            ("1e30", None),
            ("x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn the_whole_part_is_not_rounded() {
        let cases = [
            ("99999999.999", 99_999_999),
            ("-1.9", 1),
            ("0.99", 0),
            ("17e8", 1_700_000_000),
            ("1.7145576e9", 1_714_557_600),
            ("123456e-3", 123),
            ("0e999999999999", 0),
            ("1e999999999999", 1_000_000_000_000_000_000),
            ("000000000000000000000000012", 12),
        ];
        for (text, expected) in cases {
            assert_eq!(whole_part(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "--1", "1 2", "0x10", "1_000", "12,5", "١"] {
            assert_eq!(scaled(text, 4), Err(DecimalError::NotANumber), "{text}");
        }
        for text in ["1e400", "1e15", "1000000000000000", "1e999999999999999999999999"] {
            assert_eq!(scaled(text, 4), Err(DecimalError::TooLarge), "{text}");
        }
    }

    #[test]
    fn is_linear_in_a_long_text() {
        let ones = "1".repeat(1 << 20);
        assert_eq!(scaled(&ones, 4), Err(DecimalError::TooLarge));
        assert_eq!(scaled(&format!("0.{ones}"), 4), Ok(1_111));
        assert_eq!(scaled(&format!("0.{}1", "0".repeat(1 << 20)), 4), Ok(0));
        assert_eq!(scaled(&format!("{}1", "0".repeat(1 << 20)), 4), Ok(10_000));
    }
}
