//! The ways in which an event can be broken on its way, one of each kind that a pipeline has to survive.

use super::dice::Dice;
use super::record::{Products, Record};
use super::visit::Step;
use clickstream::event::time::{MICROS_PER_SECOND, Timestamp};

const FIVE_YEARS_MICROS: i64 = 5 * 365 * 86_400 * MICROS_PER_SECOND;
/// More than any parser of JSON should follow.
const NESTING: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Truncated,
    NotUtf8,
    Array,
    NoUser,
    NoTimestamp,
    FromTheFuture,
    NegativePrice,
    DeepNesting,
    DetailWithoutProduct,
    /// An empty line would be no event in NDJSON.
    Null,
}

pub const FAULTS: [Fault; 10] = [
    Fault::Truncated,
    Fault::NotUtf8,
    Fault::Array,
    Fault::NoUser,
    Fault::NoTimestamp,
    Fault::FromTheFuture,
    Fault::NegativePrice,
    Fault::DeepNesting,
    Fault::DetailWithoutProduct,
    Fault::Null,
];

/// The bytes of `record` with one fault. Never holds a newline.
pub fn broken(mut record: Record, fault: Fault, at: Timestamp, dice: &mut Dice) -> Vec<u8> {
    let mut visit = record.visit.clone();
    match fault {
        Fault::Null => return b"null".to_vec(),
        Fault::NoUser => record.user_id = None,
        Fault::NoTimestamp => record.at = None,
        Fault::FromTheFuture => record.at = Some(at.plus_micros(FIVE_YEARS_MICROS)),
        Fault::DeepNesting => record.nesting = NESTING,
        Fault::NegativePrice => {
            visit.step = Step::Detail;
            record.products = Products::Negative;
        }
        Fault::DetailWithoutProduct => {
            visit.step = Step::Detail;
            record.products = Products::LeftOut;
        }
        Fault::Truncated | Fault::NotUtf8 | Fault::Array => (),
    }
    let mut bytes = Record { visit: &visit, ..record }.bytes();
    match fault {
        Fault::Truncated => bytes.truncate(1 + dice.below(bytes.len() as u64 - 1) as usize),
        Fault::NotUtf8 => bytes[20..24].copy_from_slice(&[0xff, 0xfe, 0x80, 0xc3]),
        Fault::Array => {
            bytes.insert(0, b'[');
            bytes.push(b']');
        }
        _ => (),
    }
    bytes
}
