//! A bound on how deep values nest, checked before they are decoded.
//!
//! The decoder calls itself for every value within a value and has no limit of its own: 64 KiB of nested values cost it
//! a quarter of a gigabyte of stack, and a stack overflow ends the process. A [`Walk`] goes over the encoded values, in the
//! pieces in which they arrive, and keeps a bounded list of open values instead. It ignores what they mean. It refuses a value whose parts do not add up
//! to its size, because the decoder might then read something else than the walk did.

/// The official clients need five: a list in a described list in a map.
pub const MAX_DEPTH: usize = 24;

/// Why values are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("its values nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("its values are malformed")]
    Malformed,
    #[error("it has an array of values that are not simple")]
    ArrayOfCompounds,
}

/// A value that contains others and has not ended yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Contained values that have not ended yet.
    remaining: u32,
    /// Where the value ends; a described value does not say.
    end: Option<u64>,
}

/// How far a walk over encoded values is.
#[derive(Debug, Default)]
pub struct Walk {
    position: u64,
    /// Bytes to pass over: they belong to a value that contains no others.
    skip: u64,
    header: Vec<u8>,
    open: Vec<Open>,
}

/// What the first bytes of a value say.
enum Start {
    Incomplete,
    /// The value ends after so many more bytes.
    Simple(u64),
    Compound {
        count: u32,
        bytes: Option<u64>,
    },
}

/// Walks over `values`, which must be complete.
pub fn check(values: &[u8]) -> Result<(), Unreadable> {
    let mut walk = Walk::default();
    walk.feed(values)?;
    if walk.is_between_values() { Ok(()) } else { Err(Unreadable::Malformed) }
}

impl Walk {
    /// Continues over `bytes`.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Unreadable> {
        loop {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[skipped..];
            self.skip -= skipped as u64;
            self.position += skipped as u64;
            if self.skip > 0 {
                return Ok(());
            }
            if skipped > 0 {
                self.complete()?;
            }
            let Some((&first, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.position += 1;
            self.header.push(first);
            self.step()?;
        }
    }

    /// The length of the first value in `bytes`; `None` when it ends after them.
    pub fn first_value(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
        let mut walk = Walk::default();
        for (at, byte) in bytes.iter().enumerate() {
            walk.feed(std::slice::from_ref(byte))?;
            if walk.is_between_values() {
                return Ok(Some(at + 1));
            }
        }
        Ok(None)
    }

    pub fn is_between_values(&self) -> bool {
        self.skip == 0 && self.header.is_empty() && self.open.is_empty()
    }

    fn step(&mut self) -> Result<(), Unreadable> {
        match start(&self.header)? {
            Start::Incomplete => return Ok(()),
            Start::Simple(0) => {
                self.header.clear();
                return self.complete();
            }
            Start::Simple(bytes) => self.skip = bytes,
            Start::Compound { count, bytes } => {
                if self.open.len() == MAX_DEPTH {
                    return Err(Unreadable::TooDeep);
                }
                self.open.push(Open { remaining: count, end: bytes.map(|bytes| self.position + bytes) });
                self.header.clear();
                return self.close();
            }
        }
        self.header.clear();
        Ok(())
    }

    /// Records that a value has ended.
    fn complete(&mut self) -> Result<(), Unreadable> {
        if let Some(open) = self.open.last_mut() {
            open.remaining -= 1;
        }
        self.close()
    }

    /// Removes the values that are complete now, and checks that no value ends before its parts do.
    fn close(&mut self) -> Result<(), Unreadable> {
        while let Some(open) = self.open.last() {
            let is_past_end = open.end.is_some_and(|end| self.position > end);
            let ends_here = open.end.is_none_or(|end| self.position == end);
            match (open.remaining, ends_here) {
                _ if is_past_end => return Err(Unreadable::Malformed),
                (0, true) => {
                    self.open.pop();
                    if let Some(around) = self.open.last_mut() {
                        around.remaining -= 1;
                    }
                }
                (0, false) => return Err(Unreadable::Malformed),
                _ => break,
            }
        }
        Ok(())
    }
}

/// Reads a constructor. The upper half of its first byte says how the value is laid out.
fn start(header: &[u8]) -> Result<Start, Unreadable> {
    let code = header[0];
    let wide = code & 0x10 != 0;
    let size_bytes = if wide { 4 } else { 1 };
    let field = |index: usize| -> Option<u64> {
        let bytes = header.get(1 + index * size_bytes..1 + (index + 1) * size_bytes)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    Ok(match code >> 4 {
        _ if code == 0 => Start::Compound { count: 2, bytes: None },
        0x4 => Start::Simple(0),
        width @ 0x5..=0x9 => Start::Simple(1 << (width - 5)),
        0xa | 0xb => field(0).map_or(Start::Incomplete, Start::Simple),
        0xc | 0xd => match (field(0), field(1)) {
            (Some(size), Some(count)) => {
                let bytes = size.checked_sub(size_bytes as u64).ok_or(Unreadable::Malformed)?;
                Start::Compound { count: count as u32, bytes: Some(bytes) }
            }
            _ => Start::Incomplete,
        },
        0xe | 0xf => match (field(0), header.get(1 + 2 * size_bytes)) {
            (Some(size), Some(element)) if (0x40..0xc0).contains(element) => {
                Start::Simple(size.checked_sub(size_bytes as u64 + 1).ok_or(Unreadable::Malformed)?)
            }
            (Some(_), Some(_)) => return Err(Unreadable::ArrayOfCompounds),
            _ => Start::Incomplete,
        },
        _ => return Err(Unreadable::Malformed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fe2o3_amqp_types::primitives::{Array, OrderedMap, Symbol, Value};
    use proptest::prelude::*;

    /// A null in a described value in a described value, and so on.
    fn described(levels: usize) -> Vec<u8> {
        [[0x00, 0x44].repeat(levels), vec![0x40]].concat()
    }

    #[test]
    fn values_that_nest_too_deep_are_found_before_they_end() {
        assert_eq!(check(&described(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&described(MAX_DEPTH + 1)), Err(Unreadable::TooDeep));
        assert_eq!(Walk::default().feed(&[0x00, 0x44].repeat(MAX_DEPTH + 1)), Err(Unreadable::TooDeep));
        assert_eq!(check(&vec![0x00; 1 << 20]), Err(Unreadable::TooDeep));
    }

    #[test]
    fn values_whose_parts_do_not_add_up_are_refused() {
        for bytes in [
            // A list of 3 bytes that ends after 2, one that has too few, one with no room for its count.
            &[0xc0, 0x04, 0x01, 0x40, 0x40, 0x40][..],
            &[0xc0, 0x02, 0x02, 0x40, 0x40],
            &[0xc0, 0x00, 0x00],
            &[0xd0, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x40],
            &[0xe0, 0x01, 0x00, 0x40],
            // Incomplete.
            &[0xa1, 0x02, b'a'],
            &[0x00],
            // No such type.
            &[0x10],
        ] {
            assert_eq!(check(bytes), Err(Unreadable::Malformed), "{bytes:02x?}");
        }
        assert_eq!(check(&[0xe0, 0x06, 0x01, 0xc0, 0x02, 0x01, 0x40, 0x40]), Err(Unreadable::ArrayOfCompounds));
    }

    fn simple() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<u8>().prop_map(Value::Ubyte),
            any::<u32>().prop_map(Value::Uint),
            any::<u64>().prop_map(Value::Ulong),
            any::<i16>().prop_map(Value::Short),
            any::<i64>().prop_map(Value::Long),
            any::<char>().prop_map(Value::Char),
            ".{0,300}".prop_map(Value::String),
            "[a-z]{0,20}".prop_map(|text| Value::Symbol(Symbol::from(text))),
            proptest::collection::vec(any::<u32>(), 1..20)
                .prop_map(|all| Value::Array(Array::from(all.into_iter().map(Value::Uint).collect::<Vec<_>>()))),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        simple().prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                // Keys are names, as everywhere in AMQP: the encoder writes a list wrongly after a key that is an array.
                proptest::collection::vec(("[a-z]{0,20}".prop_map(Value::String), inner), 0..6)
                    .prop_map(|all| Value::Map(all.into_iter().collect::<OrderedMap<_, _>>())),
            ]
        })
    }

    proptest! {
        /// A walk over what the encoder writes ends where the value ends, whatever the pieces.
        #[test]
        fn a_walk_ends_where_the_encoded_value_ends(value in value(), piece in 1_usize..50) {
            let encoded = serde_amqp::to_vec(&value).expect("it can be encoded");
            prop_assert_eq!(check(&encoded), Ok(()));
            let followed = [&encoded[..], &[0xff; 3]].concat();
            prop_assert_eq!(Walk::first_value(&followed), Ok(Some(encoded.len())));
            let mut walk = Walk::default();
            for piece in encoded.chunks(piece) {
                prop_assert_eq!(walk.feed(piece), Ok(()));
            }
            prop_assert!(walk.is_between_values());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
            let _ = Walk::first_value(&bytes);
        }
    }
}
