//! Serving: gold summarised for people. Reads the columns that gold declares, and uses none of its code.

pub mod overview;
