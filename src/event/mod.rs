//! The event: its identities, its bytes as received, and what they mean.
//!
//! Parsing is total: any bytes give a [`click::Click`] or a typed [`reject::Reject`], never a panic and never an error
//! to retry. Nothing here knows tables, HTTP or the clock.

pub mod ids;
pub mod received;
pub mod time;
mod decimal;
pub mod money;
pub mod unknown;
pub mod click;
pub mod reject;
pub mod url;
mod browser;
pub mod spelling;
pub mod parse;

/// What the bytes of one event turned out to be.
pub type Parsed = Result<click::Click, reject::Reject>;
