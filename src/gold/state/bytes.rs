//! Numbers and bytes of the stored form: variable-length integers as in LEB128, signed ones in zigzag order.

use super::VERSION;

/// Why bytes are not the stored form of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("the state of a session ends early")]
    Short,
    #[error("the state of a session has bytes that mean nothing")]
    Long,
    #[error("the state of a session has a number of more than 64 bits")]
    Number,
    #[error("the state of a session has text that is not UTF-8")]
    Text,
    #[error("the state of a session names a text or a profile that it does not have")]
    Reference,
    #[error("the state of a session has its events in another order")]
    Order,
    #[error(
        "the state of a session has version {0}, and this program knows version {VERSION}; run the program that wrote it, or a later one"
    )]
    Version(u8),
}

/// Appends to a buffer.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)) as u64);
    }

    pub fn count(&mut self, count: usize) {
        self.unsigned(count as u64);
    }

    /// A number that any bits may be: eight bytes.
    pub fn fixed(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Reads from the front.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Result<u8, StateError> {
        let (&first, rest) = self.0.split_first().ok_or(StateError::Short)?;
        self.0 = rest;
        Ok(first)
    }

    pub fn unsigned(&mut self) -> Result<u64, StateError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(StateError::Number)
    }

    pub fn signed(&mut self) -> Result<i64, StateError> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// The number of things that follow. Each takes a byte at least, so there are no more of them than bytes.
    pub fn count(&mut self) -> Result<usize, StateError> {
        let count = self.unsigned()?;
        if count > self.0.len() as u64 { Err(StateError::Short) } else { Ok(count as usize) }
    }

    pub fn fixed(&mut self) -> Result<i64, StateError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(StateError::Short)?;
        self.0 = rest;
        Ok(i64::from_le_bytes(*first))
    }

    pub fn text(&mut self) -> Result<&'a str, StateError> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| StateError::Text)
    }
}
