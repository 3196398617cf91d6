//! What the real host sent (recorded requests) and everything else it could send (an encoder that does as it does).

mod encoder;
mod errors;
mod examples;
mod properties;
