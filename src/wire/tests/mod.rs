//! What the real host sent (recorded requests), and everything else it could send (an encoder that imitates it).

mod encoder;
mod errors;
mod examples;
mod properties;
