//! The stored form of a session: column `state` of gold, compact and versioned.
//!
//! Each text is stored once per session, and so is each combination of attributes, since the events of a visit mostly share
//! them. Numbers are variable-length. The same session always has the same bytes.
//!
//! ```text
//! version      1 byte: 1
//! texts        count; each: length, UTF-8
//! profiles     count; each: mask of attributes, bot, anonymous; text of each attribute that is there
//! clock        unit of times in microseconds as a power of ten; the earliest time, in that unit
//! events       count; each: event key (8 bytes), time since the earliest, profile, text of the type, mask of fields, the fields
//! rest         0, or 1 and the fields of `Rest`
//! ```
//!
//! Reading never panics and never allocates more than the bytes can justify, whatever they are.

mod bytes;
mod write;
mod read;

#[cfg(test)]
mod tests;

pub use bytes::StateError;
pub use read::read;
pub use write::write;

/// The first byte of the form described above.
const VERSION: u8 = 1;

/// Bits of the mask of an event's fields.
mod field {
    pub const PAGE_URL: u64 = 1;
    pub const VALUE: u64 = 1 << 1;
    pub const CURRENCY: u64 = 1 << 2;
    pub const TRANSACTION_ID: u64 = 1 << 3;
    pub const PRODUCTS: u64 = 1 << 4;
    pub const EVENT_NAMES: u64 = 1 << 5;
    pub const EVENT_BRANDS: u64 = 1 << 6;
    pub const EVENT_CATEGORIES: u64 = 1 << 7;
}

/// Bits of the mask of a product.
mod member {
    pub const ID: u64 = 1;
    pub const NAME: u64 = 1 << 1;
    pub const BRAND: u64 = 1 << 2;
    pub const CATEGORY: u64 = 1 << 3;
    pub const PRICE: u64 = 1 << 4;
    pub const QUANTITY: u64 = 1 << 5;
}

/// Bits of the mask of a profile beyond those of its attributes.
mod profile {
    use crate::gold::session_event::Attribute;

    pub const IS_BOT: u64 = 1 << Attribute::COUNT;
    pub const IS_ANONYMOUS: u64 = 1 << (Attribute::COUNT + 1);
}

/// Bits of the mask of a rest.
mod remainder {
    pub const DUPLICATES_UNCHECKED: u64 = 1;
    pub const IS_BOT: u64 = 1 << 1;
    pub const IS_ANONYMOUS: u64 = 1 << 2;
    pub const LANDING: u64 = 1 << 3;
    pub const EXIT: u64 = 1 << 4;
    pub const CAMPAIGN: u64 = 1 << 5;
}
